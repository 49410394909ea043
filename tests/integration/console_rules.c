/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger, carry-out requests and stock-taking on real databases: SQLite, and a PostgreSQL of the test's
 * own where there is one. Serves OUT-3, OUT-4, OUT-6, LOSS-1, LOSS-4.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "console/db/migrate.h"
#include "console/rules/ledger.h"
#include "console/rules/ledger_csv.h"
#include "console/rules/requests.h"
#include "console/rules/stock_taking.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/csv/csv.h"
#include "lib/reason/reason.h"
#include "tests/lib/pg_server.h"

#define CLINIC "01J0000000000000000FAC1TYA"
#define OTHER "01J0000000000000000FAC1TYB"
#define INSTANCE "01J00000000000000000000NST"
#define ASKER "01J00000000000000000000ASK"
#define BOSS "01J0000000000000000000B0SS"
#define DEPUTY "01J00000000000000000DEPVTY"
#define OFFICER "01J0000000000000000FF1CER0"
#define HOUR INT64_C(3600000)

typedef struct Fixture {
	char directory[64];
	SkDb *db;
	SkChain *chain;
	SkScope scope;
	int64_t now;
} Fixture;

static PgServer server;
static const char *clinic[] = {CLINIC};
static const char *other[] = {OTHER};
static const SkScope other_scope = {.facilities = other, .n_facilities = 1};

static void must(const Fixture *f, int r)
{
	if (r != 0) {
		fprintf(stderr, "%d: %s\n", r, sk_db_message(f->db));
		abort();
	}
}

static void exec(const Fixture *f, const char *sql, const SkDbValue *args, size_t n)
{
	must(f, sk_db_exec(f->db, sql, args, n, NULL));
}

