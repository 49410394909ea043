/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Grants and what terminals are told of them, on real databases, with real keys. Serves OUT-1, OUT-4, LOSS-1.
 */
#include "tests/lib/rules_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "console/keys/epoch.h"
#include "console/keys/medium_key.h"
#include "console/rules/authority.h"
#include "console/rules/grants.h"
#include "console/rules/recovery_key.h"
#include "console/rules/requests.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define GROUP "01J0000000000000000000GRP1"
#define GROUP2 "01J0000000000000000000GRP2"
#define PC "01J00000000000000000000PC1"
#define PC2 "01J00000000000000000000PC2"
#define PC3 "01J00000000000000000000PC3"      /* of the other group */
#define PC_THERE "01J00000000000000000000PC9" /* of the other clinic */
#define RECOVERY "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="

static SkVault *vault;
static SkSigning *signing;

static void add_group(Fixture *f, const char *id, const char *facility)
{
	exec(f, "INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ($1, $2, $1, 1)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(facility)));
}

static void add_terminal(Fixture *f, const char *id, const char *group, const char *facility)
{
	exec(f,
		"INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES ($1, $2, $3, $1, "
		"1)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(facility), sk_db_text(group)));
	exec(f, "INSERT INTO terminal_revisions (terminal_id, changed) VALUES ($1, 1)",
		SK_DB_ARGS(sk_db_text(id)));
}

static int start_vault(SkDb *db, void *userdata)
{
	int r = sk_db_exec(db,
		"INSERT INTO instances (id, name, host, software, started, last_seen) VALUES ($1, $1, 'h', "
		"'0', 1, 1)",
		SK_DB_ARGS(sk_db_text(sk_vault_instance(vault))), NULL);

	return r < 0 ? r : sk_epoch_start(db, vault, OFFICER);
}

static void open_keys(Fixture *f)
{
	char path[128], words[160];
	SkKeystore *keystore;
	SkEpochNews news;

	sk_str_format(path, sizeof(path), "%s/keys", f->directory);
	mkdir(path, 0700);
	sk_str_format(words, sizeof(words), "file:%s", path);
	must(f, sk_keystore_open(words, &keystore));
	must(f, sk_vault_create(path, keystore, &vault));
	must(f, sk_db_transact(f->db, start_vault, NULL));
	must(f, sk_epoch_apply(f->db, vault, &news));
	sk_str_format(path, sizeof(path), "%s/signing", f->directory);
	mkdir(path, 0700);
	must(f, sk_signing_open(f->db, path, sk_vault_instance(vault), &signing));
}

static int setup(void **state)
{
	Fixture *f;

	if (rules_setup(state) < 0)
		return -1;
	f = *state;
	open_keys(f);
	add_group(f, GROUP, CLINIC);
	add_group(f, GROUP2, CLINIC);
	add_group(f, "01J0000000000000000000GRP9", OTHER);
	add_terminal(f, PC, GROUP, CLINIC);
	add_terminal(f, PC2, GROUP, CLINIC);
	add_terminal(f, PC3, GROUP2, CLINIC);
	add_terminal(f, PC_THERE, "01J0000000000000000000GRP9", OTHER);
	return 0;
}

static int teardown(void **state)
{
	sk_signing_free(own_take(signing));
	sk_vault_free(own_take(vault));
	return rules_teardown(state);
}

static int run_create(Step *s)
{
	return sk_request_create(&s->actor, s->fields, s->made);
}

static int run_approve(Step *s)
{
	bool done = false;
	int r = sk_request_decide(&s->actor, &(SkRequestDecision){.request = s->id, .approved = true}, &done);

	return r == 0 && done ? sk_grants_of_request(&s->actor, signing, s->id) : r;
}

static int run_act(Step *s)
{
	return sk_request_act(&s->actor, s->id, (SkRequestAction)s->action, s->text);
}

static int run_revoke(Step *s)
{
	return sk_grant_revoke(&s->actor, &(SkRowKey){s->id, s->version}, s->text);
}

static int run_prepare(Step *s)
{
	const SkGrantKeys keys = {signing, vault};
	const SkPreparation preparation = {.medium = s->id, .terminal = s->text, .user = "sato", .hours = 8};

	return sk_grant_prepare(&s->actor, &keys, &preparation, s->made);
}

static int run_set_key(Step *s)
{
	char id[64];

	return sk_recovery_key_set(&s->actor, s->text, id);
}

/* An approved request for a new medium. terminal NULL: from no certain PC. */
static void approve(
	Fixture *f, const char *terminal, char ret_medium[SK_ID_SIZE], char ret_request[SK_ID_SIZE])
{
	static unsigned number;
	char begin[SK_TIME_SIZE], end[SK_TIME_SIZE], name[16];
	Step step = {.run = run_create};

	sk_str_format(name, sizeof(name), "USB-%u", ++number);
	register_medium(f, name, ret_medium);
	prepare(f, ret_medium);
	sk_time_format(begin, f->now);
	sk_time_format(end, f->now + 24 * HOUR);
	step.fields = json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s, s:s, s:s, s:s, s:s, s:s, s:[s]}", "facility",
		CLINIC, "kind", "carry-out", "outFrom", begin, "due", end, "terminal", terminal, "userName",
		"tanaka", "destination", "県立病院", "reason", "紹介", "dataSummary", "画像", "risk", "紛失",
		"onLoss", "報告", "media", ret_medium);
	must(f, as(f, ASKER, &step));
	json_decref(step.fields);
	sk_str_copy(ret_request, SK_ID_SIZE, step.made);
	step = (Step){.run = run_approve, .id = ret_request};
	must(f, as(f, BOSS, &step));
}

