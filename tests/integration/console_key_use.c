/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console's half of opening a medium, and a medium that was prepared, on real databases. Serves OUT-2,
 * LOSS-3. */
#include "tests/lib/grants_fixture.h"

#include <errno.h>
#include <string.h>

#include "console/keys/epoch.h"
#include "console/keys/escrow.h"
#include "console/keys/medium_key.h"
#include "console/rules/grants.h"
#include "console/rules/key_use.h"
#include "console/rules/preparation.h"
#include "console/rules/recovery_key.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/box.h"
#include "lib/reason/reason.h"

static const char passphrase[] = "correct horse";

/* Asks as the terminal does, and checks the answer as it does. */
static int ask_with(Fixture *f, const SkKeyQuestion *question, uint8_t ret_output[SK_OPRF_OUTPUT_SIZE])
{
	own_oprf_question SkOprfQuestion *blind = NULL;
	own_secret SkSecret *output = NULL;
	SkKeyQuestion asked = *question;
	SkKeyReply reply;
	int r;

	assert_int_equal(sk_oprf_ask(SK_OPRF_VERIFIABLE, passphrase, strlen(passphrase), NULL, &blind), 0);
	memcpy(asked.blinded, sk_oprf_question_blinded(blind), sizeof(asked.blinded));
	r = sk_key_use(f->db, grants_vault, &asked, &reply);
	if (r != 0)
		return r;
	assert_int_equal(sk_oprf_finalize(blind, &reply.answer, reply.public_key, &output), 0);
	if (ret_output)
		memcpy(ret_output, sk_secret_data(output), SK_OPRF_OUTPUT_SIZE);
	return 0;
}

static int ask(Fixture *f, const char *medium, const char *terminal, const char *user)
{
	return ask_with(f,
		&(SkKeyQuestion){.terminal = terminal, .medium = medium, .user = user, .now = f->now}, NULL);
}

static int64_t noted(Fixture *f, const char *outcome)
{
	return count(f, "SELECT count(*) FROM key_uses WHERE outcome = $1", outcome);
}

static void test_under_a_grant_the_same_answer(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	uint8_t first[SK_OPRF_OUTPUT_SIZE], second[SK_OPRF_OUTPUT_SIZE];
	SkKeyQuestion question = {.terminal = PC, .user = "tanaka", .now = f->now};

	grants_approve(f, PC, medium, request);
	question.medium = medium;
	must(f, ask_with(f, &question, first));
	must(f, ask_with(f, &question, second));
	assert_memory_equal(first, second, sizeof(first));
	assert_int_equal(noted(f, "evaluated"), 2);
	assert_int_equal(count(f, "SELECT count(*) FROM key_counters WHERE subject_id = $1", ASKER), 2);
}

static void test_each_no_has_its_code(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], group_medium[SK_ID_SIZE];
	int64_t now = f->now;

	grants_approve(f, PC, medium, request);
	assert_int_equal(ask(f, medium, PC, "suzuki"), SK_GRANT_OTHER_USER);
	assert_int_equal(ask(f, medium, PC2, "tanaka"), SK_GRANT_NONE);
	assert_int_equal(ask(f, medium, PC_THERE, "tanaka"), SK_GRANT_NONE);
	assert_int_equal(ask(f, "01J000000000000000000000N0", PC, "tanaka"), SK_GRANT_NONE);
	f->now = now - HOUR;
	assert_int_equal(ask(f, medium, PC, "tanaka"), SK_GRANT_NOT_YET);
	f->now = now + 24 * HOUR;
	assert_int_equal(ask(f, medium, PC, "tanaka"), SK_GRANT_OVER);
	f->now = now;
	grants_approve(f, NULL, group_medium, request);
	must(f, ask(f, group_medium, PC3, "tanaka"));
	assert_int_equal(ask(f, group_medium, PC_THERE, "tanaka"), SK_GRANT_NONE);
	must(f, medium_step(f, medium, SK_MEDIUM_LOSE, "電車"));
	assert_int_equal(ask(f, medium, PC, "tanaka"), SK_MEDIUM_FROZEN);
	/* All of them are noted, but for the medium that does not exist. */
	assert_int_equal(noted(f, "SK-5601"), 3);
	assert_int_equal(noted(f, "SK-5604"), 1);
	assert_int_equal(noted(f, "SK-5608"), 1);
	assert_int_equal(count(f, "SELECT count(*) FROM key_uses WHERE medium_id = $1", medium), 6);
}

