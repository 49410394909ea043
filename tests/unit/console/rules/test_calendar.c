/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves LOSS-2. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "console/rules/calendar.h"
#include "console/rules/incident_clock.h"

static const char *holidays_of(int year)
{
	static char text[512];
	size_t n = 0;

	text[0] = 0;
	for (int64_t day = sk_day_from(year, 1, 1); day < sk_day_from(year + 1, 1, 1); day++) {
		SkDate d = sk_date_of(day);

		if (sk_day_is_holiday(day))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%d/%d ", d.month, d.day);
	}
	return text;
}

/* As the Cabinet Office lists them. */
static void test_holidays_are_those_of_the_government(void **state)
{
	assert_string_equal(holidays_of(2024),
		"1/1 1/8 2/11 2/12 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 "
		"9/22 9/23 10/14 11/3 11/4 11/23 ");
	assert_string_equal(holidays_of(2025),
		"1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/21 8/11 9/15 "
		"9/23 10/13 11/3 11/23 11/24 ");
	assert_string_equal(holidays_of(2026),
		"1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 "
		"9/23 10/12 11/3 11/23 ");
	assert_string_equal(holidays_of(2027),
		"1/1 1/11 2/11 2/23 3/21 3/22 4/29 5/3 5/4 5/5 7/19 8/11 9/20 9/23 "
		"10/11 11/3 11/23 ");
}

static void test_days_are_those_of_libc(void **state)
{
	for (int64_t day = -40000; day < 80000; day += 7) {
		time_t t = (time_t)day * 86400;
		struct tm tm;
		SkDate d = sk_date_of(day);

		gmtime_r(&t, &tm);
		assert_int_equal(d.year, tm.tm_year + 1900);
		assert_int_equal(d.month, tm.tm_mon + 1);
		assert_int_equal(d.day, tm.tm_mday);
		assert_int_equal(sk_day_weekday(day), tm.tm_wday);
		assert_int_equal(sk_day_from(d.year, d.month, d.day), day);
	}
}

static void test_a_day_begins_at_midnight_in_japan(void **state)
{
	int64_t day = sk_day_from(2026, 11, 22);
	int64_t midnight = INT64_C(1795273200000); /* 2026-11-21T15:00:00Z */

	assert_int_equal(sk_day_of(midnight), day);
	assert_int_equal(sk_day_of(midnight - 1), day - 1);
	assert_int_equal(sk_day_end(day - 1), midnight - 1);
	assert_int_equal(sk_day_of(-1), 0); /* 1970-01-01 08:59:59.999 in Japan */
}

static void check_due(int64_t due, int year, int month, int day)
{
	assert_int_equal(due, sk_day_end(sk_day_from(year, month, day)));
}

static void test_terms_count_the_day_of_learning(void **state)
{
	/* Monday 2 November 2026, noon in Japan */
	int64_t learned = sk_day_end(sk_day_from(2026, 11, 2)) - INT64_C(12) * 3600 * 1000;
	SkIncidentClock clock = sk_incident_clock(learned, false);

	check_due(clock.preliminary_soon, 2026, 11, 4);
	check_due(clock.preliminary_due, 2026, 11, 6);
	check_due(clock.final_due, 2026, 12, 1);
	/* The 60th day is Thursday 31 December: offices open on Monday the 4th. */
	check_due(sk_incident_clock(learned, true).final_due, 2027, 1, 4);
}

static void test_a_final_report_waits_for_an_open_day(void **state)
{
	/* The 30th day after Saturday 24 October 2026 is Sunday 22 November; Monday is a holiday. */
	int64_t learned = sk_day_end(sk_day_from(2026, 10, 24));

	check_due(sk_incident_clock(learned, false).final_due, 2026, 11, 24);
	assert_true(sk_day_is_closed(sk_day_from(2026, 12, 29)));
	assert_false(sk_day_is_closed(sk_day_from(2026, 12, 28)));
	assert_false(sk_day_is_closed(sk_day_from(2027, 1, 4)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holidays_are_those_of_the_government),
		cmocka_unit_test(test_days_are_those_of_libc),
		cmocka_unit_test(test_a_day_begins_at_midnight_in_japan),
		cmocka_unit_test(test_terms_count_the_day_of_learning),
		cmocka_unit_test(test_a_final_report_waits_for_an_open_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