static int act(Fixture *f, const char *who, const char *request, SkRequestAction action)
{
	Step step = {.run = run_act, .id = request, .action = (int)action};

	return as(f, who, &step);
}

static int64_t revision(Fixture *f, const char *terminal)
{
	return count(f, "SELECT revision FROM terminal_revisions WHERE terminal_id = $1", terminal);
}

/* How many grants the terminal is told of; the first one's id. */
static size_t told(Fixture *f, const char *terminal, char ret_id[SK_ID_SIZE])
{
	SkAuthority authority;
	const json_t *grants;
	size_t n;

	must(f, sk_authority_read(f->db, terminal, &authority));
	assert_int_equal(authority.revision, revision(f, terminal));
	assert_string_equal(sk_row_text(authority.grants, "terminal"), terminal);
	grants = json_object_get(authority.grants, "grants");
	n = json_array_size(grants);
	if (ret_id && n > 0)
		sk_str_copy(ret_id, SK_ID_SIZE, sk_row_text(json_array_get(grants, 0), "id"));
	sk_authority_deinit(&authority);
	return n;
}

static bool is_revoked(Fixture *f, const char *terminal, const char *list, const char *id)
{
	SkAuthority authority;
	const json_t *item;
	bool found = false;
	size_t i;

	must(f, sk_authority_read(f->db, terminal, &authority));
	json_array_foreach (json_object_get(authority.revocations, list), i, item)
		found |= sk_str_eq(json_string_value(item), id);
	sk_authority_deinit(&authority);
	return found;
}

static void test_an_approval_grants_to_its_terminal(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], grant[SK_ID_SIZE];
	SkAuthority authority;
	const json_t *told_grant;

	approve(f, PC, medium, request);
	assert_int_equal(told(f, PC, grant), 1);
	assert_true(revision(f, PC) >= f->now);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(revision(f, (const char *[]){PC2, PC3, PC_THERE}[i]), 1);
	must(f, sk_authority_read(f->db, PC, &authority));
	told_grant = json_array_get(json_object_get(authority.grants, "grants"), 0);
	assert_string_equal(sk_row_text(told_grant, "medium"), medium);
	assert_string_equal(sk_row_text(told_grant, "user"), "tanaka");
	assert_string_equal(sk_row_text(told_grant, "mode"), "read-write");
	assert_string_equal(sk_row_text(told_grant, "terminal"), PC);
	assert_int_equal(json_integer_value(json_object_get(told_grant, "until")), f->now + 24 * HOUR);
	sk_authority_deinit(&authority);
	check_field(f, &sk_grants_table, grant, "person", ASKER);
	/* The medium may leave, and the grant goes on. */
	must(f, act(f, OFFICER, request, SK_REQUEST_HAND_OVER));
	assert_int_equal(told(f, PC, NULL), 1);
	must(f, act(f, OFFICER, request, SK_REQUEST_RETURN));
	assert_int_equal(told(f, PC, NULL), 0);
	check_field(f, &sk_grants_table, grant, "state", "ended");
}

static void test_from_no_certain_pc_every_group_has_it(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	int64_t before;

	approve(f, NULL, medium, request);
	assert_int_equal(count(f, "SELECT count(*) FROM grants WHERE request_id = $1", request), 2);
	assert_int_equal(told(f, PC, NULL), 1);
	assert_int_equal(told(f, PC2, NULL), 1);
	assert_int_equal(told(f, PC3, NULL), 1);
	assert_int_equal(told(f, PC_THERE, NULL), 0);
	before = revision(f, PC3);
	must(f, act(f, ASKER, request, SK_REQUEST_WITHDRAW));
	assert_int_equal(told(f, PC3, NULL), 0);
	assert_true(revision(f, PC3) > before);
	assert_int_equal(revision(f, PC_THERE), 1);
}