static void add_person(const Fixture *f, const char *id, const char *login, const char *role)
{
	char role_id[SK_ID_SIZE];

	sk_id_new(role_id);
	exec(f, "INSERT INTO people (id, login, login_key, name, created) VALUES ($1, $2, $2, $2, 1)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(login)));
	exec(f,
		"INSERT INTO person_roles (id, person_id, role, facility_id, granted) VALUES ($1, $2, $3, "
		"$4, 1)",
		SK_DB_ARGS(sk_db_text(role_id), sk_db_text(id), sk_db_text(role), sk_db_text(CLINIC)));
}

static void fill(const Fixture *f)
{
	exec(f, "INSERT INTO facilities (id, name, created) VALUES ($1, 'A', 1), ($2, 'B', 1)",
		SK_DB_ARGS(sk_db_text(CLINIC), sk_db_text(OTHER)));
	exec(f,
		"INSERT INTO instances (id, name, host, software, started, last_seen) VALUES ($1, 'i', 'h', "
		"'0', 1, 1)",
		SK_DB_ARGS(sk_db_text(INSTANCE)));
	add_person(f, ASKER, "asker", "approver"); /* an approver, too: but never of their own */
	add_person(f, BOSS, "boss", "approver");
	add_person(f, DEPUTY, "deputy", "approver");
	add_person(f, OFFICER, "officer", "security-officer");
}

static int setup(void **state, const char *where)
{
	Fixture *f = calloc(1, sizeof(*f));
	char sqlite[128], chain[96];
	SkMigrateReport report;

	sk_str_copy(f->directory, sizeof(f->directory), "/tmp/sekisho-rules-XXXXXX");
	if (!mkdtemp(f->directory))
		return -1;
	sk_str_format(sqlite, sizeof(sqlite), "sqlite:%s/db", f->directory);
	sk_str_format(chain, sizeof(chain), "%s/chain", f->directory);
	mkdir(chain, 0700);
	if (sk_db_open(where ? where : sqlite, &f->db) < 0)
		return -1;
	if (where) {
		exec(f, "DROP SCHEMA public CASCADE", SK_DB_NO_ARGS);
		exec(f, "CREATE SCHEMA public", SK_DB_NO_ARGS);
	}
	must(f, sk_db_migrate(f->db, &sk_migrations, 0, &report));
	fill(f);
	must(f, sk_chain_open(f->db, INSTANCE, chain, NULL, &f->chain));
	f->scope = (SkScope){.facilities = clinic, .n_facilities = 1};
	f->now = sk_time_now();
	*state = f;
	return 0;
}

static int setup_sqlite(void **state)
{
	return setup(state, NULL);
}

static int setup_pgsql(void **state)
{
	return setup(state, server.url);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	Fixture *f = *state;

	sk_chain_free(f->chain);
	sk_db_free(f->db);
	nftw(f->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* --- calls in transactions of their own --- */

typedef struct Step {
	Fixture *f;
	SkActor actor;
	int (*run)(struct Step *step);
	const char *id, *text;
	json_t *fields, *result;
	int64_t version;
	int action;
	bool flag, done;
	const SkScope *scope;
	char made[SK_ID_SIZE];
} Step;

static int run_step(SkDb *db, void *userdata)
{
	Step *step = userdata;

	json_decref(step->result);
	step->result = NULL;
	return step->run(step);
}

static int as(Fixture *f, const char *person, Step *step)
{
	step->f = f;
	step->actor = (SkActor){.person = person,
		.second = step->actor.second,
		.fresh = step->actor.fresh,
		.chain = f->chain,
		.now = f->now};
	if (!step->scope)
		step->scope = &f->scope;
	return sk_db_transact(f->db, run_step, step);
}

static int run_register(Step *s)
{
	return sk_ledger_register(s->f->db, s->scope, &s->actor, s->fields, s->made);
}

static int run_change(Step *s)
{
	return sk_ledger_change(s->f->db, s->scope, &s->actor, &(SkRowKey){s->id, s->version}, s->fields);
}

static int run_medium(Step *s)
{
	return sk_ledger_step(s->f->db, s->scope, &s->actor,
		&(SkMediumStep){.key = {s->id, s->version},
			.action = (SkMediumAction)s->action,
			.reason = s->text,
			.certificate = s->fields,
			.key_gone = s->flag});
}

static int run_create(Step *s)
{
	return sk_request_create(s->f->db, s->scope, &s->actor, s->fields, s->made);
}

static int run_decide(Step *s)
{
	return sk_request_decide(s->f->db, s->scope, &s->actor,
		&(SkRequestDecision){.request = s->id, .approved = s->flag, .reason = s->text}, &s->done);
}

static int run_act(Step *s)
{
	return sk_request_act(s->f->db, s->scope, &s->actor, s->id, (SkRequestAction)s->action, s->text);
}

static int run_import(Step *s)
{
	return sk_ledger_import(s->f->db, s->scope, &s->actor,
		&(SkImport){.facility = s->id,
			.file_name = "台帳.csv",
			.data = s->text,
			.size = strlen(s->text),
			.map = s->fields},
		&s->result);
}

/* --- what the tests say --- */

static void register_medium(Fixture *f, const char *number, char ret_id[SK_ID_SIZE])
{
	Step step = {.run = run_register,
		.fields = json_pack("{s:s, s:s, s:s, s:s}", "facility", CLINIC, "number", number, "label",
			"診療情報", "kind", "usb-stick")};

	must(f, as(f, OFFICER, &step));
	json_decref(step.fields);
	sk_str_copy(ret_id, SK_ID_SIZE, step.made);
}

/* As an agent prepares it, which is another part's work. */
static void prepare(Fixture *f, const char *medium)
{
	exec(f, "UPDATE media SET mode = 'bound' WHERE id = $1", SK_DB_ARGS(sk_db_text(medium)));
}

static void check_field(
	Fixture *f, const SkTable *table, const char *id, const char *field, const char *wanted)
{
	json_auto_t *row = NULL;
	const char *text;

	must(f, sk_table_read(f->db, table, &f->scope, id, &row));
	text = json_string_value(json_object_get(row, field));
	assert_string_equal(text ? text : "", wanted);
}

static int medium_step(Fixture *f, const char *medium, SkMediumAction action, const char *reason)
{
	Step step = {.run = run_medium, .id = medium, .action = (int)action, .text = reason};

	return as(f, OFFICER, &step);
}

static int64_t count(Fixture *f, const char *sql, const char *arg)
{
	int64_t n;

	must(f, sk_db_query_int(f->db, sql, SK_DB_ARGS(sk_db_text(arg)), &n));
	return n;
}

static json_t *form(Fixture *f, const char *medium, int64_t from, int64_t due)
{
	char begin[SK_TIME_SIZE], end[SK_TIME_SIZE];

	sk_time_format(begin, f->now + from);
	sk_time_format(end, f->now + due);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s]}", "facility", CLINIC, "kind",
		"carry-out", "outFrom", begin, "due", end, "destination", "県立病院", "reason", "紹介",
		"dataSummary", "画像 3件", "risk", "紛失", "onLoss", "直ちに報告", "media", medium);
}