static void test_no_element(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	SkKeyQuestion question = {.terminal = PC, .user = "tanaka", .now = f->now};
	SkKeyReply reply;

	grants_approve(f, PC, medium, request);
	question.medium = medium;
	memset(question.blinded, 0, sizeof(question.blinded)); /* the identity */
	assert_int_equal(sk_key_use(f->db, grants_vault, &question, &reply), SK_REQUEST_INVALID);
	memset(question.blinded, 0xff, sizeof(question.blinded));
	assert_int_equal(sk_key_use(f->db, grants_vault, &question, &reply), SK_REQUEST_INVALID);
	assert_int_equal(noted(f, "evaluated"), 0);
}

static int run_limit(Step *s)
{
	return sk_key_limit_set(&s->actor, &(SkKeyLimitOrder){CLINIC, s->text, s->id, s->version, 100});
}

static int run_unlimit(Step *s)
{
	return sk_key_limit_remove(&s->actor, &(SkKeyLimitOrder){CLINIC, s->text, s->id, 0, 0});
}

static void check_limit(Fixture *f, const char *kind, const char *id, SkReason wanted)
{
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	Step step = {.run = run_limit, .text = kind, .version = 2};

	grants_approve(f, PC, medium, request);
	step.id = id ? id : medium;
	exec(f, "DELETE FROM key_counters", SK_DB_NO_ARGS);
	must(f, as(f, OFFICER, &step));
	must(f, ask(f, medium, PC, "tanaka"));
	must(f, ask(f, medium, PC, "tanaka"));
	assert_int_equal(ask(f, medium, PC, "tanaka"), wanted);
	/* What was refused was not counted, and the usual limit is a higher one. */
	step.run = run_unlimit;
	must(f, as(f, OFFICER, &step));
	must(f, ask(f, medium, PC, "tanaka"));
}

static void test_limits(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	Step step = {.run = run_limit, .text = "terminal", .id = PC_THERE, .version = 2};
	unsigned done = 0;

	check_limit(f, "medium", NULL, SK_KEY_LIMIT_MEDIUM);
	check_limit(f, "terminal", PC, SK_KEY_LIMIT_TERMINAL);
	check_limit(f, "person", ASKER, SK_KEY_LIMIT_PERSON);
	assert_int_equal(noted(f, "limited"), 3);
	assert_int_equal(as(f, OFFICER, &step), SK_NOT_FOUND); /* of another clinic */
	/* Guessing: the usual limit of a medium is 20 an hour, and one more where the hour ends. */
	grants_approve(f, PC2, medium, request);
	exec(f, "DELETE FROM key_counters", SK_DB_NO_ARGS);
	while (done < 50 && ask(f, medium, PC2, "tanaka") == 0)
		done++;
	assert_in_range(done, 20, 40);
}

static void test_a_destroyed_key(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	SkEpochNews news;

	grants_approve(f, PC, medium, request);
	must(f, ask(f, medium, PC, "tanaka"));
	grants_cut(f, medium);
	must(f, sk_epoch_apply(f->db, grants_vault, &news));
	assert_int_equal(ask(f, medium, PC, "tanaka"), SK_KEY_DESTROYED);
}

static int run_set_key(Step *s)
{
	char id[64];

	return sk_recovery_key_set(&s->actor, s->text, id);
}

static int run_grant(Step *s)
{
	const SkGrantKeys keys = {grants_signing, grants_vault};

	return sk_grant_prepare(&s->actor, &keys,
		&(SkPreparation){.medium = s->id, .terminal = PC, .user = "", .hours = 1}, s->made);
}

/* What the terminal seals the recovery key of the medium in. */
typedef struct Recovery {
	uint8_t public_key[SK_BOX_KEY_SIZE];
	SkSecret *secret;
	json_t *key; /* {id, public} */
} Recovery;

