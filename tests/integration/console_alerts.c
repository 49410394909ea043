/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alerts, notices, the outbox, and what ends by itself, on real databases. Serves OUT-3, OUT-4, MAL-2, LOG-3,
 * LOCK-1. */
#include "tests/lib/rules_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/alerts.h"
#include "console/rules/escalation.h"
#include "console/rules/expiry.h"
#include "console/rules/fleet.h"
#include "console/rules/notice.h"
#include "console/rules/outbox.h"
#include "console/rules/webhooks.h"
#include "lib/base/str.h"

#define TERMINAL "01J000000000000000TERM1NA0"
#define GROUP "01J0000000000000000000GR0P"
#define MEDIUM "01J00000000000000000MED1VM"
#define MINUTE INT64_C(60000)

static void add_terminal(Fixture *f)
{
	exec(f, "INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ($1, $2, 'PCs', 1)",
		SK_DB_ARGS(sk_db_text(GROUP), sk_db_text(CLINIC)));
	exec(f,
		"INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES ($1, $2, $3, "
		"'受付PC', 1)",
		SK_DB_ARGS(sk_db_text(TERMINAL), sk_db_text(CLINIC), sk_db_text(GROUP)));
	exec(f, "INSERT INTO terminal_revisions (terminal_id, changed) VALUES ($1, 1)",
		SK_DB_ARGS(sk_db_text(TERMINAL)));
	exec(f,
		"INSERT INTO terminal_status (terminal_id, facility_id, last_contact, definitions_time, "
		"disk_free, "
		"clock_state, posture) VALUES ($1, $2, $3, $3, 5000000000, 'synchronised', "
		"'{\"monitor\":true}')",
		SK_DB_ARGS(sk_db_text(TERMINAL), sk_db_text(CLINIC), sk_db_int(f->now)));
}

static void add_medium(Fixture *f)
{
	exec(f,
		"INSERT INTO media (id, facility_id, number, label, state, state_since, mode, kind, created) "
		"VALUES "
		"($1, $2, 'USB-7', 'x', 'in-stock', 1, 'bound', 'usb-stick', 1)",
		SK_DB_ARGS(sk_db_text(MEDIUM), sk_db_text(CLINIC)));
}

static int run_look(Step *s)
{
	int r = sk_alerts_look(&s->actor, s->flag ? NULL : CLINIC);

	return r < 0 || s->flag ? r : sk_alerts_count(&s->actor, CLINIC);
}

static void look(Fixture *f, bool console)
{
	Step step = {.run = run_look, .flag = console, .scope = SK_SCOPE_ALL};

	must(f, as(f, NULL, &step));
}

static int64_t open_alerts(Fixture *f, const char *kind)
{
	return count(f, "SELECT COUNT(*) FROM alerts WHERE state <> 'closed' AND kind = $1", kind);
}

/* What is wrong, how it is mended, and which alert tells it. Statements with the terminal, the medium, or
 * now. */
typedef struct Wrong {
	const char *kind;
	const char *breaks, *mends;
	enum { TERMINALS, MEDIA } what;
	int64_t ago; /* $2: now less this */
} Wrong;

