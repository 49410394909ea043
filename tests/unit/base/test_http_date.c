/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>

#include "lib/base/http_date.h"
#include "lib/base/str.h"

static void dates_come_back_as_they_were(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
	} cases[] = {{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777}, {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799}};
	char text[SK_HTTP_DATE_SIZE];
	int64_t time;

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		assert_int_equal(sk_http_date_parse(cases[i].text, &time), 0);
		assert_int_equal(time, cases[i].time);
		sk_http_date_format(text, time);
		assert_string_equal(text, cases[i].text);
	}
}

static void what_is_no_date_is_refused(void **state)
{
	static const char *const cases[] = {"", "now", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
		"Thu, 29 Feb 2023 23:59:59 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
		"Wed, 31 Dec 1969 23:59:59 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun,\t06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"};
	int64_t time;

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		if (sk_http_date_parse(cases[i], &time) != -EINVAL)
			fail_msg("%s is a date", cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_come_back_as_they_were),
		cmocka_unit_test(what_is_no_date_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
