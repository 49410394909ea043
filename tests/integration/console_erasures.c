/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of media: what terminals sign for, what they cannot say, and destroyed by two people, on real
 * databases. Serves LOSS-4. */
#include "tests/lib/grants_fixture.h"

#include <errno.h>
#include <string.h>

#include "console/keys/epoch.h"
#include "console/keys/medium_key.h"
#include "console/rules/authority.h"
#include "console/rules/erasure.h"
#include "console/rules/grants.h"
#include "console/rules/ledger.h"
#include "console/rules/sign_key.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"
#include "lib/slip/erasure.h"

#define UUID "9a3cb8b2-7d1c-4c7e-9a7a-0b8a4a3f8f11"
#define SIZE 134217728

static SkDsseSigner signer;
static uint8_t public_key[SK_SIGN_PUBLIC_SIZE];
static char medium[SK_ID_SIZE];

static SkActor terminal_of(const Step *s)
{
	SkActor terminal = s->actor;

	terminal.person = NULL;
	terminal.terminal = s->text;
	terminal.scope = SK_SCOPE_ALL;
	return terminal;
}

static int run_tell(Step *s)
{
	SkActor terminal = terminal_of(s);

	return sk_sign_key_tell(&terminal, public_key);
}

/* A medium with a key of its own, retired; and PC's key. */
static int setup(void **state)
{
	char request[SK_ID_SIZE];
	Step tell = {.run = run_tell, .text = PC};
	Fixture *f;

	if (grants_setup(state) < 0 || sk_sign_key_new(NULL, &signer.key, public_key) < 0)
		return -1;
	sk_dsse_key_id(public_key, signer.id);
	f = *state;
	grants_approve(f, PC, medium, request);
	exec(f,
		"UPDATE media SET luks_uuid = $2, device_hash = 'aa', state = 'in-stock', request_id = NULL "
		"WHERE id = $1",
		SK_DB_ARGS(sk_db_text(medium), sk_db_text(UUID)));
	exec(f, "UPDATE grants SET state = 'ended' WHERE medium_id = $1", SK_DB_ARGS(sk_db_text(medium)));
	must(f, as(f, NULL, &tell));
	return 0;
}

static int teardown(void **state)
{
	sk_secret_free(own_take(signer.key));
	return grants_teardown(state);
}

static SkErasing erasing;

static int run_grant(Step *s)
{
	return sk_grant_erase(&s->actor, grants_signing, &erasing, s->made);
}

static int grant(Fixture *f, const char *terminal, const char *group, char ret_grant[SK_ID_SIZE])
{
	Step step = {.run = run_grant};
	int r;

	erasing = (SkErasing){.medium = medium, .terminal = terminal, .group = group, .user = "", .hours = 2};
	r = as(f, OFFICER, &step);
	sk_str_copy(ret_grant, SK_ID_SIZE, step.made);
	return r;
}

static SkErasure erasure_of(const Fixture *f, const char *grant_id)
{
	SkErasure erasure = {.uuid = UUID,
		.terminal = PC,
		.user = "tanaka",
		.device = "Acme Stick",
		.device_hash = "aa",
		.method = "zeros",
		.result = SK_ERASURE_RESULT_VERIFIED,
		.begun = f->now,
		.ended = f->now + 1,
		.size = SIZE,
		.written = SIZE,
		.compared = SIZE};

	sk_str_copy(erasure.medium, sizeof(erasure.medium), medium);
	sk_str_copy(erasure.grant, sizeof(erasure.grant), grant_id);
	return erasure;
}

static const char *certificate;

static int run_take(Step *s)
{
	SkActor terminal = terminal_of(s);

	return sk_erasure_take(&terminal, grants_vault, certificate);
}

static int take(Fixture *f, const char *terminal, const SkErasure *erasure)
{
	Step step = {.run = run_take, .text = terminal};
	own_free char *envelope = NULL;
	int r;

	must(f, sk_erasure_sign(erasure, &signer, &envelope));
	certificate = envelope;
	must(f, sk_epoch_apply(f->db, grants_vault, NULL));
	r = as(f, NULL, &step);
	must(f, sk_epoch_apply(f->db, grants_vault, NULL));
	return r;
}

static int64_t rows(Fixture *f, const char *result)
{
	int64_t n;

	must(f, sk_db_query_int(f->db, "SELECT count(*) FROM erasures WHERE medium_id = $1 AND result = $2",
			SK_DB_ARGS(sk_db_text(medium), sk_db_text(result)), &n));
	return n;
}