static const Wrong wrongs[] = {
	{"terminal-silent", "UPDATE terminal_status SET last_contact = $2 WHERE terminal_id = $1",
		"UPDATE terminal_status SET last_contact = $2 WHERE terminal_id = $1", TERMINALS, 80 * HOUR},
	{"definitions-old", "UPDATE terminal_status SET definitions_time = $2 WHERE terminal_id = $1",
		"UPDATE terminal_status SET definitions_time = $2 WHERE terminal_id = $1", TERMINALS,
		50 * HOUR},
	{"definitions-very-old", "UPDATE terminal_status SET definitions_time = $2 WHERE terminal_id = $1",
		"UPDATE terminal_status SET definitions_time = $2 WHERE terminal_id = $1", TERMINALS,
		200 * HOUR},
	{"disk-low", "UPDATE terminal_status SET disk_free = 1000, last_contact = $2 WHERE terminal_id = $1",
		"UPDATE terminal_status SET disk_free = 5000000000, last_contact = $2 WHERE terminal_id = $1",
		TERMINALS, 0},
	{"clock-wrong",
		"UPDATE terminal_status SET clock_offset = -400000, last_contact = $2 WHERE terminal_id = $1",
		"UPDATE terminal_status SET clock_offset = 5, last_contact = $2 WHERE terminal_id = $1",
		TERMINALS, 0},
	{"posture-fails",
		"UPDATE terminal_status SET posture = '{\"monitor\":false}', last_contact = $2 WHERE "
		"terminal_id = $1",
		"UPDATE terminal_status SET posture = '{\"monitor\":true}', last_contact = $2 WHERE "
		"terminal_id = $1",
		TERMINALS, 0},
	{"posture-fails",
		"UPDATE terminal_status SET posture = '{\"posture\":{\"checked\":1,\"failing\":true}}', "
		"last_contact = $2 WHERE terminal_id = $1",
		"UPDATE terminal_status SET posture = '{\"posture\":{\"checked\":1,\"failing\":false}}', "
		"last_contact = $2 WHERE terminal_id = $1",
		TERMINALS, 0},
	{"lock-open",
		"INSERT INTO lock_days (terminal_id, facility_id, day, longest_idle, locks) SELECT id, "
		"facility_id, "
		"'2999-01-01', 7200000, $2 - $2 FROM terminals WHERE id = $1",
		"UPDATE lock_days SET longest_idle = 1000, locks = $2 - $2 WHERE terminal_id = $1", TERMINALS,
		0},
	{"screen-open",
		"UPDATE terminal_status SET lock_state = 'stands-open', lock_user = '受付', lock_since = $2 "
		"WHERE terminal_id = $1",
		"UPDATE terminal_status SET lock_state = 'covered', lock_since = $2 WHERE terminal_id = $1",
		TERMINALS, MINUTE},
	{"screen-unwatched",
		"UPDATE terminal_status SET lock_state = 'unwatched', mode = 'enforce', last_contact = $2 "
		"WHERE terminal_id = $1",
		"UPDATE terminal_status SET lock_state = 'nobody', last_contact = $2 WHERE terminal_id = $1",
		TERMINALS, 0},
	{"records-broken",
		"INSERT INTO chain_alarms (id, terminal_id, facility_id, kind, seq, at) SELECT "
		"'01J000000000000000000A1ARM', id, facility_id, 'fork', 7, $2 FROM terminals WHERE id = $1",
		"UPDATE chain_alarms SET resolved = $2 WHERE terminal_id = $1", TERMINALS, 0},
	{"policy-refused",
		"INSERT INTO terminal_policies (terminal_id, facility_id, mode, serial, changed, state, "
		"told, "
		"error) SELECT id, facility_id, 'learning', 1, $2, 'refused', $2, 'a.rules:1:1: no' FROM "
		"terminals WHERE id = $1",
		"UPDATE terminal_policies SET state = 'applied', told = $2 WHERE terminal_id = $1", TERMINALS,
		0},
	{"medium-unseen", "UPDATE media SET overdue_from = $2 WHERE id = $1",
		"UPDATE media SET overdue_from = $2 + 7200000 WHERE id = $1", MEDIA, MINUTE},
	{"key-limit",
		"INSERT INTO key_uses (id, medium_id, facility_id, outcome, at) SELECT "
		"'01J00000000000000000000VSE', id, "
		"facility_id, 'limited', $2 FROM media WHERE id = $1",
		"UPDATE key_uses SET at = $2 - 7200000 WHERE medium_id = $1", MEDIA, 0},
};