static int ask(Fixture *f, const char *medium, char ret_id[SK_ID_SIZE])
{
	Step step = {.run = run_create, .fields = form(f, medium, 0, 24 * HOUR)};
	int r = as(f, ASKER, &step);

	json_decref(step.fields);
	sk_str_copy(ret_id, SK_ID_SIZE, step.made);
	return r;
}

static int decide(Fixture *f, const char *who, const char *request, bool approved, const char *reason)
{
	Step step = {.run = run_decide, .id = request, .flag = approved, .text = reason};

	return as(f, who, &step);
}

static int act(Fixture *f, const char *who, const char *request, SkRequestAction action)
{
	Step step = {.run = run_act, .id = request, .action = (int)action};

	return as(f, who, &step);
}

static void test_the_ledger_keeps_its_history(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	Step step = {.run = run_change,
		.fields = json_pack("{s:s, s:i}", "place", "金庫", "stockDays", 30),
		.version = 1};
	int64_t records = count(f, "SELECT count(*) FROM console_records WHERE instance_id = $1", INSTANCE);

	register_medium(f, "USB-1", id);
	check_field(f, &sk_media_table, id, "state", "in-stock");
	step.id = id;
	must(f, as(f, OFFICER, &step));
	check_field(f, &sk_media_table, id, "place", "金庫");
	assert_int_equal(
		count(f, "SELECT (overdue_from - last_seen) / 86400000 FROM media WHERE id = $1", id), 30);
	/* The same version again: somebody else was faster. */
	assert_int_equal(as(f, OFFICER, &step), -ECANCELED);
	assert_int_equal(count(f, "SELECT count(*) FROM media_history WHERE medium_id = $1", id), 2);
	assert_int_equal(
		count(f, "SELECT count(*) FROM console_records WHERE instance_id = $1", INSTANCE) - records,
		2);
	json_decref(step.fields);
}

static void test_another_clinic_sees_nothing(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	Step step = {.run = run_medium, .action = SK_MEDIUM_LOSE, .text = "x", .scope = &other_scope};

	register_medium(f, "USB-1", id);
	step.id = id;
	assert_int_equal(as(f, OFFICER, &step), -ENOENT);
	step = (Step){.run = run_register,
		.scope = &other_scope,
		.fields = json_pack("{s:s, s:s, s:s, s:s}", "facility", CLINIC, "number", "N", "label", "L",
			"kind", "x")};
	assert_int_equal(as(f, OFFICER, &step), -EACCES);
	json_decref(step.fields);
}

static void test_a_number_is_given_once(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	Step step = {.run = run_register,
		.fields = json_pack("{s:s, s:s, s:s, s:s}", "facility", CLINIC, "number", "USB-1", "label",
			"L", "kind", "x")};

	register_medium(f, "USB-1", id);
	assert_int_equal(as(f, OFFICER, &step), SK_ALREADY_THERE);
	assert_int_equal(count(f, "SELECT count(*) FROM media WHERE facility_id = $1", CLINIC), 1);
	json_decref(step.fields);
}

static void test_steps_ask_for_what_they_need(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	Step step = {.run = run_medium,
		.action = SK_MEDIUM_DESTROY,
		.fields = json_pack("{s:s}", "method", "shredder")};

	register_medium(f, "USB-1", id);
	assert_int_equal(medium_step(f, id, SK_MEDIUM_LOSE, NULL), SK_MEDIUM_REASON_NEEDED);
	assert_int_equal(medium_step(f, id, SK_MEDIUM_RETURN, NULL), SK_MEDIUM_NOT_POSSIBLE);
	assert_int_equal(medium_step(f, id, SK_MEDIUM_REQUEST, NULL), SK_MEDIUM_IN_REQUEST);
	must(f, medium_step(f, id, SK_MEDIUM_RETIRE, "old"));
	assert_int_equal(medium_step(f, id, SK_MEDIUM_ERASE, NULL), SK_MEDIUM_CERTIFICATE_NEEDED);
	step.id = id;
	assert_int_equal(as(f, OFFICER, &step), SK_SECOND_PERSON_NEEDED);
	step.actor.second = OFFICER; /* oneself is nobody else */
	assert_int_equal(as(f, OFFICER, &step), SK_SECOND_PERSON_NEEDED);
	step.actor.second = BOSS;
	must(f, as(f, OFFICER, &step));
	check_field(f, &sk_media_table, id, "state", "destroyed");
	assert_int_equal(
		count(f, "SELECT count(*) FROM erasures WHERE result = 'destroyed' AND medium_id = $1", id),
		1);
	json_decref(step.fields);
}

