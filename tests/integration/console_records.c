/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of agents on real databases: in order, once, and nothing that does not fit. Serves LOG-1,
 * LOG-3. */
#include "tests/lib/rules_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/records.h"
#include "lib/audit/line.h"
#include "lib/base/str.h"

#define TERMINAL "01J0000000000000000TERM1NA"
#define ELSE "01J0000000000000000TERM1NB"
#define LINES 50

typedef struct Lines {
	char *text[LINES + 1]; /* from 1, without the line break */
} Lines;

static void make_lines(Lines *lines, const char *body)
{
	char prev[65] = SK_HASH_NONE, line[512];

	for (uint64_t seq = 1; seq <= LINES; seq++) {
		const SkLineFields fields = {.seq = seq,
			.prev = prev,
			.time = {.wall = INT64_C(1795327326000000) + (int64_t)seq,
				.mono = seq,
				.clock = "synchronised",
				.boot = "00000000000000000000000000000000"},
			.actor = "\"sekishod\"",
			.kind = "device.decided",
			.body = body};
		int size = sk_line_format(line, sizeof(line), &fields);

		assert_true(size > 0);
		lines->text[seq] = sk_str_dup(line, (size_t)size);
		sk_line_hash(prev, line, (size_t)size);
	}
}

static void free_lines(Lines *lines)
{
	for (size_t i = 1; i <= LINES; i++)
		free(lines->text[i]);
}

/* Lines from..to as they travel. */
static char *join(const Lines *lines, size_t from, size_t to)
{
	char *text = calloc(1, (to - from + 1) * 600), *p = text;

	for (size_t i = from; i <= to; i++)
		p += sprintf(p, "%s\n", lines->text[i]);
	return text;
}

static SkRecordsReceived received;

static int run_receive(Step *s)
{
	s->actor.terminal = s->id;
	return sk_records_receive(&s->actor, s->text, strlen(s->text), &received);
}

static void expect(Fixture *f, const char *text, SkRecordsOutcome outcome, int64_t seq)
{
	Step step = {.run = run_receive, .id = TERMINAL, .text = text};

	must(f, as(f, NULL, &step));
	assert_int_equal(received.outcome, outcome);
	assert_int_equal(received.seq, seq);
	assert_int_equal(count(f, "SELECT count(*) FROM records WHERE terminal_id = $1", TERMINAL), seq);
}

static void add_terminal(Fixture *f, const char *id)
{
	exec(f,
		"INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ('g', $1, 'PCs', 1) ON "
		"CONFLICT "
		"DO NOTHING",
		SK_DB_ARGS(sk_db_text(CLINIC)));
	exec(f,
		"INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES ($1, $2, 'g', "
		"'PC', 1)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(CLINIC)));
}

static int64_t alarms(Fixture *f, const char *kind)
{
	return count(f, "SELECT count(*) FROM chain_alarms WHERE resolved IS NULL AND kind = $1", kind);
}

static void test_in_order_and_once(void **state)
{
	Fixture *f = *state;
	Lines lines;
	own_free char *first = NULL, *overlap = NULL, *gap = NULL, *rest = NULL, *cut = NULL;

	make_lines(&lines, "{}");
	add_terminal(f, TERMINAL);
	first = join(&lines, 1, 10);
	overlap = join(&lines, 5, 20);
	gap = join(&lines, 30, 40);
	rest = join(&lines, 21, 50);
	expect(f, first, SK_RECORDS_TAKEN, 10);
	expect(f, first, SK_RECORDS_TAKEN, 10);
	expect(f, overlap, SK_RECORDS_TAKEN, 20);
	expect(f, gap, SK_RECORDS_GAP, 20);
	expect(f, gap, SK_RECORDS_GAP, 20);
	assert_int_equal(
		count(f,
			"SELECT count(*) FROM chain_alarms WHERE resolved IS NULL AND kind = $1 AND seq = 21",
			"gap"),
		1);
	assert_int_equal(count(f, "SELECT count(*) FROM chain_heads WHERE state = $1", "gap"), 1);
	/* Cut on the way: the whole lines count. */
	cut = strdup(rest);
	cut[strlen(cut) - 20] = 0;
	expect(f, cut, SK_RECORDS_TAKEN, 49);
	expect(f, rest, SK_RECORDS_TAKEN, 50);
	/* What was missing has come: the alarm is over. */
	assert_int_equal(
		count(f, "SELECT count(*) FROM chain_alarms WHERE resolved IS NULL AND terminal_id = $1",
			TERMINAL),
		0);
	assert_int_equal(count(f, "SELECT count(*) FROM chain_heads WHERE state = $1", "good"), 1);
	assert_int_equal(count(f, "SELECT seq FROM chain_heads WHERE terminal_id = $1", TERMINAL), 50);
	free_lines(&lines);
}

static void test_what_does_not_fit_is_an_alarm(void **state)
{
	Fixture *f = *state;
	Lines ours, others;
	own_free char *first = NULL, *changed = NULL, *forked = NULL, *next = NULL;

	make_lines(&ours, "{}");
	make_lines(&others, "{\"other\":1}");
	add_terminal(f, TERMINAL);
	add_terminal(f, ELSE);
	first = join(&ours, 1, 10);
	changed = join(&others, 3, 3);
	forked = join(&others, 11, 12);
	next = join(&ours, 11, 11);
	expect(f, first, SK_RECORDS_TAKEN, 10);
	expect(f, changed, SK_RECORDS_REFUSED, 10);
	expect(f, forked, SK_RECORDS_REFUSED, 10);
	assert_int_equal(alarms(f, "fork"), 2);
	/* Told once, however often it comes. */
	expect(f, forked, SK_RECORDS_REFUSED, 10);
	assert_int_equal(alarms(f, "fork"), 2);
	expect(f, "no record\n", SK_RECORDS_REFUSED, 10);
	expect(f, "\xFF\xFE\n", SK_RECORDS_REFUSED, 10);
	expect(f, "\n", SK_RECORDS_REFUSED, 10);
	assert_int_equal(alarms(f, "bad-line"), 1);
	/* What fits is still taken. */
	expect(f, next, SK_RECORDS_TAKEN, 11);
	assert_int_equal(
		count(f, "SELECT count(*) FROM console_records WHERE kind = $1", "terminal.records-refused"),
		3);
	free_lines(&ours);
	free_lines(&others);
}

static void test_a_stranger_has_no_chain(void **state)
{
	Fixture *f = *state;
	Lines lines;
	own_free char *first = NULL;

	make_lines(&lines, "{}");
	first = join(&lines, 1, 10);
	assert_int_equal(as(f, NULL, &(Step){.run = run_receive, .id = TERMINAL, .text = first}), -ENOENT);
	free_lines(&lines);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order_and_once, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_what_does_not_fit_is_an_alarm, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_a_stranger_has_no_chain, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