static void test_what_is_wrong_is_raised_once_and_over_when_mended(void **state)
{
	Fixture *f = *state;

	add_terminal(f);
	add_medium(f);
	look(f, false);
	look(f, true);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM alerts WHERE facility_id = $1", CLINIC), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(wrongs); i++) {
		const Wrong *wrong = &wrongs[i];
		int raised = 1;
		const char *id = wrong->what == MEDIA ? MEDIUM : TERMINAL;

		exec(f, wrong->breaks, SK_DB_ARGS(sk_db_text(id), sk_db_int(f->now - wrong->ago)));
		look(f, false);
		look(f, false);
		if (open_alerts(f, wrong->kind) != 1)
			fail_msg("%s is not raised", wrong->kind);
		exec(f, wrong->mends, SK_DB_ARGS(sk_db_text(id), sk_db_int(f->now)));
		look(f, false);
		if (open_alerts(f, wrong->kind) != 0)
			fail_msg("%s is not over", wrong->kind);
		/* Noted once for each way in which it can be wrong, and in the chain. */
		for (size_t before = 0; before < i; before++)
			raised += sk_str_eq(wrongs[before].kind, wrong->kind);
		assert_int_equal(count(f,
					 "SELECT COUNT(*) FROM alerts WHERE kind = $1 AND times = 1 AND "
					 "closed_by IS NULL",
					 wrong->kind),
			raised);
	}
	assert_int_equal(
		count(f, "SELECT COUNT(*) FROM alerts WHERE state <> 'closed' AND facility_id = $1", CLINIC),
		0);
	assert_true(count(f, "SELECT COUNT(*) FROM console_records WHERE kind = $1", "alert.raised") >= 10);
}

static void add_refusals(Fixture *f, int n)
{
	for (int i = 1; i <= n; i++)
		exec(f,
			"INSERT INTO records (terminal_id, seq, facility_id, hash, at, received, kind, "
			"actor, line) "
			"VALUES ($1, $2, $3, $4, $5, $5, 'device.decided', 'a', '{\"code\":\"SK-1102\"}')",
			SK_DB_ARGS(sk_db_text(TERMINAL), sk_db_int(i), sk_db_text(CLINIC),
				sk_db_bytes("x", 1), sk_db_int(f->now)));
}

static int run_set(Step *s)
{
	SkAlertRuleChange change = {.kind = sk_alert_kind(s->text),
		.facility = CLINIC,
		.version = s->version,
		.enabled = s->flag,
		.limits = s->fields};

	return sk_alert_rule_set(&s->actor, &change);
}

static int set_rule(Fixture *f, const char *kind, int64_t version, bool enabled, json_t *limits)
{
	Step step = {.run = run_set, .text = kind, .version = version, .flag = enabled, .fields = limits};
	int r = as(f, OFFICER, &step);

	json_decref(limits);
	return r;
}

static void test_a_clinic_sets_its_own_limits(void **state)
{
	Fixture *f = *state;

	add_terminal(f);
	add_refusals(f, 5);
	look(f, false);
	assert_int_equal(open_alerts(f, "refusals-many"), 0);
	assert_int_equal(
		set_rule(f, "refusals-many", 0, true, json_pack("{s:i}", "limit", 0)), SK_REQUEST_INVALID);
	assert_int_equal(
		set_rule(f, "refusals-many", 0, true, json_pack("{s:[]}", "steps")), SK_REQUEST_INVALID);
	must(f, set_rule(f, "refusals-many", 0, true, json_pack("{s:i}", "limit", 5)));
	assert_int_equal(set_rule(f, "refusals-many", 0, true, json_object()), -ECANCELED);
	look(f, false);
	assert_int_equal(open_alerts(f, "refusals-many"), 1);
	/* What is not watched is not wrong. */
	must(f, set_rule(f, "refusals-many", 1, false, json_object()));
	look(f, false);
	assert_int_equal(open_alerts(f, "refusals-many"), 0);
}

static int run_handle(Step *s)
{
	const SkRowKey key = {s->id, s->version};

	return s->flag ? sk_alert_close(&s->actor, &key, s->text)
		       : sk_alert_acknowledge(&s->actor, &key, s->text);
}

static int handle(Fixture *f, const char *id, int64_t version, bool closes, const SkScope *scope)
{
	Step step = {.run = run_handle,
		.id = id,
		.version = version,
		.flag = closes,
		.text = "見た",
		.scope = scope};

	return as(f, OFFICER, &step);
}

