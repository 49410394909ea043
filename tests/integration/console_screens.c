/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What terminals tell of their screens, and what people see of it, on real databases. Serves LOCK-1. */
#include "tests/lib/rules_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "console/rules/lock_orders.h"
#include "console/rules/screens.h"
#include "console/rules/terminals.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define TERMINAL "01J000000000000000TERM1NA0"
#define SILENT "01J000000000000000TERM1NA1"
#define GROUP "01J0000000000000000000GR0P"

static void add_terminal(Fixture *f, const char *id, const char *name)
{
	exec(f,
		"INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES ($1, $2, $3, $4, "
		"1)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(CLINIC), sk_db_text(GROUP), sk_db_text(name)));
	exec(f, "INSERT INTO terminal_revisions (terminal_id, changed) VALUES ($1, 1)",
		SK_DB_ARGS(sk_db_text(id)));
}

static int setup(void **state)
{
	int r = rules_setup(state);

	if (r < 0)
		return r;
	exec(*state, "INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ($1, $2, 'PCs', 1)",
		SK_DB_ARGS(sk_db_text(GROUP), sk_db_text(CLINIC)));
	add_terminal(*state, TERMINAL, "=受付PC");
	add_terminal(*state, SILENT, "診察室PC");
	return 0;
}

static int run_report(Step *s)
{
	json_auto_t *status = json_pack("{s:s, s:s, s:i, s:s, s:n, s:O}", "version", "0.1.0", "mode",
		"enforce", "freeBytes", 1000, "clock", "synchronised", "definitionsTime", "lock", s->fields);

	s->actor.person = NULL;
	s->actor.scope = SK_SCOPE_ALL;
	s->actor.terminal = s->id;
	return sk_terminal_report(&s->actor, status, &(SkTerminalContact){.address = "192.0.2.1"});
}

/* lock: JSON with ' for ". */
static void report(Fixture *f, const char *lock)
{
	char text[1024];
	json_auto_t *fields = NULL;

	assert_true(sk_str_copy(text, sizeof(text), lock));
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	fields = json_loads(text, 0, NULL);
	assert_non_null(fields);
	must(f, as(f, NULL, &(Step){.run = run_report, .id = TERMINAL, .fields = fields}));
}

static int64_t day(Fixture *f, const char *column, const char *name)
{
	char sql[160];

	sk_str_format(sql, sizeof(sql),
		"SELECT %s FROM lock_days WHERE terminal_id = '" TERMINAL "' AND day = $1", column);
	return count(f, sql, name);
}

static void test_days_only_grow(void **state)
{
	Fixture *f = *state;

	report(f, "{'watched': true, 'state': 'open', 'days': ["
		  "{'day': '2026-01-31', 'locks': 3, 'unlocks': 2, 'failures': 1, 'wrongPasswords': 4, "
		  "'longestIdleMs': 900000},"
		  "{'day': '2026-01-30', 'locks': 1, 'unlocks': 1, 'failures': 0, 'wrongPasswords': 0, "
		  "'longestIdleMs': 1000}]}");
	assert_int_equal(day(f, "locks", "2026-01-31"), 3);
	assert_int_equal(day(f, "wrong_passwords", "2026-01-31"), 4);
	assert_int_equal(day(f, "longest_idle", "2026-01-30"), 1000);
	/* More of the day; then what was on its way for long. */
	report(f, "{'watched': true, 'state': 'open', 'days': ["
		  "{'day': '2026-01-31', 'locks': 5, 'unlocks': 4, 'failures': 1, 'wrongPasswords': 4, "
		  "'longestIdleMs': 800000}]}");
	report(f, "{'watched': true, 'state': 'open', 'days': ["
		  "{'day': '2026-01-31', 'locks': 2, 'unlocks': 1, 'failures': 0, 'wrongPasswords': 0, "
		  "'longestIdleMs': 1}]}");
	assert_int_equal(day(f, "locks", "2026-01-31"), 5);
	assert_int_equal(day(f, "unlocks", "2026-01-31"), 4);
	assert_int_equal(day(f, "longest_idle", "2026-01-31"), 900000);
}

static int64_t open_alerts(Fixture *f, const char *kind)
{
	return count(f,
		"SELECT COUNT(*) FROM alerts WHERE state <> 'closed' AND kind = $1 AND subject_id = "
		"'" TERMINAL "' AND details LIKE '%受付PC%'",
		kind);
}

static void test_what_stands_open_is_told_at_once(void **state)
{
	Fixture *f = *state;

	report(f, "{'watched': true, 'state': 'stands-open', 'user': 'staff', 'since': 1767000000, 'days': "
		  "[]}");
	assert_int_equal(open_alerts(f, "screen-open"), 1);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM alerts WHERE details LIKE $1", "%staff%"), 1);
	/* Its lock is away for a moment: who does not know does not say that it is closed. */
	report(f, "{'watched': true, 'state': 'unknown', 'days': []}");
	assert_int_equal(open_alerts(f, "screen-open"), 1);
	report(f, "{'watched': true, 'state': 'nobody', 'days': []}");
	assert_int_equal(open_alerts(f, "screen-open"), 0);
	report(f, "{'watched': false, 'state': 'unknown', 'days': []}");
	assert_int_equal(open_alerts(f, "screen-unwatched"), 1);
	report(f, "{'watched': true, 'state': 'covered', 'days': []}");
	assert_int_equal(open_alerts(f, "screen-unwatched"), 0);
}

static void test_the_report_names_who_told_nothing(void **state)
{
	Fixture *f = *state;
	SkScreenPeriod period = {.from = "2026-01-01", .to = "2026-01-31", .limit = 1};
	json_auto_t *first = NULL, *second = NULL, *other = NULL;
	const json_t *row;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	report(f, "{'watched': true, 'state': 'covered', 'days': ["
		  "{'day': '2026-01-31', 'locks': 3, 'unlocks': 2, 'failures': 0, 'wrongPasswords': 1, "
		  "'longestIdleMs': 900000},"
		  "{'day': '2026-02-01', 'locks': 9, 'unlocks': 9, 'failures': 9, 'wrongPasswords': 9, "
		  "'longestIdleMs': 9900000}]}");
	must(f, sk_screen_days(f->db, &f->scope, &period, &first));
	row = json_array_get(json_object_get(first, "items"), 0);
	assert_string_equal(sk_row_text(row, "terminal"), TERMINAL);
	assert_string_equal(sk_row_text(row, "screen"), "covered");
	assert_int_equal(json_integer_value(json_object_get(row, "locks")), 3);
	assert_int_equal(json_integer_value(json_object_get(row, "longestIdle")), 900000);
	period.after = sk_row_text(first, "next");
	must(f, sk_screen_days(f->db, &f->scope, &period, &second));
	row = json_array_get(json_object_get(second, "items"), 0);
	assert_string_equal(sk_row_text(row, "terminal"), SILENT);
	assert_int_equal(json_integer_value(json_object_get(row, "days")), 0);
	assert_true(json_is_null(json_object_get(row, "longestIdle")));
	assert_true(json_is_null(json_object_get(second, "next")));
	/* Of another clinic nothing is seen. */
	period.after = NULL;
	must(f, sk_screen_days(f->db, &rules_other_scope, &period, &other));
	assert_int_equal(json_array_size(json_object_get(other, "items")), 0);
	/* The name of a PC is no formula. */
	period.limit = 0;
	must(f, sk_screen_days_csv(f->db, &f->scope, &period, "ja", out));
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "\"'=受付PC\",1,3,2,0,1,900000"));
	assert_non_null(strstr(text, "診察室PC,0,0,0,0,0,"));
	free(text);
}