static void test_a_request_reserves_its_medium(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], second[SK_ID_SIZE];

	register_medium(f, "USB-1", medium);
	assert_int_equal(ask(f, medium, request), SK_MEDIUM_NOT_ENCRYPTED);
	prepare(f, medium);
	must(f, ask(f, medium, request));
	check_field(f, &sk_media_table, medium, "state", "requested");
	check_field(f, &sk_media_table, medium, "request", request);
	assert_int_equal(ask(f, medium, second), SK_REQUEST_MEDIUM_TAKEN);
	assert_int_equal(count(f, "SELECT count(*) FROM requests WHERE facility_id = $1", CLINIC), 1);
}

static void test_somebody_else_approves_and_it_comes_back(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];

	register_medium(f, "USB-1", medium);
	prepare(f, medium);
	must(f, ask(f, medium, request));
	assert_int_equal(act(f, ASKER, request, SK_REQUEST_HAND_OVER), SK_REQUEST_NOT_POSSIBLE);
	assert_int_equal(decide(f, ASKER, request, true, NULL), SK_REQUEST_OWN);
	assert_int_equal(decide(f, OFFICER, request, true, NULL), SK_ROLE_MISSING);
	assert_int_equal(decide(f, BOSS, request, false, NULL), SK_MEDIUM_REASON_NEEDED);
	must(f, decide(f, BOSS, request, true, NULL));
	assert_int_equal(decide(f, DEPUTY, request, true, NULL), SK_REQUEST_DECIDED);
	check_field(f, &sk_media_table, medium, "state", "approved");
	must(f, act(f, OFFICER, request, SK_REQUEST_HAND_OVER));
	check_field(f, &sk_media_table, medium, "state", "out");
	check_field(f, &sk_media_table, medium, "holder", ASKER);
	assert_int_equal(act(f, OFFICER, request, SK_REQUEST_CLOSE), SK_REQUEST_NOT_POSSIBLE);
	must(f, act(f, OFFICER, request, SK_REQUEST_RETURN));
	check_field(f, &sk_media_table, medium, "holder", "");
	assert_int_equal(act(f, OFFICER, request, SK_REQUEST_CLOSE), SK_REQUEST_NOT_POSSIBLE);
	must(f, medium_step(f, medium, SK_MEDIUM_INSPECT, NULL));
	must(f, act(f, OFFICER, request, SK_REQUEST_CLOSE));
	check_field(f, &sk_requests_table, request, "state", "closed");
	must(f, medium_step(f, medium, SK_MEDIUM_STOCK, NULL));
	must(f, ask(f, medium, request));
}

static void test_a_refusal_gives_the_medium_back(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];

	register_medium(f, "USB-1", medium);
	prepare(f, medium);
	must(f, ask(f, medium, request));
	must(f, decide(f, BOSS, request, false, "not needed"));
	check_field(f, &sk_requests_table, request, "state", "refused");
	check_field(f, &sk_media_table, medium, "state", "in-stock");
	must(f, ask(f, medium, request));
	assert_int_equal(act(f, BOSS, request, SK_REQUEST_WITHDRAW), SK_ROLE_MISSING);
	must(f, act(f, ASKER, request, SK_REQUEST_WITHDRAW));
	check_field(f, &sk_media_table, medium, "state", "in-stock");
}