static void test_a_person_acknowledges_and_closes(void **state)
{
	Fixture *f = *state;
	own_rows SkDbRows *rows = NULL;
	char id[SK_ID_SIZE];

	add_terminal(f);
	exec(f, "UPDATE terminal_status SET disk_free = 0 WHERE terminal_id = $1",
		SK_DB_ARGS(sk_db_text(TERMINAL)));
	look(f, false);
	must(f, sk_db_query(f->db, "SELECT id FROM alerts", SK_DB_NO_ARGS, &rows));
	assert_int_equal(sk_db_next(rows), 1);
	sk_str_copy(id, sizeof(id), sk_db_get_text(rows, 0));
	sk_db_rows_free(own_take(rows));
	assert_int_equal(handle(f, id, 1, false, &rules_other_scope), -ENOENT);
	must(f, handle(f, id, 1, false, NULL));
	assert_int_equal(handle(f, id, 1, true, NULL), -ECANCELED);
	check_field(f, &sk_alerts_table, id, "acknowledgedBy", OFFICER);
	look(f, false);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM alerts WHERE id = $1", id), 1);
	must(f, handle(f, id, 2, true, NULL));
	assert_int_equal(handle(f, id, 3, true, NULL), SK_ALERT_CLOSED);
	/* It lasts: another one. */
	look(f, false);
	assert_int_equal(open_alerts(f, "disk-low"), 1);
}

/* ---- the ladder ---- */

static int run_escalate(Step *s)
{
	int64_t left;

	return sk_escalate(&s->actor, &left);
}

static void escalate(Fixture *f, int64_t at)
{
	Step step = {.run = run_escalate, .scope = SK_SCOPE_ALL};
	int64_t now = f->now;

	f->now = at;
	must(f, as(f, NULL, &step));
	f->now = now;
}

static int64_t mails_to(Fixture *f, const char *address)
{
	return count(f, "SELECT COUNT(*) FROM outbox WHERE kind = 'mail' AND target = $1", address);
}

static void add_out(Fixture *f, int64_t due)
{
	exec(f, "UPDATE people SET email = login || '@x'", SK_DB_NO_ARGS);
	exec(f,
		"INSERT INTO requests (id, facility_id, number, kind, state, requester_id, out_from, due, "
		"destination, "
		"reason, data_summary, risk, on_loss, rule, created, next_escalation) VALUES "
		"('01J000000000000000REQVEST0', $1, 'R-1', 'carry-out', 'out', $2, 1, $3, 'x', 'x', 'x', "
		"'x', 'x', "
		"'{}', 1, $3)",
		SK_DB_ARGS(sk_db_text(CLINIC), sk_db_text(ASKER), sk_db_int(due)));
	exec(f,
		"INSERT INTO request_decisions (id, request_id, facility_id, step, person_id, approved, at) "
		"VALUES "
		"('01J0000000000000000DEC1DED', '01J000000000000000REQVEST0', $1, 0, $2, 1, 1)",
		SK_DB_ARGS(sk_db_text(CLINIC), sk_db_text(BOSS)));
}

static void test_the_ladder_is_climbed_one_step_at_a_time(void **state)
{
	Fixture *f = *state;
	int64_t due = f->now + 100 * HOUR;

	add_out(f, due);
	escalate(f, due - 30 * HOUR);
	assert_int_equal(mails_to(f, "asker@x"), 0);
	escalate(f, due - 24 * HOUR);
	escalate(f, due - 20 * HOUR);
	assert_int_equal(mails_to(f, "asker@x"), 1);
	escalate(f, due + 1);
	assert_int_equal(mails_to(f, "asker@x"), 2);
	escalate(f, due + 25 * HOUR);
	assert_int_equal(mails_to(f, "boss@x"), 1);
	assert_int_equal(mails_to(f, "deputy@x"), 0);
	escalate(f, due + 72 * HOUR);
	escalate(f, due + 100 * HOUR);
	assert_int_equal(mails_to(f, "officer@x"), 1);
	escalate(f, due + (72 + 168) * HOUR);
	assert_int_equal(mails_to(f, "officer@x"), 2);
	assert_int_equal(mails_to(f, "asker@x"), 2);
}