static void test_who_may_erase(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];

	assert_int_equal(grant(f, PC, NULL, id), SK_MEDIUM_NOT_POSSIBLE); /* it is in stock */
	must(f, medium_step(f, medium, SK_MEDIUM_RETIRE, "old"));
	assert_int_equal(grant(f, PC, GROUP, id), -EINVAL);
	assert_int_equal(grant(f, NULL, NULL, id), -EINVAL);
	assert_int_equal(grant(f, PC_THERE, NULL, id), SK_NOT_FOUND);
	assert_int_equal(grant(f, NULL, "no group", id), SK_NOT_FOUND);
	must(f, grant(f, NULL, GROUP, id));
	exec(f, "UPDATE media SET luks_uuid = NULL WHERE id = $1", SK_DB_ARGS(sk_db_text(medium)));
	assert_int_equal(grant(f, PC, NULL, id), SK_MEDIUM_NOT_RECOGNISED);
}

/* Retired means refused everywhere; the grant for erasing it stands beside that. */
static void test_a_frozen_medium_is_granted(void **state)
{
	Fixture *f = *state;
	SkAuthority authority = {0};
	char id[SK_ID_SIZE];

	must(f, medium_step(f, medium, SK_MEDIUM_LOSE, "train"));
	must(f, medium_step(f, medium, SK_MEDIUM_FIND, "drawer"));
	must(f, medium_step(f, medium, SK_MEDIUM_RETIRE, "not trusted"));
	must(f, grant(f, PC, NULL, id));
	must(f, sk_authority_read(f->db, PC, 0, &authority));
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(authority.revocations, "media"), 0)),
		medium);
	assert_int_equal(json_array_size(json_object_get(authority.grants, "grants")), 1);
	assert_string_equal(
		sk_row_text(json_array_get(json_object_get(authority.grants, "grants"), 0), "mode"), "erase");
	sk_authority_deinit(&authority);
}

static void test_erased(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	SkErasure erasure;
	SkMediumKey key;

	must(f, medium_step(f, medium, SK_MEDIUM_RETIRE, "old"));
	must(f, grant(f, PC, NULL, id));
	must(f, sk_medium_key_find(f->db, medium, &key));
	erasure = erasure_of(f, id);
	must(f, take(f, PC, &erasure));
	check_field(f, &sk_media_table, medium, "state", "erased");
	must(f, take(f, PC, &erasure)); /* the answer was lost */
	assert_int_equal(rows(f, "verified"), 1);
	assert_int_equal(sk_medium_key_find(f->db, medium, &key), -EKEYREVOKED);
	assert_int_equal(
		count(f, "SELECT count(*) FROM grants WHERE state = 'live' AND medium_id = $1", medium), 0);
	assert_int_equal(
		count(f,
			"SELECT count(*) FROM erasures WHERE person_id = '" OFFICER "' AND terminal_id = '" PC
			"' AND details LIKE '%\"preparedOnThisDevice\":true%' AND "
			"certificate LIKE '%payload%' AND medium_id = $1",
			medium),
		1);
}

static void test_a_lying_terminal(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE], prepare[SK_ID_SIZE];
	SkErasure good, bad;

	must(f, medium_step(f, medium, SK_MEDIUM_RETIRE, "old"));
	must(f, grant(f, PC, NULL, id));
	good = bad = erasure_of(f, id);
	assert_int_equal(take(f, PC2, &good), SK_ERASURE_WRONG); /* it has no such key */
	sk_str_copy(bad.terminal, sizeof(bad.terminal), PC2);
	assert_int_equal(take(f, PC, &bad), SK_ERASURE_WRONG);
	bad = good;
	bad.compared--;
	assert_int_equal(take(f, PC, &bad), SK_ERASURE_WRONG); /* verified, and not read back whole */
	bad = good;
	bad.uuid[0]++;
	assert_int_equal(take(f, PC, &bad), SK_ERASURE_WRONG);
	bad = good;
	bad.grant[0]++;
	assert_int_equal(take(f, PC, &bad), SK_ERASURE_WRONG);
	must(f, grant(f, PC3, NULL, prepare));
	bad = erasure_of(f, prepare);
	assert_int_equal(take(f, PC, &bad), SK_ERASURE_WRONG); /* of another PC */
	exec(f, "UPDATE grants SET mode = 'prepare' WHERE id = $1", SK_DB_ARGS(sk_db_text(id)));
	assert_int_equal(take(f, PC, &good), SK_ERASURE_WRONG);
	check_field(f, &sk_media_table, medium, "state", "retired");
	assert_int_equal(rows(f, "verified"), 0);
}

