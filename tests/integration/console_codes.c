/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seal keys, leases, codes that are read out and those in envelopes, on real databases. Serves EMG-1, LOSS-3.
 */
#include "tests/lib/grants_fixture.h"

#include <errno.h>
#include <string.h>

#include "console/keys/epoch.h"
#include "console/keys/receipt.h"
#include "console/rules/authority.h"
#include "console/rules/break_glass.h"
#include "console/rules/leases.h"
#include "console/rules/offline_code.h"
#include "console/rules/seal_key.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static SkSecret *console_secret, *seal_secret;
static uint8_t seal_public[SK_BOX_KEY_SIZE];

static int setup(void **state)
{
	if (grants_setup(state) < 0 || sk_secret_new(32, &console_secret) < 0)
		return -1;
	memset(sk_secret_data(console_secret), 7, 32);
	return sk_box_key_new(&seal_secret, seal_public);
}

static int teardown(void **state)
{
	sk_secret_free(own_take(console_secret));
	sk_secret_free(own_take(seal_secret));
	return grants_teardown(state);
}

/* As the terminal, which is the step's text. */
static SkActor terminal_of(const Step *s)
{
	SkActor terminal = s->actor;

	terminal.person = NULL;
	terminal.terminal = s->text;
	terminal.scope = SK_SCOPE_ALL;
	return terminal;
}

static uint8_t told_box[SK_OFFLINE_BOX_SIZE];

static int run_tell(Step *s)
{
	SkActor terminal = terminal_of(s);
	SkSealKey key = {.kind = "file"};

	memcpy(key.public_key, seal_public, sizeof(key.public_key));
	key.public_key[0] ^= (uint8_t)s->action; /* another one */
	return sk_seal_key_tell(&terminal, console_secret, &key, told_box);
}

static int tell_key(Fixture *f, const char *terminal, int other)
{
	Step step = {.run = run_tell, .text = terminal, .action = other};

	return as(f, NULL, &step);
}

static void test_the_first_key_stays(void **state)
{
	own_secret SkSecret *opened = NULL;
	uint8_t secret[SK_OFFLINE_SECRET_SIZE], first[SK_OFFLINE_BOX_SIZE];
	Fixture *f = *state;

	assert_int_equal(sk_offline_secret(f->db, console_secret, PC, secret), -ENOENT);
	must(f, tell_key(f, PC, 0));
	memcpy(first, told_box, sizeof(first));
	must(f, tell_key(f, PC, 0));
	assert_memory_equal(first, told_box, sizeof(first));
	assert_int_equal(tell_key(f, PC, 4), SK_SEAL_KEY_OTHER);
	/* What is sealed is what codes are made with. */
	must(f, sk_offline_secret(f->db, console_secret, PC, secret));
	must(f, sk_box_open(seal_secret, (SkBoxLabel){.info = SK_OFFLINE_BOX_INFO, .aad = PC}, told_box,
			sizeof(told_box), &opened));
	assert_memory_equal(sk_secret_data(opened), secret, sizeof(secret));
}

static SkLeaseNote note;

static int run_take(Step *s)
{
	SkActor terminal = terminal_of(s);

	return sk_lease_take(&terminal, s->id, &note);
}

static int run_wiped(Step *s)
{
	SkActor terminal = terminal_of(s);

	return sk_lease_wiped(&terminal, s->id);
}