static void test_a_ladder_of_the_clinic(void **state)
{
	Fixture *f = *state;
	int64_t due = f->now + 100 * HOUR;

	add_out(f, due);
	assert_int_equal(set_rule(f, "return-late", 0, true,
				 json_pack("{s:[{s:i,s:s},{s:i,s:s}]}", "steps", "hours", 5, "to",
					 "requester", "hours", 5, "to", "requester")),
		SK_REQUEST_INVALID);
	must(f, set_rule(f, "return-late", 0, true,
			json_pack("{s:[{s:i,s:s}], s:s}", "steps", "hours", 5, "to", "mail:desk@x", "words",
				"内線{count}: {request} {unknown}")));
	escalate(f, due);
	assert_int_equal(mails_to(f, "asker@x"), 0);
	escalate(f, due + 6 * HOUR);
	assert_int_equal(mails_to(f, "desk@x"), 1);
	assert_int_equal(
		count(f, "SELECT COUNT(*) FROM outbox WHERE body LIKE $1", "%内線{count}: R-1 {unknown}%"),
		1);
}

static void test_a_ladder_that_begins_at_the_due_time(void **state)
{
	Fixture *f = *state;
	int64_t due = f->now + 100 * HOUR;

	add_out(f, due);
	must(f, set_rule(f, "return-late", 0, true,
			json_pack("{s:[{s:i,s:s}]}", "steps", "hours", 0, "to", "requester")));
	escalate(f, due - HOUR);
	escalate(f, due - HOUR);
	assert_int_equal(mails_to(f, "asker@x"), 0);
	assert_int_equal(
		count(f, "SELECT COUNT(*) FROM requests WHERE next_escalation = due + 1 AND number = $1",
			"R-1"),
		1);
	escalate(f, due + 1);
	assert_int_equal(mails_to(f, "asker@x"), 1);
}

/* ---- the outbox ---- */

static int run_add(Step *s)
{
	return sk_outbox_add(&s->actor, &(SkOutboxMessage){.kind = "mail",
						.target = "a@x",
						.matter = s->text,
						.subject = "s",
						.body = "b",
						.language = "ja"});
}

typedef struct Outcome {
	SkOutboxItem item;
	SkOutboxFailure failure;
} Outcome;

static Outcome *outcome;

static int run_failed(Step *s)
{
	return s->flag ? sk_outbox_sent(&s->actor, &outcome->item)
		       : sk_outbox_failed(&s->actor, &outcome->item, &outcome->failure);
}

static void end(Fixture *f, Outcome *now_, bool good)
{
	Step step = {.run = run_failed, .flag = good, .scope = SK_SCOPE_ALL};

	outcome = now_;
	must(f, as(f, NULL, &step));
	sk_outbox_item_deinit(&now_->item);
}

static void test_a_message_is_taken_by_one_and_given_up_in_the_end(void **state)
{
	Fixture *f = *state;
	Step step = {.run = run_add, .text = "m"};
	Outcome one = {.failure = {.error = "no"}}, two = {.failure = {.error = "no"}};
	int64_t last = 0;

	must(f, as(f, NULL, &step));
	must(f, as(f, NULL, &step));
	assert_int_equal(count(f, "SELECT COUNT(*) FROM outbox WHERE matter = $1", "m"), 1);
	must(f, sk_outbox_take(f->db, INSTANCE, f->now, f->now + HOUR, &one.item));
	assert_int_equal(sk_outbox_take(f->db, INSTANCE, f->now, f->now + HOUR, &two.item), -ENOENT);
	/* Whoever held it is gone. */
	must(f, sk_outbox_take(f->db, INSTANCE, f->now + 2 * HOUR, f->now + 3 * HOUR, &two.item));
	sk_outbox_item_deinit(&one.item);
	end(f, &two, false);
	for (int i = 1; i < SK_OUTBOX_ATTEMPTS; i++) {
		int64_t next = count(f, "SELECT next_attempt FROM outbox WHERE matter = $1", "m");

		assert_true(next > f->now && next <= f->now + 4 * HOUR + HOUR);
		assert_true(i < 10 || next - f->now >= 2 * HOUR);
		last = next;
		must(f, sk_outbox_take(f->db, INSTANCE, next, next + HOUR, &one.item));
		end(f, &one, false);
	}
	assert_true(last > 0);
	assert_int_equal(
		count(f, "SELECT COUNT(*) FROM outbox WHERE state = 'given-up' AND matter = $1", "m"), 1);
	assert_int_equal(open_alerts(f, "message-given-up"), 1);
	/* The next one to the same address that arrives ends it. */
	step.text = "n";
	must(f, as(f, NULL, &step));
	must(f, sk_outbox_take(f->db, INSTANCE, f->now, f->now + HOUR, &one.item));
	end(f, &one, true);
	assert_int_equal(open_alerts(f, "message-given-up"), 0);
}