static void test_a_row_that_was_edited_grants_nothing(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], grant[SK_ID_SIZE], other[SK_ID_SIZE];

	approve(f, PC, medium, request);
	assert_int_equal(told(f, PC, grant), 1);
	/* Columns are not what is told. */
	exec(f,
		"UPDATE grants SET valid_until = valid_until + 999999999, user_name = 'mallory' WHERE id = "
		"$1",
		SK_DB_ARGS(sk_db_text(grant)));
	assert_int_equal(told(f, PC, NULL), 1);
	/* Nor does a signed text move to another row. */
	approve(f, PC2, medium, request);
	assert_int_equal(told(f, PC2, other), 1);
	exec(f, "UPDATE grants SET envelope = (SELECT envelope FROM grants WHERE id = $1) WHERE id = $2",
		SK_DB_ARGS(sk_db_text(grant), sk_db_text(other)));
	assert_int_equal(told(f, PC2, NULL), 0);
	exec(f, "UPDATE grants SET envelope = $1 WHERE id = $2",
		SK_DB_ARGS(sk_db_bytes("{}", 2), sk_db_text(grant)));
	assert_int_equal(told(f, PC, NULL), 0);
}

static void test_a_lost_medium_is_refused_everywhere(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], grant[SK_ID_SIZE];

	approve(f, PC, medium, request);
	told(f, PC, grant);
	must(f, medium_step(f, medium, SK_MEDIUM_LOSE, "電車"));
	assert_int_equal(told(f, PC, NULL), 0);
	check_field(f, &sk_grants_table, grant, "state", "revoked");
	assert_true(is_revoked(f, PC, "grants", grant));
	assert_true(is_revoked(f, PC, "media", medium));
	assert_true(is_revoked(f, PC3, "media", medium));
	assert_true(revision(f, PC3) >= f->now);
	assert_false(is_revoked(f, PC_THERE, "media", medium));
	assert_int_equal(revision(f, PC_THERE), 1);
	/* Found and taken back, it is one like others, and they hear of that, too. */
	must(f, medium_step(f, medium, SK_MEDIUM_FIND, "机の下"));
	assert_true(is_revoked(f, PC3, "media", medium));
	must(f, medium_step(f, medium, SK_MEDIUM_TAKE_BACK, "未開封"));
	assert_false(is_revoked(f, PC3, "media", medium));
}

static void test_a_grant_is_taken_back(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], grant[SK_ID_SIZE];
	Step step = {.run = run_revoke, .version = 1};

	approve(f, PC, medium, request);
	told(f, PC, grant);
	step.id = grant;
	assert_int_equal(as(f, OFFICER, &step), SK_MEDIUM_REASON_NEEDED);
	step.text = "中止";
	step.version = 2;
	assert_int_equal(as(f, OFFICER, &step), -ECANCELED);
	step.version = 1;
	step.scope = &rules_other_scope;
	assert_int_equal(as(f, OFFICER, &step), -ENOENT);
	step.scope = NULL;
	must(f, as(f, OFFICER, &step));
	assert_int_equal(told(f, PC, NULL), 0);
	step.version = 2;
	assert_int_equal(as(f, OFFICER, &step), SK_GRANT_ENDED);
	/* When its time is over nobody has to be told any more. */
	assert_true(is_revoked(f, PC, "grants", grant));
	exec(f, "UPDATE terminal_revisions SET revision = $1", SK_DB_ARGS(sk_db_int(f->now + 25 * HOUR)));
	assert_false(is_revoked(f, PC, "grants", grant));
}

static void test_preparing(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE];
	SkAuthority authority;
	const json_t *grant;
	Step step = {.run = run_prepare, .text = PC}, set = {.run = run_set_key, .text = RECOVERY};

	register_medium(f, "USB-P", medium);
	step.id = medium;
	assert_int_equal(as(f, OFFICER, &step), SK_RECOVERY_KEY_MISSING);
	set.scope = SK_SCOPE_ALL;
	must(f, as(f, OFFICER, &set));
	assert_int_equal(as(f, OFFICER, &set), SK_ALREADY_THERE);
	set.text = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; /* of small order */
	assert_int_equal(as(f, OFFICER, &set), SK_REQUEST_INVALID);
	step.text = PC_THERE;
	assert_int_equal(as(f, OFFICER, &step), SK_NOT_FOUND);
	step.text = PC;
	must(f, as(f, OFFICER, &step));
	must(f, as(f, OFFICER, &step)); /* once more: the same key */
	assert_int_equal(count(f, "SELECT count(*) FROM medium_keys WHERE medium_id = $1", medium), 1);
	must(f, sk_authority_read(f->db, PC, &authority));
	grant = json_array_get(json_object_get(authority.grants, "grants"), 0);
	assert_string_equal(sk_row_text(grant, "mode"), "prepare");
	assert_int_equal(strlen(sk_row_text(grant, "key")), 44);
	assert_string_equal(sk_row_text(json_object_get(grant, "recovery"), "public"), RECOVERY);
	sk_authority_deinit(&authority);
	prepare(f, medium);
	assert_int_equal(as(f, OFFICER, &step), SK_MEDIUM_PREPARED_ALREADY);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_approval_grants_to_its_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from_no_certain_pc_every_group_has_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_row_that_was_edited_grants_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lost_medium_is_refused_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_grant_is_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preparing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
