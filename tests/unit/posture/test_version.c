/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "agent/posture/version.h"
#include "lib/base/str.h"

typedef struct Case {
	const char *older, *newer;
} Case;

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void check(int (*compare)(const char *, const char *), const Case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int expected = sk_str_eq(cases[i].older, cases[i].newer) ? 0 : -1;

		if (sign(compare(cases[i].older, cases[i].newer)) != expected ||
			sign(compare(cases[i].newer, cases[i].older)) != -expected)
			fail_msg("%s is not older than %s", cases[i].older, cases[i].newer);
	}
}

/* As `dpkg --compare-versions` says; tests/integration/posture.py asks it about random ones. */
static void deb(void **state)
{
	static const Case cases[] = {{"1.0", "1.0"}, {"1.0", "1.1"}, {"1.9", "1.10"}, {"1.0", "1:0.1"},
		{"1.0-1", "1.0-2"}, {"1.0-1", "1.0-1+deb12u1"}, {"1.0~rc1", "1.0"}, {"1.0~rc1-1", "1.0-1"},
		{"1.0a", "1.0+"}, {"1.0", "1.0a"}, {"2.36-9+deb12u9", "2.36-9+deb12u10"}, {"1.0-1~", "1.0-1"},
		{"1.001", "1.2"}, {"1.0", "1.0-0.1"}, {"1.1.1w-0+deb11u1", "3.0.11-1~deb12u2"}, {"", "0.1"},
		{"99999999999999999998", "99999999999999999999"}};

	check(version_compare_deb, cases, SK_ARRAY_SIZE(cases));
	assert_int_equal(version_compare_deb("0:1.0", "1.0"), 0);
	assert_int_equal(version_compare_deb("1.0", "1.00"), 0);
}

/* As rpm's own tests (tests/rpmvercmp.at) say. */
static void rpm(void **state)
{
	static const Case cases[] = {{"1.0", "1.0"}, {"1.0", "2.0"}, {"2.0", "2.0.1"}, {"2.0.1", "2.0.1a"},
		{"5.5p1", "5.5p2"}, {"5.5p1", "5.5p10"}, {"10xyz", "10.1xyz"}, {"xyz10", "xyz10.1"},
		{"xyz.4", "8"}, {"xyz.4", "2"}, {"5.5p2", "5.6p1"}, {"5.6p1", "6.5p1"}, {"6.0", "6.0.rc1"},
		{"10a2", "10b2"}, {"1.0~rc1", "1.0"}, {"1.0~rc1", "1.0~rc2"}, {"1.0", "1.0^"},
		{"1.0^git1", "1.01"}, {"1.0^git1", "1.0^git2"}, {"1.0~rc1^git1", "1.0"},
		{"1.0-1.fc40", "1.0-2.fc40"}, {"1.0-9", "1:0.1-1"}, {"1.0^20160101", "1.0.1"}};

	check(version_compare_rpm, cases, SK_ARRAY_SIZE(cases));
	assert_int_equal(version_compare_rpm("1.0", "1.0-5"), 0);
	assert_int_equal(version_compare_rpm("1.0_1", "1.0.1"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(deb), cmocka_unit_test(rpm)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