static void test_two_steps_ask_two_people(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];

	exec(f,
		"INSERT INTO approval_groups (id, facility_id, name, created) VALUES ('managers', $1, 'M', "
		"1)",
		SK_DB_ARGS(sk_db_text(CLINIC)));
	exec(f,
		"INSERT INTO approval_group_members (group_id, person_id, facility_id, added) VALUES "
		"('managers', $1, $2, 1)",
		SK_DB_ARGS(sk_db_text(BOSS), sk_db_text(CLINIC)));
	exec(f,
		"UPDATE facilities SET approval_rule = '{\"steps\":[{\"group\":\"\",\"needed\":1},"
		"{\"group\":\"managers\",\"needed\":1}]}' WHERE id = $1",
		SK_DB_ARGS(sk_db_text(CLINIC)));
	register_medium(f, "USB-1", medium);
	prepare(f, medium);
	must(f, ask(f, medium, request));
	/* A later change of the rule does not touch it. */
	exec(f, "UPDATE facilities SET approval_rule = NULL WHERE id = $1", SK_DB_ARGS(sk_db_text(CLINIC)));
	must(f, decide(f, DEPUTY, request, true, NULL));
	check_field(f, &sk_requests_table, request, "state", "waiting");
	assert_int_equal(decide(f, DEPUTY, request, true, NULL), SK_REQUEST_DECIDED_BY_YOU);
	must(f, decide(f, BOSS, request, true, NULL));
	check_field(f, &sk_requests_table, request, "state", "approved");
}

static void test_a_rule_that_cannot_be_read_asks_for_nothing_less(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];

	exec(f, "UPDATE facilities SET approval_rule = '{\"steps\":[{\"needed\":0}]}' WHERE id = $1",
		SK_DB_ARGS(sk_db_text(CLINIC)));
	register_medium(f, "USB-1", medium);
	prepare(f, medium);
	assert_int_equal(ask(f, medium, request), -EBADMSG);
}

static void test_one_person_decides_alone_with_a_proof(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	Step step = {.run = run_decide, .flag = true};

	exec(f, "UPDATE facilities SET single_person = 1 WHERE id = $1", SK_DB_ARGS(sk_db_text(CLINIC)));
	register_medium(f, "USB-1", medium);
	prepare(f, medium);
	must(f, ask(f, medium, request));
	step.id = request;
	assert_int_equal(as(f, ASKER, &step), SK_PROOF_NEEDED);
	step.actor.fresh = true;
	must(f, as(f, ASKER, &step));
	assert_int_equal(count(f, "SELECT alone FROM requests WHERE id = $1", request), 1);
	assert_int_equal(count(f, "SELECT alone FROM request_decisions WHERE request_id = $1", request), 1);
}

static void test_time_runs_out(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	json_auto_t *ids = NULL;
	Step step = {.run = run_create};

	register_medium(f, "USB-1", medium);
	prepare(f, medium);
	for (size_t i = 0; i < 3; i++) {
		static const int64_t periods[][2] = {
			{5 * HOUR, 4 * HOUR}, {-9 * HOUR, -HOUR}, {0, 24 * HOUR * 400}};

		step.fields = form(f, medium, periods[i][0], periods[i][1]);
		assert_int_equal(as(f, ASKER, &step), SK_REQUEST_PERIOD_WRONG);
		json_decref(step.fields);
	}
	must(f, ask(f, medium, request));
	f->now += 25 * HOUR;
	assert_int_equal(decide(f, BOSS, request, true, NULL), SK_REQUEST_EXPIRED);
	must(f, sk_request_expired(f->db, f->now, &ids));
	assert_string_equal(json_string_value(json_array_get(ids, 0)), request);
	must(f, act(f, NULL, request, SK_REQUEST_EXPIRE));
	check_field(f, &sk_media_table, medium, "state", "in-stock");
}

static void test_what_is_lost_on_the_way_stays_lost(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	Step step = {.run = run_medium, .text = "it was in a drawer"};

	register_medium(f, "USB-1", medium);
	prepare(f, medium);
	must(f, ask(f, medium, request));
	must(f, decide(f, BOSS, request, true, NULL));
	must(f, act(f, OFFICER, request, SK_REQUEST_HAND_OVER));
	must(f, medium_step(f, medium, SK_MEDIUM_LOSE, "train"));
	check_field(f, &sk_media_table, medium, "holder", ASKER);
	must(f, act(f, OFFICER, request, SK_REQUEST_RETURN));
	check_field(f, &sk_media_table, medium, "state", "lost");
	step.id = medium;
	step.action = SK_MEDIUM_REVOKE;
	assert_int_equal(as(f, OFFICER, &step), SK_MEDIUM_NOT_POSSIBLE); /* its key lives */
	step.flag = true;
	must(f, as(f, OFFICER, &step));
	step.action = SK_MEDIUM_FIND;
	must(f, as(f, OFFICER, &step));
	step.action = SK_MEDIUM_TAKE_BACK;
	assert_int_equal(as(f, OFFICER, &step), SK_MEDIUM_KEY_DEAD);
}