static int run_order(Step *s)
{
	return sk_lock_order(&s->actor,
		&(SkLockOrder){.facility = CLINIC,
			.group = s->flag ? GROUP : NULL,
			.terminal = s->text,
			.reason = "火災"},
		s->made);
}

static int run_answer(Step *s)
{
	s->actor.person = NULL;
	s->actor.terminal = TERMINAL;
	return sk_lock_order_answer(&s->actor, s->fields);
}

/* The payload of what a terminal is to do, or NULL. */
static json_t *told(Fixture *f, const char *terminal)
{
	json_t *payload = NULL;

	assert_int_equal(sk_lock_order_read(f->db, terminal, &payload), 0);
	return payload;
}

static void test_an_order_is_told_and_answered_once(void **state)
{
	Fixture *f = *state;
	Step all = {.run = run_order}, one = {.run = run_order, .text = TERMINAL};
	json_auto_t *first = NULL, *second = NULL, *silent = NULL, *after = NULL, *answer = NULL;

	f->now = sk_time_now();
	assert_int_equal(
		as(f, OFFICER, &(Step){.run = run_order, .scope = &rules_other_scope}), SK_NOT_FOUND);
	assert_int_equal(as(f, OFFICER, &(Step){.run = run_order, .flag = true, .text = TERMINAL}),
		SK_REQUEST_INVALID);
	assert_int_equal(as(f, OFFICER, &(Step){.run = run_order, .text = GROUP}), SK_NOT_FOUND);
	must(f, as(f, OFFICER, &(Step){.run = run_order, .flag = true}));
	must(f, as(f, OFFICER, &all));
	assert_int_equal(
		count(f, "SELECT COUNT(*) FROM lock_order_terminals WHERE order_id = $1", all.made), 2);
	first = told(f, TERMINAL);
	assert_string_equal(sk_row_text(first, "order"), all.made);
	must(f, as(f, OFFICER, &one));
	/* The newest; and who was not meant has the one before. */
	second = told(f, TERMINAL);
	silent = told(f, SILENT);
	assert_string_equal(sk_row_text(second, "order"), one.made);
	assert_string_equal(sk_row_text(silent, "order"), all.made);
	assert_true(json_integer_value(json_object_get(second, "serial")) >
		    json_integer_value(json_object_get(first, "serial")));
	answer = json_pack("{s:s, s:s, s:i}", "id", one.made, "outcome", "covered", "tookMs", 40);
	must(f, as(f, NULL, &(Step){.run = run_answer, .fields = answer}));
	json_object_set_new(answer, "outcome", json_string("open"));
	must(f, as(f, NULL, &(Step){.run = run_answer, .fields = answer}));
	assert_int_equal(
		count(f,
			"SELECT COUNT(*) FROM lock_order_terminals WHERE outcome = 'covered' AND took = "
			"40 AND order_id = $1",
			one.made),
		1);
	/* A minute later nobody hears of it. */
	exec(f, "UPDATE lock_order_terminals SET expires = $1", SK_DB_ARGS(sk_db_int(f->now - 1)));
	after = told(f, SILENT);
	assert_null(after);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_days_only_grow, setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_what_stands_open_is_told_at_once, setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_the_report_names_who_told_nothing, setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_an_order_is_told_and_answered_once, setup, rules_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