static const char *hand_words[] = {"shredder", "press"};

static int run_destroy(Step *s)
{
	json_auto_t *fields = json_pack("{s:s, s:s}", "method", s->text, "result", "in pieces");

	return sk_destruction_enter(&s->actor, &(SkRowKey){s->id, s->version}, fields);
}

static int run_confirm(Step *s)
{
	return sk_destruction_confirm(&s->actor, grants_vault, &(SkRowKey){s->id, s->version});
}

static int64_t version_now(Fixture *f)
{
	return count(f, "SELECT version FROM media WHERE id = $1", medium);
}

static int by_hand(Fixture *f, const char *person, int (*run)(Step *s), const char *text)
{
	Step step = {.run = run, .id = medium, .text = text, .version = version_now(f)};
	int r;

	must(f, sk_epoch_apply(f->db, grants_vault, NULL));
	r = as(f, person, &step);
	must(f, sk_epoch_apply(f->db, grants_vault, NULL));
	return r;
}

static void test_failed_and_destroyed_by_two(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE];
	SkErasure erasure;
	SkMediumKey key;

	assert_int_equal(by_hand(f, OFFICER, run_destroy, hand_words[0]), SK_MEDIUM_NOT_POSSIBLE);
	must(f, medium_step(f, medium, SK_MEDIUM_RETIRE, "old"));
	must(f, grant(f, PC, NULL, id));
	erasure = erasure_of(f, id);
	sk_str_copy(erasure.result, sizeof(erasure.result), SK_ERASURE_RESULT_FAILED);
	sk_str_copy(erasure.reason, sizeof(erasure.reason), "Input/output error");
	erasure.compared = 0;
	must(f, take(f, PC, &erasure));
	check_field(f, &sk_media_table, medium, "state", "retired");
	assert_int_equal(rows(f, "failed"), 1);
	assert_int_equal(
		count(f, "SELECT count(*) FROM alerts WHERE kind = 'erasure-failed' AND subject_id = $1",
			medium),
		1);
	assert_int_equal(
		by_hand(f, BOSS, run_confirm, NULL), SK_MEDIUM_NOT_POSSIBLE); /* nobody has done it */
	must(f, by_hand(f, OFFICER, run_destroy, hand_words[0]));
	must(f, by_hand(f, OFFICER, run_destroy, hand_words[1])); /* a correction */
	assert_int_equal(rows(f, "withdrawn"), 1);
	check_field(f, &sk_media_table, medium, "state", "retired");
	assert_int_equal(by_hand(f, OFFICER, run_confirm, NULL), SK_SECOND_PERSON_NEEDED);
	must(f, by_hand(f, BOSS, run_confirm, NULL));
	check_field(f, &sk_media_table, medium, "state", "destroyed");
	assert_int_equal(
		count(f,
			"SELECT count(*) FROM erasures WHERE result = 'destroyed' AND method = 'press' AND "
			"person_id = '" OFFICER "' AND witness_id = '" BOSS "' AND medium_id = $1",
			medium),
		1);
	assert_int_equal(sk_medium_key_find(f->db, medium, &key), -EKEYREVOKED);
	assert_int_equal(
		count(f, "SELECT count(*) FROM alerts WHERE state = 'open' AND subject_id = $1", medium), 0);
	assert_int_equal(by_hand(f, BOSS, run_confirm, NULL), SK_MEDIUM_NOT_POSSIBLE);
	/* What a terminal did before it heard of that stands beside it, and changes nothing. */
	erasure = erasure_of(f, id);
	erasure.begun++;
	must(f, take(f, PC, &erasure));
	check_field(f, &sk_media_table, medium, "state", "destroyed");
}

static int run_enter(Step *s)
{
	json_auto_t *fields = json_pack("{s:s, s:s}", "method", s->text, "result", "read back");

	return sk_erasure_enter(&s->actor, grants_vault, &(SkRowKey){s->id, s->version}, fields);
}

static void test_entered_by_hand(void **state)
{
	Fixture *f = *state;

	assert_int_equal(by_hand(f, OFFICER, run_enter, "tool"), SK_MEDIUM_NOT_POSSIBLE);
	must(f, medium_step(f, medium, SK_MEDIUM_RETIRE, "old"));
	must(f, by_hand(f, OFFICER, run_enter, "tool"));
	check_field(f, &sk_media_table, medium, "state", "erased");
	assert_int_equal(rows(f, "verified"), 1);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_may_erase, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_frozen_medium_is_granted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_erased, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lying_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_and_destroyed_by_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_entered_by_hand, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
