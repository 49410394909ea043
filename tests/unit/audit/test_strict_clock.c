/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include "lib/audit/strict_clock.h"

#define SEC INT64_C(1000000)
#define BOOT "00112233445566778899aabbccddeeff"
#define NEXT "ffeeddccbbaa99887766554433221100"

static SkStrictTime look(
	SkStrictClock *clock, int64_t wall, int64_t mono, const char *boot, const char *state)
{
	return sk_strict_clock_look(clock,
		&(SkAuditTime){
			.wall = wall * SEC, .mono = (uint64_t)(mono * SEC), .boot = boot, .clock = state});
}

static void check(SkStrictTime time, int64_t earliest, int64_t latest)
{
	assert_int_equal(time.earliest, earliest * 1000);
	assert_int_equal(time.latest, latest * 1000);
}

static void test_a_clock_that_goes_right(void **state)
{
	SkStrictClock clock = {0};

	check(look(&clock, 1000, 10, BOOT, "unsynchronised"), 1000, 1000);
	check(look(&clock, 1060, 70, BOOT, "unsynchronised"), 1060, 1060);
	check(look(&clock, 5000, 5, NEXT, "unknown"), 5000, 5000);
}

static void test_set_back(void **state)
{
	SkStrictClock clock = {0};

	look(&clock, 1000, 10, BOOT, "unsynchronised");
	check(look(&clock, 500, 110, BOOT, "unsynchronised"), 500, 1100);
	/* Somebody may say that it is synchronised: the file that says so can be older than the change. */
	check(look(&clock, 600, 210, BOOT, "synchronised"), 600, 1200);
	/* Nor does a reboot help. */
	check(look(&clock, 700, 3, NEXT, "unsynchronised"), 700, 1200);
	check(look(&clock, 800, 103, NEXT, "unsynchronised"), 800, 1300);
	/* Until the network says what time it is. */
	check(look(&clock, 1400, 2, BOOT, "synchronised"), 1400, 1400);
}

static void test_set_forward(void **state)
{
	SkStrictClock clock = {0};

	look(&clock, 1000, 10, BOOT, "unsynchronised");
	check(look(&clock, 9000, 20, BOOT, "unsynchronised"), 1010, 9000);
	/* Put right again, nothing of it stays. */
	check(look(&clock, 1020, 30, BOOT, "unsynchronised"), 1020, 1020);
	/* The network's word moves the known time forward. */
	check(look(&clock, 1100, 40, BOOT, "synchronised"), 1100, 1100);
}

static void test_a_wrong_future_ends_with_a_synchronised_boot(void **state)
{
	SkStrictClock clock = {0};

	look(&clock, 99000, 10, BOOT, "unsynchronised");
	check(look(&clock, 2000, 5, NEXT, "unsynchronised"), 2000, 99000);
	check(look(&clock, 2100, 3, BOOT, "synchronised"), 2100, 2100);
}

static void test_judging(void **state)
{
	const SkStrictTime sure = {5000, 5000}, unsure = {4000, 6000};

	assert_int_equal(sk_strict_time_judge(&sure, 5000, 5001), SK_STRICT_WITHIN);
	assert_int_equal(sk_strict_time_judge(&sure, 5001, 9000), SK_STRICT_NOT_YET);
	assert_int_equal(sk_strict_time_judge(&sure, 1000, 5000), SK_STRICT_OVER);
	assert_int_equal(sk_strict_time_judge(&unsure, 4500, 9000), SK_STRICT_NOT_YET);
	assert_int_equal(sk_strict_time_judge(&unsure, 1000, 5500), SK_STRICT_OVER);
	assert_int_equal(sk_strict_time_judge(&unsure, 3000, 7000), SK_STRICT_WITHIN);
}

/* The clock of a boot goes on while the PC sleeps (CLOCK_BOOTTIME), and so does the wall clock: nothing is
 * unsure. A machine that was stood still from outside (a virtual one) knows nothing of the time, until the
 * network says it. */
static void test_sleep(void **state)
{
	SkStrictClock clock = {0};

	look(&clock, 1000, 10, BOOT, "unsynchronised");
	check(look(&clock, 90000, 89010, BOOT, "unsynchronised"), 90000, 90000);
	check(look(&clock, 99000, 89020, BOOT, "unsynchronised"), 90010, 99000);
	check(look(&clock, 99010, 89030, BOOT, "synchronised"), 99010, 99010);
}

static void test_doubt(void **state)
{
	const SkStrictTime sure = {500000, 500500}, unsure = {400000, 600000};

	assert_false(sk_strict_time_is_doubtful(&sure, 500200, 900000)); /* as clocks differ that are right */
	assert_false(sk_strict_time_is_doubtful(&unsure, 300000, 700000));
	assert_false(sk_strict_time_is_doubtful(&unsure, 700000, 800000));
	assert_false(sk_strict_time_is_doubtful(&unsure, 100000, 300000));
	assert_true(sk_strict_time_is_doubtful(&unsure, 450000, 700000)); /* begun, or not */
	assert_true(sk_strict_time_is_doubtful(&unsure, 300000, 500000)); /* over, or not */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clock_that_goes_right),
		cmocka_unit_test(test_set_back),
		cmocka_unit_test(test_set_forward),
		cmocka_unit_test(test_a_wrong_future_ends_with_a_synchronised_boot),
		cmocka_unit_test(test_judging),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