#define LIST                                                                                                 \
	"管理番号,名称,種類,容量,作成日,保存期限,管理者,棚卸間隔(日),備考\r\n"    \
	"M-1,画像用,USBメモリ,32 GB,令和8年4月1日,2031/03/31,boss,60,\"改行\nあり\"\r\n"      \
	"M-2,,外付けHDD,2TB,H31.4.30,,,,=1+1\r\n"

static void test_a_list_comes_in_and_goes_out(void **state)
{
	Fixture *f = *state;
	Step step = {.run = run_import, .id = CLINIC, .text = LIST};
	own_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	must(f, as(f, OFFICER, &step));
	assert_int_equal(json_integer_value(json_object_get(step.result, "rows")), 2);
	assert_int_equal(count(f, "SELECT capacity / 1000000000 FROM media WHERE number = $1", "M-1"), 32);
	assert_int_equal(count(f, "SELECT stock_days FROM media WHERE number = $1", "M-1"), 60);
	assert_int_equal(count(f, "SELECT count(*) FROM media WHERE custodian_id = $1", BOSS), 1);
	/* 2026-03-31T15:00:00Z: the first of April begins in Japan. */
	assert_int_equal(
		count(f, "SELECT data_created FROM media WHERE number = $1", "M-1"), INT64_C(1774969200000));
	must(f, sk_ledger_export(f->db, &f->scope, "ja", out));
	fclose(out);
	assert_non_null(strstr(text, "2026-04-01,2031-03-31"));
	assert_non_null(strstr(text, "\"'=1+1\""));
	/* What went out comes in again, in another clinic. */
	json_decref(step.result);
	step = (Step){.run = run_import, .id = OTHER, .text = text, .scope = &other_scope};
	must(f, as(f, OFFICER, &step));
	assert_int_equal(
		count(f, "SELECT count(*) FROM media WHERE facility_id = $1 AND note = '=1+1'", OTHER), 1);
	assert_int_equal(
		count(f, "SELECT count(*) FROM media WHERE facility_id = $1 AND note = '改行\nあり'", OTHER),
		1);
	json_decref(step.result);
}

static void test_a_list_with_errors_leaves_nothing(void **state)
{
	Fixture *f = *state;
	static const char list[] =
		"管理番号,保存期限,謎\nA-1,2026-02-30,x\nA-1,2026-02-28,x\n,2026-01-01,x\n";
	Step step = {.run = run_import, .id = CLINIC, .text = list};
	json_t *errors;

	assert_int_equal(as(f, OFFICER, &step), SK_IMPORT_HAS_ERRORS);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(step.result, "errors"), 0), "heading")),
		"謎");
	json_decref(step.result);
	step.fields = json_pack("{s:s}", "謎", "");
	step.result = NULL;
	assert_int_equal(as(f, OFFICER, &step), SK_IMPORT_HAS_ERRORS);
	errors = json_object_get(step.result, "errors");
	assert_int_equal(json_array_size(errors), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(errors, 0), "row")), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(errors, 1), "row")), 4);
	assert_int_equal(count(f, "SELECT count(*) FROM media WHERE facility_id = $1", CLINIC), 0);
	json_decref(step.result);
	json_decref(step.fields);
	step = (Step){.run = run_import, .id = CLINIC, .text = "番号\nB-1\nB-1\n"};
	assert_int_equal(as(f, OFFICER, &step), SK_IMPORT_HAS_ERRORS);
	assert_int_equal(count(f, "SELECT count(*) FROM media WHERE facility_id = $1", CLINIC), 0);
	json_decref(step.result);
}

static int run_begin(Step *s)
{
	return sk_stock_taking_begin(s->f->db, s->scope, &s->actor, s->fields, s->made);
}

