/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carry-out requests on real databases. Serves OUT-4, LOSS-1. */
#include "tests/lib/rules_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/requests.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static int run_create(Step *s)
{
	return sk_request_create(&s->actor, s->fields, s->made);
}

static int run_decide(Step *s)
{
	return sk_request_decide(&s->actor,
		&(SkRequestDecision){.request = s->id, .approved = s->flag, .reason = s->text}, &s->done);
}

static int run_act(Step *s)
{
	return sk_request_act(&s->actor, s->id, (SkRequestAction)s->action, s->text);
}

static const char *kind = "carry-out", *terminal;

static json_t *form(Fixture *f, const char *medium, int64_t from, int64_t due)
{
	char begin[SK_TIME_SIZE], end[SK_TIME_SIZE];

	sk_time_format(begin, f->now + from);
	sk_time_format(end, f->now + due);
	return json_pack("{s:s, s:s, s:s*, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s]}", "facility", CLINIC,
		"kind", kind, "terminal", terminal, "outFrom", begin, "due", end, "destination", "県立病院",
		"reason", "紹介", "dataSummary", "画像 3件", "risk", "紛失", "onLoss", "直ちに報告", "media",
		medium);
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

static void test_a_request_reserves_its_medium(void **state)
{
	Fixture *f = *state;
	char medium[SK_ID_SIZE], request[SK_ID_SIZE], second[SK_ID_SIZE];

	register_medium(f, "USB-1", medium);
	assert_int_equal(ask(f, medium, request), SK_MEDIUM_NOT_ENCRYPTED);
	prepare(f, medium);
	kind = "hand-over"; /* which would wipe it */
	assert_int_equal(ask(f, medium, request), SK_MEDIUM_FOR_CARRY_OUT);
	kind = "carry-out";
	must(f, ask(f, medium, request));
	check_field(f, &sk_media_table, medium, "state", "requested");
	check_field(f, &sk_media_table, medium, "request", request);
	assert_int_equal(ask(f, medium, second), SK_REQUEST_MEDIUM_TAKEN);
	assert_int_equal(count(f, "SELECT count(*) FROM requests WHERE facility_id = $1", CLINIC), 1);
}

static void test_discs_are_for_burning(void **state)
{
	Fixture *f = *state;
	char stick[SK_ID_SIZE], disc[SK_ID_SIZE], request[SK_ID_SIZE];

	register_medium(f, "USB-1", stick);
	register_medium(f, "DVD-1", disc);
	exec(f, "UPDATE media SET kind = 'optical' WHERE id = $1", SK_DB_ARGS(sk_db_text(disc)));
	exec(f, "INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ('G', $1, 'G', 1)",
		SK_DB_ARGS(sk_db_text(CLINIC)));
	exec(f,
		"INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES "
		"('01J00000000000000000000PC1', $1, 'G', 'PC', 1)",
		SK_DB_ARGS(sk_db_text(CLINIC)));
	kind = "hand-over"; /* which is for what can be wiped */
	assert_int_equal(ask(f, disc, request), SK_MEDIUM_NO_DISC);
	kind = "optical";
	assert_int_equal(ask(f, disc, request), SK_REQUEST_NO_TERMINAL);
	terminal = "01J00000000000000000000PC1";
	assert_int_equal(ask(f, stick, request), SK_MEDIUM_NO_DISC);
	must(f, ask(f, disc, request));
	must(f, act(f, ASKER, request, SK_REQUEST_WITHDRAW));
	check_field(f, &sk_media_table, disc, "state", "in-stock");
	exec(f,
		"INSERT INTO manifests (id, medium_id, facility_id, terminal_id, kind, opened, closed, "
		"files, "
		"bytes, digest, serial, size, complete, slip, received) VALUES ('M', $1, $2, $3, "
		"'carry-out', "
		"1, 2, 0, 0, NULL, 1, 0, 0, '{}', 1)",
		SK_DB_ARGS(sk_db_text(disc), sk_db_text(CLINIC), sk_db_text(terminal)));
	assert_int_equal(ask(f, disc, request), SK_DISC_WRITTEN_BEFORE);
	terminal = NULL;
	kind = "carry-out";
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
	assert_int_equal(act(f, BOSS, request, SK_REQUEST_WITHDRAW), SK_REQUEST_NOT_YOURS);
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

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_request_reserves_its_medium, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_discs_are_for_burning, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_somebody_else_approves_and_it_comes_back, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_refusal_gives_the_medium_back, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_two_steps_ask_two_people, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_rule_that_cannot_be_read_asks_for_nothing_less, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_one_person_decides_alone_with_a_proof, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_time_runs_out, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_lost_on_the_way_stays_lost, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