static void test_a_lease_stands_in_the_receipt(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE];
	json_auto_t *receipt = NULL;
	const json_t *leases;
	SkEpochNews news;
	Step step = {.run = run_take, .text = PC, .id = medium};

	grants_approve(f, PC, medium, request);
	assert_int_equal(as(f, NULL, &step), SK_LEASE_NOT_GRANTED);
	exec(f, "UPDATE grants SET lease_until = $1 WHERE medium_id = $2",
		SK_DB_ARGS(sk_db_int(f->now + 2 * HOUR), sk_db_text(medium)));
	assert_int_equal(as(f, NULL, &step), SK_TERMINAL_NOT_SEALED);
	must(f, tell_key(f, PC, 0));
	must(f, as(f, NULL, &step));
	assert_int_equal(note.until, f->now + 2 * HOUR);
	must(f, as(f, NULL, &step));
	assert_int_equal(count(f, "SELECT count(*) FROM leases WHERE medium_id = $1", medium), 1);
	step.text = PC2;
	assert_int_equal(as(f, NULL, &step), SK_GRANT_NONE);
	/* Destroying the key names it, and says from when nobody can read the medium. */
	grants_cut(f, medium);
	must(f, sk_epoch_apply(f->db, grants_vault, &news));
	must(f, sk_receipt_make(f->db, medium, &receipt));
	leases = json_object_get(receipt, "leases");
	assert_int_equal(json_array_size(leases), 1);
	assert_string_equal(sk_row_text(json_array_get(leases, 0), "terminal"), PC);
	assert_int_equal(json_integer_value(json_object_get(receipt, "unreadable_from")), note.until);
	json_decref(own_take(receipt));
	/* Nobody else ends it. */
	step = (Step){.run = run_wiped, .text = PC2, .id = note.id};
	assert_int_equal(as(f, NULL, &step), SK_NOT_FOUND);
	step.text = PC;
	must(f, as(f, NULL, &step));
	must(f, as(f, NULL, &step));
	must(f, sk_receipt_make(f->db, medium, &receipt));
	assert_int_equal(json_array_size(json_object_get(receipt, "leases")), 0);
}

static char code_text[SK_OFFLINE_CODE_SIZE];

static int run_issue(Step *s)
{
	return sk_offline_code_issue(&s->actor, console_secret,
		&(SkOfflineOrder){.facility = CLINIC,
			.terminal = s->text,
			.medium = s->id,
			.user = "tanaka",
			.action = "read",
			.reason = "往診",
			.hours = 3},
		s->made, code_text);
}

static int run_revoke_code(Step *s)
{
	return sk_offline_code_revoke(&s->actor, &(SkRowKey){s->id, 1});
}

static SkOfflineUse use;

static int run_used(Step *s)
{
	SkActor terminal = terminal_of(s);

	return sk_offline_code_used(&terminal, &use, &s->done);
}

/* How many codes the terminal hears that were taken back. */
static size_t revoked_codes(Fixture *f, const char *terminal)
{
	SkAuthority authority;
	size_t n;

	must(f, sk_authority_read(f->db, terminal, 0, &authority));
	n = json_array_size(json_object_get(authority.revocations, "codes"));
	sk_authority_deinit(&authority);
	return n;
}

static void test_codes_that_are_read_out(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], second[SK_ID_SIZE];
	uint8_t secret[SK_OFFLINE_SECRET_SIZE];
	SkOfflineBinding binding = {PC, medium, "tanaka", "read"};
	SkOfflineCode code;
	Step step = {.run = run_issue, .text = PC, .id = medium};

	register_medium(f, "USB-C", medium);
	assert_int_equal(as(f, OFFICER, &step), SK_TERMINAL_NOT_SEALED);
	must(f, tell_key(f, PC, 0));
	step.text = PC_THERE;
	assert_int_equal(as(f, OFFICER, &step), SK_NOT_FOUND);
	step.text = PC;
	must(f, as(f, OFFICER, &step));
	must(f, sk_offline_secret(f->db, console_secret, PC, secret));
	must(f, sk_offline_code_verify(secret, &binding, code_text, f->now, &code));
	assert_int_equal(sk_offline_hours(code.length_index), 4);
	binding.user = "suzuki";
	assert_int_equal(sk_offline_code_verify(secret, &binding, code_text, f->now, &code), -EACCES);
	binding.user = "tanaka";
	must(f, sk_offline_code_verify(secret, &binding, code_text, f->now, &code));
	/* It was used. */
	use = (SkOfflineUse){code.counter, code.start_hour, medium, "tanaka", "read", f->now};
	step = (Step){.run = run_used, .text = PC};
	must(f, as(f, NULL, &step));
	must(f, as(f, NULL, &step));
	assert_int_equal(count(f, "SELECT count(*) FROM offline_codes WHERE state = $1", "used"), 1);
	use.counter++;
	must(f, as(f, NULL, &step));
	assert_true(step.done); /* nobody gave it out */
	/* Taken back, and heard of. */
	step = (Step){.run = run_issue, .text = PC, .id = medium};
	must(f, as(f, OFFICER, &step));
	sk_str_copy(second, sizeof(second), step.made);
	step = (Step){.run = run_revoke_code, .id = second};
	must(f, as(f, OFFICER, &step));
	assert_int_equal(as(f, OFFICER, &step), SK_CODE_OVER);
	assert_int_equal(revoked_codes(f, PC), 1);
	assert_int_equal(revoked_codes(f, PC2), 0);
	/* For a lost medium there is none. */
	must(f, medium_step(f, medium, SK_MEDIUM_LOSE, "電車"));
	step = (Step){.run = run_issue, .text = PC, .id = medium};
	assert_int_equal(as(f, OFFICER, &step), SK_MEDIUM_FROZEN);
}