static void allow_preparing(Fixture *f, Recovery *recovery, char ret_medium[SK_ID_SIZE])
{
	char text[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];
	Step set = {.run = run_set_key, .text = text, .scope = SK_SCOPE_ALL}, step = {.run = run_grant};

	must(f, sk_box_key_new(&recovery->secret, recovery->public_key));
	sk_base64_format(recovery->public_key, sizeof(recovery->public_key), text);
	must(f, as(f, OFFICER, &set));
	must(f, sk_recovery_key_find(f->db, &recovery->key));
	register_medium(f, "USB-P", ret_medium);
	step.id = ret_medium;
	must(f, as(f, OFFICER, &step));
}

static json_t *facts_of(const char *medium, const Recovery *recovery)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:i, s:s, s:b, s:{s:O}}", "medium", medium, "mode",
		"bound", "luksUuid", "9a3cb8b2-7d1c-4c7e-9a7a-0b8a4a3f8f11", "cipher", "aes-xts-plain64",
		"keyBits", 512, "pbkdf", "argon2id", "capacity", 1000, "deviceHash", "h", "tested", 1,
		"escrow", "recoveryKey", json_object_get(recovery->key, "id"));
}

static int run_prepared(Step *s)
{
	static const uint8_t digest[32] = {1, 2, 3};
	const Recovery *recovery = (const Recovery *)s->text;
	uint8_t box[16 + SK_BOX_OVERHEAD];
	SkActor terminal = s->actor;
	int r = sk_box_seal(recovery->public_key, (SkBoxLabel){.info = SK_ESCROW_BOX_INFO, .aad = s->id},
		"recovery secret!", 16, box);

	terminal.person = NULL;
	terminal.terminal = s->flag ? PC2 : PC;
	terminal.scope = SK_SCOPE_ALL;
	return r < 0 ? r
		     : sk_medium_prepared(&terminal, grants_vault,
			       &(SkPrepared){.medium = s->id,
				       .facts = s->fields,
				       .volume_digest = digest,
				       .volume_digest_size = sizeof(digest),
				       .escrow = box,
				       .escrow_size = sizeof(box)});
}

static void test_a_prepared_medium(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE];
	Recovery recovery = {.secret = NULL};
	Step step = {.run = run_prepared, .text = (const char *)&recovery};

	allow_preparing(f, &recovery, medium);
	step.id = medium;
	step.fields = facts_of(medium, &recovery);
	must(f, ask(f, medium, PC, "anybody")); /* its slot is made with the console's half */
	step.flag = true;
	assert_int_equal(as(f, NULL, &step), SK_GRANT_NONE); /* another PC */
	step.flag = false;
	json_object_set_new(step.fields, "keyBits", json_integer(256));
	assert_int_equal(as(f, NULL, &step), SK_PREPARATION_WRONG);
	json_object_set_new(step.fields, "keyBits", json_integer(512));
	must(f, as(f, NULL, &step));
	must(f, as(f, NULL, &step)); /* the answer was lost, and it asks again */
	check_field(f, &sk_media_table, medium, "mode", "bound");
	check_field(f, &sk_media_table, medium, "luksUuid", "9a3cb8b2-7d1c-4c7e-9a7a-0b8a4a3f8f11");
	assert_int_equal(count(f,
				 "SELECT count(*) FROM escrows WHERE medium_id = $1 AND state = 'live' AND "
				 "tested IS NOT NULL",
				 medium),
		1);
	assert_int_equal(
		count(f, "SELECT count(*) FROM media_history WHERE action = 'prepare' AND medium_id = $1",
			medium),
		1);
	/* The grant is used up. */
	assert_int_equal(ask(f, medium, PC, "anybody"), SK_GRANT_NONE);
	json_object_set_new(step.fields, "luksUuid", json_string("00000000-7d1c-4c7e-9a7a-0b8a4a3f8f11"));
	assert_int_equal(as(f, NULL, &step), SK_GRANT_NONE);
	json_decref(step.fields);
	json_decref(recovery.key);
	sk_secret_free(recovery.secret);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_under_a_grant_the_same_answer, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(test_each_no_has_its_code, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(test_no_element, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(test_limits, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(test_a_destroyed_key, grants_setup, grants_teardown),
		cmocka_unit_test_setup_teardown(test_a_prepared_medium, grants_setup, grants_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
