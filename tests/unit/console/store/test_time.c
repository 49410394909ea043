/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>

#include "console/store/time.h"
#include "lib/base/str.h"

static void test_format(void **state)
{
	static const struct {
		int64_t time;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{1769903999999, "2026-01-31T23:59:59.999Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{SK_TIME_MIN, "0001-01-01T00:00:00.000Z"},
		{SK_TIME_MAX, "9999-12-31T23:59:59.999Z"},
	};
	char text[SK_TIME_SIZE];
	int64_t time;

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		assert_true(sk_time_format(text, cases[i].time));
		assert_string_equal(text, cases[i].text);
		assert_int_equal(sk_time_parse(cases[i].text, &time), 0);
		assert_true(time == cases[i].time);
	}
	assert_false(sk_time_format(text, SK_TIME_MIN - 1));
	assert_false(sk_time_format(text, SK_TIME_MAX + 1));
	assert_false(sk_time_format(text, INT64_MIN));
	assert_true(sk_time_format(text, sk_time_now()));
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
	} good[] = {
		{"1970-01-01T09:00:00+09:00", 0},
		{"1969-12-31T20:30:00-03:30", 0},
		{"1970-01-01T00:00:00.5Z", 500},
		{"1970-01-01T00:00:00.123456789Z", 123},
		{"1970-01-01T00:00:00-00:00", 0},
		{"2024-02-29T00:00:00Z", 1709164800000},
	};
	static const char *const bad[] = {
		"",
		"1970",
		"1970-01-01",
		"1970-01-01T00:00:00",
		"1970-01-01T00:00Z",
		"1970-01-01 00:00:00Z",
		"1970-01-01t00:00:00z",
		"1970-01-01T00:00:00z",
		"1970-1-1T00:00:00Z",
		"1970-01-01T00:00:00ZZ",
		"1970-01-01T00:00:00.Z",
		"1970-01-01T00:00:00.1234567890Z",
		"1970-01-01T00:00:00,5Z",
		"1970-01-01T24:00:00Z",
		"1970-01-01T23:60:00Z",
		"1990-12-31T23:59:60Z",
		"1970-00-01T00:00:00Z",
		"1970-13-01T00:00:00Z",
		"1970-01-00T00:00:00Z",
		"1970-01-32T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"0000-01-01T00:00:00Z",
		"0001-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01",
		"1970-01-01T00:00:00+24:00",
		"1970-01-01T00:00:00+00:60",
		"1970-01-01T00:00:00+0900",
		"1970-01-01T00:00:00+09:00 ",
		"-970-01-01T00:00:00Z",
		"+970-01-01T00:00:00Z",
		"19700101T000000Z",
		"1970-01-01T00:00:00\xef\xbc\xba",
	};
	int64_t time;

	for (size_t i = 0; i < SK_ARRAY_SIZE(good); i++) {
		assert_int_equal(sk_time_parse(good[i].text, &time), 0);
		assert_true(time == good[i].time);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		if (sk_time_parse(bad[i], &time) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