static char glass_text[SK_GLASS_CODE_SIZE];

static int run_seal(Step *s)
{
	return sk_break_glass_create(&s->actor,
		&(SkBreakGlassOrder){.facility = CLINIC,
			.group = GROUP,
			.kept_by = "金庫",
			.minutes = 30,
			.days = 365,
			.replaces = s->id},
		s->made, glass_text);
}

static int run_broken(Step *s)
{
	SkActor terminal = terminal_of(s);

	return sk_break_glass_used(&terminal, &(SkBreakGlassUse){.id = s->id,
						      .user = "tanaka",
						      .reason = "停電",
						      .at = s->actor.now,
						      .ended = s->flag ? s->actor.now : 0});
}

static int run_review(Step *s)
{
	return sk_break_glass_review(&s->actor, &(SkRowKey){s->id, 0}, "妥当");
}

static size_t emergency_codes(Fixture *f, const char *terminal)
{
	SkAuthority authority;
	size_t n;

	must(f, sk_authority_read(f->db, terminal, 0, &authority));
	n = json_array_size(json_object_get(authority.grants, "emergency"));
	sk_authority_deinit(&authority);
	return n;
}

static void test_a_sealed_envelope(void **state)
{
	Fixture *f = *state;
	char id[SK_ID_SIZE], again[SK_GLASS_CODE_SIZE];
	Step step = {.run = run_seal};

	must(f, as(f, OFFICER, &step));
	sk_str_copy(id, sizeof(id), step.made);
	assert_true(sk_glass_code_parse(glass_text, again));
	assert_string_equal(glass_text, again);
	assert_int_equal(emergency_codes(f, PC), 1);
	assert_int_equal(emergency_codes(f, PC2), 1);
	assert_int_equal(emergency_codes(f, PC3), 0);
	step = (Step){.run = run_review, .id = id};
	assert_int_equal(as(f, BOSS, &step), SK_CODE_OVER); /* nothing happened yet */
	step = (Step){.run = run_broken, .text = PC3, .id = id};
	assert_int_equal(as(f, NULL, &step), SK_NOT_FOUND); /* of another group */
	step.text = PC;
	must(f, as(f, NULL, &step));
	step.flag = true;
	must(f, as(f, NULL, &step));
	check_field(f, &sk_break_glass_table, id, "usedAt", PC);
	assert_int_equal(emergency_codes(f, PC2), 0);
	step = (Step){.run = run_review, .id = id};
	assert_int_equal(as(f, OFFICER, &step), SK_NOT_BY_YOURSELF);
	must(f, as(f, BOSS, &step));
	assert_int_equal(as(f, BOSS, &step), SK_CODE_OVER);
	step = (Step){.run = run_seal, .id = id};
	must(f, as(f, OFFICER, &step));
	check_field(f, &sk_break_glass_table, id, "replacedBy", step.made);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_first_key_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lease_stands_in_the_receipt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_codes_that_are_read_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_sealed_envelope, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
