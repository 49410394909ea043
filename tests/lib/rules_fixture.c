/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/rules_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "console/db/migrate.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/csv/csv.h"
#include "tests/lib/pg_server.h"

static const char *where; /* NULL: SQLite */
static const char *clinic[] = {CLINIC};
static const char *other[] = {OTHER};
const SkScope rules_other_scope = {.facilities = other, .n_facilities = 1};

void must(const Fixture *f, int r)
{
	if (r != 0) {
		fprintf(stderr, "%d: %s\n", r, sk_db_message(f->db));
		abort();
	}
}

void exec(const Fixture *f, const char *sql, const SkDbValue *args, size_t n)
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
	add_person(f, ASKER, "asker", "approver");
	add_person(f, BOSS, "boss", "approver");
	add_person(f, DEPUTY, "deputy", "approver");
	add_person(f, OFFICER, "officer", "security-officer");
}

void rules_url(const Fixture *f, char *ret_url, size_t size)
{
	if (where)
		sk_str_copy(ret_url, size, where);
	else
		sk_str_format(ret_url, size, "sqlite:%s/db", f->directory);
}

int rules_setup(void **state)
{
	Fixture *f = calloc(1, sizeof(*f));
	char url[256], chain[96];
	SkMigrateReport report;

	sk_str_copy(f->directory, sizeof(f->directory), "/tmp/sekisho-rules-XXXXXX");
	if (!mkdtemp(f->directory))
		return -1;
	rules_url(f, url, sizeof(url));
	sk_str_format(chain, sizeof(chain), "%s/chain", f->directory);
	mkdir(chain, 0700);
	if (sk_db_open(url, &f->db) < 0)
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

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int rules_teardown(void **state)
{
	Fixture *f = *state;

	sk_chain_free(f->chain);
	sk_db_free(f->db);
	nftw(f->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static int run_step(SkDb *db, void *userdata)
{
	Step *step = userdata;

	json_decref(step->result);
	step->result = NULL;
	return step->run(step);
}

int as(Fixture *f, const char *person, Step *step)
{
	step->f = f;
	step->actor = (SkActor){.db = f->db,
		.scope = step->scope ? step->scope : &f->scope,
		.person = person,
		.second = step->actor.second,
		.fresh = step->actor.fresh,
		.chain = f->chain,
		.now = f->now};
	return sk_db_transact(f->db, run_step, step);
}

int run_register(Step *s)
{
	return sk_ledger_register(&s->actor, s->fields, s->made);
}

int run_medium(Step *s)
{
	return sk_ledger_step(&s->actor, &(SkMediumStep){.key = {s->id, s->version},
						 .action = (SkMediumAction)s->action,
						 .reason = s->text,
						 .certified = s->fields != NULL,
						 .key_gone = s->flag});
}

void register_medium(Fixture *f, const char *number, char ret_id[SK_ID_SIZE])
{
	Step step = {.run = run_register,
		.fields = json_pack("{s:s, s:s, s:s, s:s}", "facility", CLINIC, "number", number, "label",
			"診療情報", "kind", "usb-stick")};

	must(f, as(f, OFFICER, &step));
	json_decref(step.fields);
	sk_str_copy(ret_id, SK_ID_SIZE, step.made);
}

void prepare(Fixture *f, const char *medium)
{
	exec(f, "UPDATE media SET mode = 'bound' WHERE id = $1", SK_DB_ARGS(sk_db_text(medium)));
}

void check_field(Fixture *f, const SkTable *table, const char *id, const char *field, const char *wanted)
{
	json_auto_t *row = NULL;
	const char *text;

	must(f, sk_table_read(f->db, table, &f->scope, id, &row));
	text = json_string_value(json_object_get(row, field));
	assert_string_equal(text ? text : "", wanted);
}

int medium_step(Fixture *f, const char *medium, SkMediumAction action, const char *reason)
{
	Step step = {.run = run_medium, .id = medium, .action = (int)action, .text = reason};

	return as(f, OFFICER, &step);
}

int64_t count(Fixture *f, const char *sql, const char *arg)
{
	int64_t n;

	must(f, sk_db_query_int(f->db, sql, SK_DB_ARGS(sk_db_text(arg)), &n));
	return n;
}

int rules_run(int (*group)(void))
{
	PgServer server = {.pid = 0};
	int failed;

	if (sk_crypt_init() < 0 || sk_csv_init() < 0)
		return 1;
	failed = group();
	if (pg_server_is_there()) {
		pg_server_start(&server, NULL);
		where = server.url;
		puts("once more, on PostgreSQL");
		failed += group();
		pg_server_free(&server);
	}
	return failed > 0;
}
