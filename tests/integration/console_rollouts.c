/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roll-outs of policies on both engines: stages, what stops them, what goes on after that. Serves DEV-1. */
#include "tests/lib/policies_fixture.h"

#include "console/rules/alerts.h"
#include "console/rules/policy_groups.h"
#include "console/rules/policy_rollout.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define TERMINALS 40

static int run_start(Step *s)
{
	return sk_rollout_start(&s->actor, s->fields, s->made);
}

static int run_step(Step *s)
{
	s->actor.scope = SK_SCOPE_ALL;
	return sk_rollout_step(&s->actor, s->id);
}

static int run_look(Step *s)
{
	return sk_alerts_look(&s->actor, CLINIC);
}

static int run_pause(Step *s)
{
	return sk_rollout_pause(&s->actor, &(SkRowKey){.id = s->id}, "lunch");
}

static int run_resume(Step *s)
{
	return sk_rollout_resume(&s->actor, &(SkRowKey){.id = s->id}, "looked at");
}

static int run_back(Step *s)
{
	return sk_rollout_back(&s->actor, &(SkRowKey){.id = s->id}, "harm");
}

typedef struct House {
	char policy[SK_ID_SIZE], old[SK_ID_SIZE], new[SK_ID_SIZE], group[SK_ID_SIZE], rollout[SK_ID_SIZE];
	char terminals[TERMINALS][SK_ID_SIZE];
} House;

static void build(Fixture *f, House *house)
{
	must(f, call(f, run_create, NULL, "all", house->policy));
	publish(f, house->policy, "allow id 046d:c31c\n", house->old);
	publish(f, house->policy, "block id 046d:c31c\n", house->new);
	must(f, call(f, run_group, NULL, "house", house->group));
	for (int i = 0; i < TERMINALS; i++)
		add_terminal(f, house->group, house->terminals[i]);
	must(f, call(f, run_assign, house->group, house->old, NULL));
	for (int i = 0; i < TERMINALS; i++)
		tell(f, house->terminals[i], "applied", "");
}

static int start(Fixture *f, House *house, const char *stages)
{
	json_auto_t *list = json_loads(stages, 0, NULL);

	f->now += 1000;
	return with_files(f, run_start, NULL,
		json_pack("{s:s, s:s, s:[s], s:O}", "facility", CLINIC, "policyVersion", house->new, "groups",
			house->group, "stages", list),
		house->rollout);
}

static int64_t having(Fixture *f, const char *version)
{
	return count(f, "SELECT count(*) FROM terminal_policies WHERE policy_version_id = $1", version);
}

static void contact(Fixture *f)
{
	exec(f, "UPDATE terminal_status SET last_contact = $1", SK_DB_ARGS(sk_db_int(f->now)));
}

/* Everybody who was given something says so and is in contact. */
static void answer(Fixture *f, House *house, const char *outcome)
{
	for (int i = 0; i < TERMINALS; i++)
		if (count(f,
			    "SELECT count(*) FROM terminal_policies WHERE state = 'sent' AND terminal_id = "
			    "$1",
			    house->terminals[i]) > 0)
			tell(f, house->terminals[i], outcome, "console-20-clinic.rules:1:1: no");
	contact(f);
}

static void step(Fixture *f, House *house, int64_t later)
{
	f->now += later;
	must(f, call(f, run_step, house->rollout, NULL, NULL));
}

/* The same with everybody in contact. */
static void live(Fixture *f, House *house, int64_t later)
{
	f->now += later;
	contact(f);
	step(f, house, 0);
}

static void check_state(Fixture *f, House *house, const char *state, int64_t having_new)
{
	check_field(f, &sk_rollouts_table, house->rollout, "state", state);
	assert_int_equal(having(f, house->new), having_new);
}

#define STAGES "[{\"count\":1,\"hours\":0},{\"share\":50,\"hours\":2},{\"share\":100,\"hours\":0}]"

static void test_rollout(void **state)
{
	Fixture *f = *state;
	House house;

	build(f, &house);
	assert_int_equal(start(f, &house, "[{\"share\":50,\"hours\":1}]"), SK_ROLLOUT_WRONG);
	assert_int_equal(start(f, &house, "[{\"count\":1,\"share\":50,\"hours\":1}]"), SK_ROLLOUT_WRONG);
	must(f, start(f, &house, STAGES));
	check_state(f, &house, "running", 1);
	assert_int_equal(call(f, run_assign, house.group, house.old, NULL), SK_GROUP_IN_ROLLOUT);
	/* Nobody has answered: time alone brings no further stage, and kills lose nothing. */
	live(f, &house, HOUR / 6);
	check_state(f, &house, "running", 1);
	answer(f, &house, "applied");
	live(f, &house, 1000);
	check_state(f, &house, "running", 20);
	/* The second one waits for its two hours, and while it is paused for longer. */
	answer(f, &house, "applied");
	live(f, &house, HOUR);
	check_state(f, &house, "running", 20);
	must(f, call(f, run_pause, house.rollout, NULL, NULL));
	answer(f, &house, "applied");
	live(f, &house, 2 * HOUR);
	check_state(f, &house, "paused", 20);
	must(f, call(f, run_resume, house.rollout, NULL, NULL));
	answer(f, &house, "applied");
	live(f, &house, 1000);
	check_state(f, &house, "running", TERMINALS);
	answer(f, &house, "applied");
	live(f, &house, 1000);
	check_state(f, &house, "done", TERMINALS);
	check_field(f, &sk_groups_table, house.group, "policyVersion", house.new);
	live(f, &house, HOUR);
	/* Back, also after its end. */
	must(f, call(f, run_back, house.rollout, NULL, NULL));
	check_state(f, &house, "rolled-back", 0);
	check_field(f, &sk_groups_table, house.group, "policyVersion", house.old);
	assert_int_equal(count(f,
				 "SELECT count(*) FROM terminal_policies WHERE rollback = 1 AND "
				 "policy_version_id = $1",
				 house.old),
		TERMINALS);
	assert_int_equal(call(f, run_resume, house.rollout, NULL, NULL), SK_ROLLOUT_NOT_POSSIBLE);
}