static int run_see(Step *s)
{
	return sk_stock_taking_see(s->f->db, s->scope, &s->actor,
		&(SkSighting){.run = s->id, .medium = s->text, .place = "棚 2"});
}

static int run_close(Step *s)
{
	return sk_stock_taking_close(s->f->db, s->scope, &s->actor, s->id, &s->result);
}

static void test_stock_taking_names_what_is_missing(void **state)
{
	Fixture *f = *state;
	char first[SK_ID_SIZE], second[SK_ID_SIZE], third[SK_ID_SIZE];
	Step step = {.run = run_begin, .fields = json_pack("{s:s, s:s}", "facility", CLINIC, "name", "11月")};
	char run[SK_ID_SIZE];

	register_medium(f, "USB-1", first);
	register_medium(f, "USB-2", second);
	must(f, as(f, OFFICER, &step));
	json_decref(step.fields);
	sk_str_copy(run, sizeof(run), step.made);
	register_medium(f, "USB-3", third); /* entered while it goes on */
	step = (Step){.run = run_see, .id = run, .text = "USB-1"};
	f->now += HOUR;
	must(f, as(f, OFFICER, &step));
	step.text = third;
	must(f, as(f, OFFICER, &step));
	step.text = "USB-9";
	assert_int_equal(as(f, OFFICER, &step), SK_NOT_FOUND);
	step = (Step){.run = run_close, .id = run};
	must(f, as(f, OFFICER, &step));
	assert_int_equal(json_array_size(step.result), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(step.result, 0), "number")), "USB-2");
	json_decref(step.result);
	step = (Step){.run = run_see, .id = run, .text = "USB-2"};
	assert_int_equal(as(f, OFFICER, &step), SK_STOCK_TAKING_CLOSED);
	assert_int_equal(
		count(f, "SELECT count(*) FROM media WHERE last_seen_by = 'stock-taking:' || $1", run), 2);
}

#define TESTS(setup)                                                                                         \
	cmocka_unit_test_setup_teardown(test_the_ledger_keeps_its_history, setup, teardown),                 \
		cmocka_unit_test_setup_teardown(test_another_clinic_sees_nothing, setup, teardown),          \
		cmocka_unit_test_setup_teardown(test_a_number_is_given_once, setup, teardown),               \
		cmocka_unit_test_setup_teardown(test_steps_ask_for_what_they_need, setup, teardown),         \
		cmocka_unit_test_setup_teardown(test_a_request_reserves_its_medium, setup, teardown),        \
		cmocka_unit_test_setup_teardown(                                                             \
			test_somebody_else_approves_and_it_comes_back, setup, teardown),                     \
		cmocka_unit_test_setup_teardown(test_a_refusal_gives_the_medium_back, setup, teardown),      \
		cmocka_unit_test_setup_teardown(test_two_steps_ask_two_people, setup, teardown),             \
		cmocka_unit_test_setup_teardown(                                                             \
			test_a_rule_that_cannot_be_read_asks_for_nothing_less, setup, teardown),             \
		cmocka_unit_test_setup_teardown(                                                             \
			test_one_person_decides_alone_with_a_proof, setup, teardown),                        \
		cmocka_unit_test_setup_teardown(test_time_runs_out, setup, teardown),                        \
		cmocka_unit_test_setup_teardown(test_what_is_lost_on_the_way_stays_lost, setup, teardown),   \
		cmocka_unit_test_setup_teardown(test_a_list_comes_in_and_goes_out, setup, teardown),         \
		cmocka_unit_test_setup_teardown(test_a_list_with_errors_leaves_nothing, setup, teardown),    \
		cmocka_unit_test_setup_teardown(test_stock_taking_names_what_is_missing, setup, teardown)

int main(void)
{
	const struct CMUnitTest sqlite[] = {TESTS(setup_sqlite)};
	const struct CMUnitTest pgsql[] = {TESTS(setup_pgsql)};
	int failed;

	if (sk_crypt_init() < 0 || sk_csv_init() < 0)
		return 1;
	failed = cmocka_run_group_tests_name("SQLite", sqlite, NULL, NULL);
	if (pg_server_is_there()) {
		pg_server_start(&server, NULL);
		failed += cmocka_run_group_tests_name("PostgreSQL", pgsql, NULL, NULL);
		pg_server_free(&server);
	}
	return failed > 0;
}