/* ---- what ends ---- */

typedef int (*Expire)(const SkActor *actor, int64_t *ret_count);

static Expire expire;

static int run_expire(Step *s)
{
	int64_t left;

	return expire(&s->actor, &left);
}

static void test_what_is_over_ends(void **state)
{
	static const Expire all[] = {sk_expire_grants, sk_expire_codes, sk_expire_traces};
	Fixture *f = *state;

	add_terminal(f);
	add_medium(f);
	exec(f,
		"INSERT INTO grants (id, facility_id, medium_id, group_id, mode, valid_from, valid_until, "
		"envelope, "
		"key_id, created) VALUES ('01J000000000000000000GRANT', $1, $2, $3, 'read', 1, 2, $4, 'k', "
		"1)",
		SK_DB_ARGS(sk_db_text(CLINIC), sk_db_text(MEDIUM), sk_db_text(GROUP), sk_db_bytes("x", 1)));
	exec(f,
		"INSERT INTO offline_codes (id, facility_id, terminal_id, user_name, action, counter, "
		"code_hash, "
		"valid_from, valid_until, reason, created, created_by) VALUES ('01J00000000000000000000C0D', "
		"$1, $2, 'u', "
		"'a', 1, $3, 1, 2, 'r', 1, $4)",
		SK_DB_ARGS(
			sk_db_text(CLINIC), sk_db_text(TERMINAL), sk_db_bytes("x", 1), sk_db_text(OFFICER)));
	exec(f, "INSERT INTO rate_counters (subject, window_start, count) VALUES ('x', 1, 1)", SK_DB_NO_ARGS);
	for (size_t i = 0; i < SK_ARRAY_SIZE(all); i++) {
		Step step = {.run = run_expire, .scope = SK_SCOPE_ALL};

		expire = all[i];
		must(f, as(f, NULL, &step));
	}
	assert_int_equal(count(f, "SELECT COUNT(*) FROM grants WHERE state = $1", "ended"), 1);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM offline_codes WHERE state = $1", "expired"), 1);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM rate_counters WHERE subject = $1", "x"), 0);
	assert_true(count(f, "SELECT revision FROM terminal_revisions WHERE terminal_id = $1", TERMINAL) > 1);
}

static void test_the_fleet_is_told_within_the_scope(void **state)
{
	Fixture *f = *state;
	json_auto_t *own = NULL, *others = NULL;
	const json_t *row;

	add_terminal(f);
	exec(f, "UPDATE terminal_status SET disk_free = 0 WHERE terminal_id = $1",
		SK_DB_ARGS(sk_db_text(TERMINAL)));
	look(f, false);
	must(f, sk_fleet_list(f->db, &f->scope, &(SkFleetPage){.limit = 10}, &own));
	must(f, sk_fleet_list(f->db, &rules_other_scope, &(SkFleetPage){.limit = 10}, &others));
	assert_int_equal(json_array_size(json_object_get(others, "items")), 0);
	assert_int_equal(json_array_size(json_object_get(own, "items")), 1);
	row = json_array_get(json_object_get(own, "items"), 0);
	assert_string_equal(sk_row_text(row, "name"), "受付PC");
	assert_int_equal(json_integer_value(json_object_get(row, "alerts")), 1);
	assert_int_equal(json_integer_value(json_object_get(row, "freeBytes")), 0);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_is_wrong_is_raised_once_and_over_when_mended, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_clinic_sets_its_own_limits, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_person_acknowledges_and_closes, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_the_ladder_is_climbed_one_step_at_a_time, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_a_ladder_of_the_clinic, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_ladder_that_begins_at_the_due_time, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_message_is_taken_by_one_and_given_up_in_the_end, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_what_is_over_ends, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_the_fleet_is_told_within_the_scope, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests_name("alerts", tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