static void test_rollout_refused(void **state)
{
	Fixture *f = *state;
	House house;

	build(f, &house);
	must(f, start(f, &house, STAGES));
	answer(f, &house, "refused");
	step(f, &house, 1000);
	check_state(f, &house, "stopped", 1);
	assert_int_equal(
		count(f, "SELECT count(*) FROM console_records WHERE kind = $1", "rollout.stopped"), 1);
	/* Somebody hears of it, and of the PC. */
	must(f, as(f, NULL, &(Step){.run = run_look}));
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(count(f, "SELECT count(*) FROM alerts WHERE state = 'open' AND kind = $1",
					 (const char *[]){"rollout-stopped", "policy-refused"}[i]),
			1);
	assert_int_equal(
		count(f,
			"SELECT count(*) FROM rollout_terminals WHERE state = 'failed' AND error LIKE "
			"$1",
			"console-20%"),
		1);
	step(f, &house, 10 * HOUR);
	check_state(f, &house, "stopped", 1);
	/* Somebody looked at it: what was known does not stop it again. */
	must(f, call(f, run_resume, house.rollout, NULL, NULL));
	step(f, &house, 1000);
	check_state(f, &house, "running", 20);
	must(f, call(f, run_back, house.rollout, NULL, NULL));
	check_state(f, &house, "rolled-back", 0);
}

static void test_rollout_devices(void **state)
{
	Fixture *f = *state;
	House house;
	int64_t begun;

	build(f, &house);
	begun = f->now;
	for (int i = 0; i < TERMINALS; i++) {
		plug(f, &(Plug){house.terminals[i], "KNOWN", "046d:c31c", "console-20-clinic:1", "allow",
				.at = begun - HOUR});
		plug(f, &(Plug){house.terminals[i], "PHONE", "18d1:4ee7", "default", "block",
				.at = begun - HOUR});
	}
	must(f, start(f, &house, "[{\"share\":100,\"hours\":1}]"));
	answer(f, &house, "applied");
	/* A phone that was always refused is nothing new, on however many PCs. */
	for (int i = 0; i < TERMINALS; i++)
		plug(f, &(Plug){house.terminals[i], "PHONE", "18d1:4ee7", "default", "block",
				.at = f->now + 500});
	step(f, &house, 1000);
	check_state(f, &house, "running", TERMINALS);
	/* One of 40 is 2.5 %, and the limit is 2 %. */
	plug(f, &(Plug){house.terminals[3], "KNOWN", "046d:c31c", "console-20-clinic:1", "block",
			.at = f->now});
	step(f, &house, 1000);
	check_state(f, &house, "stopped", TERMINALS);
	must(f, call(f, run_resume, house.rollout, NULL, NULL));
	step(f, &house, 1000);
	check_state(f, &house, "running", TERMINALS);
}

static void test_rollout_silence(void **state)
{
	Fixture *f = *state;
	House house;

	build(f, &house);
	must(f, start(f, &house, "[{\"share\":100,\"hours\":1}]"));
	answer(f, &house, "applied");
	/* Who was away before says nothing about the change; three of 40 that fell silent do. */
	for (int i = 0; i < 10; i++)
		exec(f, "UPDATE terminal_status SET last_contact = $1 WHERE terminal_id = $2",
			SK_DB_ARGS(sk_db_int(f->now - 3 * HOUR), sk_db_text(house.terminals[i])));
	for (int64_t minutes = 0; minutes < 40; minutes += 10) {
		for (int i = 13; i < TERMINALS; i++)
			exec(f, "UPDATE terminal_status SET last_contact = $1 WHERE terminal_id = $2",
				SK_DB_ARGS(sk_db_int(f->now), sk_db_text(house.terminals[i])));
		step(f, &house, HOUR / 6);
		check_state(f, &house, minutes < 30 ? "running" : "stopped", TERMINALS);
	}
}

/* The first policy of a house: going back leaves nothing of the console. */
static void test_rollout_first(void **state)
{
	Fixture *f = *state;
	House house;
	json_auto_t *payload = NULL;

	must(f, call(f, run_create, NULL, "all", house.policy));
	publish(f, house.policy, "allow id 046d:c31c\n", house.new);
	must(f, call(f, run_group, NULL, "house", house.group));
	for (int i = 0; i < TERMINALS; i++)
		add_terminal(f, house.group, house.terminals[i]);
	must(f, start(f, &house, "[{\"share\":100,\"hours\":1}]"));
	must(f, call(f, run_back, house.rollout, NULL, NULL));
	payload = document(f, house.terminals[0]);
	assert_int_equal(json_array_size(json_object_get(payload, "rules")), 0);
	assert_string_equal(sk_row_text(payload, "settings"), "");
	assert_true(json_is_true(json_object_get(payload, "rollback")));
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rollout, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_rollout_refused, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_rollout_devices, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_rollout_silence, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_rollout_first, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
