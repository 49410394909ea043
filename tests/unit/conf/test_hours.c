/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hours at which people may sign in (LOCK-2). */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/conf/hours.h"

/* Hours of the wall there. A rule of its own, so that no list of time zones is needed. */
static void live_in(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

#define TOKYO "JST-9"
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static time_t at(int year, int month, int day, int hour, int minute)
{
	struct tm local = {.tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_min = minute,
		.tm_isdst = -1};

	return mktime(&local);
}

static SkHours read_hours(const char *text)
{
	SkHours hours;
	SkValueError error = {0};

	if (sk_hours_parse(text, &hours, &error) < 0)
		fail_msg("%s: %s at %zu", text, error.text, error.offset);
	return hours;
}

/* November 2026: the 1st is a Sunday. */
static void a_week_of_a_clinic(void **state)
{
	SkHours hours = read_hours("Mon-Fri 07:00-20:00, Sat 08:00-13:00");

	live_in(TOKYO);
	assert_false(sk_hours_are_open(&hours, at(2026, 11, 2, 6, 59)));
	assert_true(sk_hours_are_open(&hours, at(2026, 11, 2, 7, 0)));
	assert_true(sk_hours_are_open(&hours, at(2026, 11, 6, 19, 59)));
	assert_false(sk_hours_are_open(&hours, at(2026, 11, 6, 20, 0)));
	assert_true(sk_hours_are_open(&hours, at(2026, 11, 7, 12, 59)));
	assert_false(sk_hours_are_open(&hours, at(2026, 11, 7, 13, 0)));
	assert_false(sk_hours_are_open(&hours, at(2026, 11, 1, 12, 0)));
	assert_int_equal(sk_hours_next_change(&hours, at(2026, 11, 2, 12, 34)), at(2026, 11, 2, 20, 0));
	assert_int_equal(sk_hours_next_change(&hours, at(2026, 11, 7, 13, 0)), at(2026, 11, 9, 7, 0));
}

static void over_midnight_and_over_the_week(void **state)
{
	SkHours hours = read_hours("Sat 22:00-06:00"), night = read_hours("daily 22:00-06:00");

	live_in(TOKYO);
	assert_true(sk_hours_are_open(&hours, at(2026, 11, 7, 23, 0)));
	assert_true(sk_hours_are_open(&hours, at(2026, 11, 8, 5, 59)));
	assert_false(sk_hours_are_open(&hours, at(2026, 11, 8, 6, 0)));
	assert_false(sk_hours_are_open(&hours, at(2026, 11, 8, 22, 0)));
	assert_int_equal(sk_hours_next_change(&night, at(2026, 11, 30, 22, 0)), at(2026, 12, 1, 6, 0));
	assert_true(sk_hours_are_open(&night, at(2026, 11, 30, 0, 0)));
}

static void whole_days_and_any(void **state)
{
	SkHours week_end = read_hours("Fri-Mon 00:00-24:00"), any = read_hours("any"),
		always = read_hours("daily 00:00-24:00"), late = read_hours("sun 12:00-24:00");

	live_in(TOKYO);
	assert_true(sk_hours_are_open(&week_end, at(2026, 11, 6, 0, 0)));
	assert_true(sk_hours_are_open(&week_end, at(2026, 11, 9, 23, 59)));
	assert_false(sk_hours_are_open(&week_end, at(2026, 11, 10, 0, 0)));
	assert_true(sk_hours_are_open(&any, 0));
	assert_int_equal(sk_hours_next_change(&any, 0), 0);
	assert_int_equal(sk_hours_next_change(&always, at(2026, 11, 10, 0, 0)), 0);
	assert_true(sk_hours_are_open(&late, at(2026, 11, 1, 23, 59)));
	assert_false(sk_hours_are_open(&late, at(2026, 11, 2, 0, 0)));
}

/* 29 March 2026: 02:00 is followed by 03:00. 25 October 2026: 03:00 by 02:00. */
static void where_the_clock_is_put_forward_and_back(void **state)
{
	SkHours hours = read_hours("Sun 02:00-03:00"), day = read_hours("daily 01:00-04:00");

	live_in(BERLIN);
	for (int minute = 0; minute < 24 * 60; minute++)
		assert_false(sk_hours_are_open(&hours, at(2026, 3, 29, 0, 0) + (time_t)minute * 60));
	time_t begin = sk_hours_next_change(&hours, at(2026, 10, 24, 12, 0));

	assert_int_equal(begin, at(2026, 10, 25, 0, 0) + 2 * 3600);
	assert_int_equal(sk_hours_next_change(&hours, begin), begin + 2 * 3600);
	begin = at(2026, 3, 29, 1, 0);
	assert_int_equal(sk_hours_next_change(&day, begin), begin + 2 * 3600);
	begin = at(2026, 10, 25, 1, 0);
	assert_int_equal(sk_hours_next_change(&day, begin), begin + 4 * 3600);
}

static void what_cannot_be_read_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *words;
	} bad[] = {
		{"Mo 07:00-20:00", 0, "expected a day"},
		{"Mon", 3, "expected a blank"},
		{"Mon-", 4, "expected a day"},
		{"Mon-Fri 7:00-20:00", 8, "a time like"},
		{"Mon 07:00", 9, "a second time"},
		{"Mon 07:00-", 10, "a time like"},
		{"Mon 07:00-25:00", 10, "no such time"},
		{"Mon 07:60-20:00", 4, "no such time"},
		{"Mon 07:00-07:00", 10, "ends when it begins"},
		{"Mon 24:00-00:00", 10, "ends when it begins"},
		{"Mon 07:00-20:00,", 16, "expected a day"},
		{"Mon 07:00-20:00 Tue", 16, "expected a comma"},
		{"Mon 07:00-20:00, any", 17, "expected a day"},
		{"Mon,Tue 07:00-20:00", 3, "expected a blank"},
		{"月 07:00-20:00", 0, "expected a day"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		SkHours hours;
		SkValueError error = {0};

		assert_true(sk_hours_parse(bad[i].text, &hours, &error) < 0);
		if (!strstr(error.text, bad[i].words) || error.offset != bad[i].offset)
			fail_msg("%s: %s at %zu", bad[i].text, error.text, error.offset);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_week_of_a_clinic),
		cmocka_unit_test(over_midnight_and_over_the_week),
		cmocka_unit_test(whole_days_and_any),
		cmocka_unit_test(where_the_clock_is_put_forward_and_back),
		cmocka_unit_test(what_cannot_be_read_is_told_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
