/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Grants and what terminals are told of them, on real databases, with real keys. Serves OUT-1, OUT-4, LOSS-1.
 */
#include "tests/lib/grants_fixture.h"

#include <string.h>

#include "console/rules/authority.h"
#include "console/rules/grants.h"
#include "console/rules/recovery_key.h"
#include "console/rules/requests.h"
#include "console/rules/tell.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

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
	const SkGrantKeys keys = {grants_signing, grants_vault};
	const SkPreparation preparation = {.medium = s->id, .terminal = s->text, .user = "sato", .hours = 8};

	return sk_grant_prepare(&s->actor, &keys, &preparation, s->made);
}

static int run_set_key(Step *s)
{
	char id[64];

	return sk_recovery_key_set(&s->actor, s->text, id);
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

	must(f, sk_authority_read(f->db, terminal, 0, &authority));
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

	must(f, sk_authority_read(f->db, terminal, 0, &authority));
	json_array_foreach (json_object_get(authority.revocations, list), i, item)
		found |= sk_str_eq(json_string_value(item), id);
	sk_authority_deinit(&authority);
	return found;
}

/* Which of the documents somebody is told who is at that revision: SK_SAME_* of those that are left out. */
static unsigned left_out(Fixture *f, const char *terminal, int64_t known)
{
	SkAuthority authority;
	unsigned same;

	must(f, sk_authority_read(f->db, terminal, known, &authority));
	same = (authority.grants ? 0 : SK_SAME_GRANTS) | (authority.revocations ? 0 : SK_SAME_REVOCATIONS);
	sk_authority_deinit(&authority);
	return same;
}

static void test_what_did_not_change_is_not_told_again(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	int64_t before;

	assert_int_equal(left_out(f, PC, 0), 0);
	assert_int_equal(left_out(f, PC, revision(f, PC)), SK_SAME_GRANTS | SK_SAME_REVOCATIONS);
	before = revision(f, PC);
	grants_approve(f, PC, medium, request);
	assert_int_equal(left_out(f, PC, before), SK_SAME_REVOCATIONS);
	assert_int_equal(left_out(f, PC, 0), 0);
	/* Lost: the list of its facility is new for all, the grant ends for one. */
	f->now += 1000;
	before = revision(f, PC);
	must(f, medium_step(f, medium, SK_MEDIUM_LOSE, "電車"));
	assert_int_equal(left_out(f, PC, before), 0);
	assert_int_equal(left_out(f, PC2, before), SK_SAME_GRANTS);
	assert_true(is_revoked(f, PC2, "media", medium));
}

static void test_an_approval_grants_to_its_terminal(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], grant[SK_ID_SIZE];
	SkAuthority authority;
	const json_t *told_grant;

	grants_approve(f, PC, medium, request);
	assert_int_equal(told(f, PC, grant), 1);
	assert_true(revision(f, PC) >= f->now);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(revision(f, (const char *[]){PC2, PC3, PC_THERE}[i]), 1);
	must(f, sk_authority_read(f->db, PC, 0, &authority));
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

	grants_approve(f, NULL, medium, request);
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

	grants_approve(f, PC, medium, request);
	assert_int_equal(told(f, PC, grant), 1);
	/* Columns are not what is told. */
	exec(f,
		"UPDATE grants SET valid_until = valid_until + 999999999, user_name = 'mallory' WHERE id = "
		"$1",
		SK_DB_ARGS(sk_db_text(grant)));
	assert_int_equal(told(f, PC, NULL), 1);
	/* Nor does a signed text move to another row. */
	grants_approve(f, PC2, medium, request);
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

	grants_approve(f, PC, medium, request);
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

	grants_approve(f, PC, medium, request);
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
	must(f, sk_authority_read(f->db, PC, 0, &authority));
	grant = json_array_get(json_object_get(authority.grants, "grants"), 0);
	assert_string_equal(sk_row_text(grant, "mode"), "prepare");
	assert_int_equal(strlen(sk_row_text(grant, "key")), 44);
	assert_string_equal(sk_row_text(json_object_get(grant, "recovery"), "public"), RECOVERY);
	sk_authority_deinit(&authority);
	prepare(f, medium);
	assert_int_equal(as(f, OFFICER, &step), SK_MEDIUM_PREPARED_ALREADY);
}

/* Nobody opens such a medium: an archive is all that goes onto it, and the ledger says so. */
static void test_a_hand_over_is_told_as_such(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], grant[SK_ID_SIZE];
	SkAuthority authority;
	const json_t *told_grant;

	grants_approve_hand_over(f, PC, medium, request);
	assert_int_equal(told(f, PC, grant), 1);
	must(f, sk_authority_read(f->db, PC, 0, &authority));
	told_grant = json_array_get(json_object_get(authority.grants, "grants"), 0);
	assert_string_equal(sk_row_text(told_grant, "medium"), medium);
	assert_string_equal(sk_row_text(told_grant, "mode"), "hand-over");
	assert_int_equal(json_integer_value(json_object_get(told_grant, "lease")), 0);
	assert_null(json_object_get(told_grant, "key"));
	assert_null(json_object_get(told_grant, "recovery"));
	sk_authority_deinit(&authority);
	check_field(f, &sk_media_table, medium, "mode", "hand-over");
	check_field(f, &sk_media_table, medium, "state", "approved");
	/* Lost, it is refused like every other one. */
	f->now += 1000;
	must(f, medium_step(f, medium, SK_MEDIUM_LOSE, "電車"));
	assert_int_equal(told(f, PC, NULL), 0);
	assert_true(is_revoked(f, PC2, "media", medium));
}

static void test_a_disc_is_granted_to_be_burned_once(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], grant[SK_ID_SIZE];
	SkAuthority authority;

	grants_approve_disc(f, PC, medium, request);
	assert_int_equal(told(f, PC, grant), 1);
	assert_int_equal(told(f, PC2, NULL), 0);
	must(f, sk_authority_read(f->db, PC, 0, &authority));
	assert_string_equal(
		sk_row_text(json_array_get(json_object_get(authority.grants, "grants"), 0), "mode"), "burn");
	sk_authority_deinit(&authority);
	check_field(f, &sk_media_table, medium, "mode", "hand-over");
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_an_approval_grants_to_its_terminal, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_from_no_certain_pc_every_group_has_it, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_row_that_was_edited_grants_nothing, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_lost_medium_is_refused_everywhere, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_what_did_not_change_is_not_told_again, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(test_a_grant_is_taken_back, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(test_preparing, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_hand_over_is_told_as_such, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_disc_is_granted_to_be_burned_once, grants_setup, grants_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
