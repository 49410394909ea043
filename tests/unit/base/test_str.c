/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>

#include "lib/base/str.h"

static void copy_reports_what_it_cuts(void **state)
{
	char buffer[4];

	assert_true(sk_str_copy(buffer, sizeof(buffer), "abc"));
	assert_string_equal(buffer, "abc");
	assert_false(sk_str_copy(buffer, sizeof(buffer), "abcd"));
	assert_string_equal(buffer, "abc");
}

static void numbers_are_whole_or_nothing(void **state)
{
	static const struct {
		const char *text;
		unsigned base;
		uint64_t max;
		int result;
		uint64_t value;
	} cases[] = {
		{"0", 10, 9, 0, 0},
		{"18446744073709551615", 10, UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", 10, UINT64_MAX, -ERANGE, 0},
		{"ff", 16, 255, 0, 255},
		{"100", 16, 255, -ERANGE, 0},
		{"", 10, 9, -EINVAL, 0},
		{" 1", 10, 9, -EINVAL, 0},
		{"-1", 10, 9, -EINVAL, 0},
		{"1x", 10, 9, -EINVAL, 0},
		{"9", 8, 9, -EINVAL, 0},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		uint64_t value = 0;

		assert_int_equal(
			sk_num_parse(cases[i].text, cases[i].base, cases[i].max, &value), cases[i].result);
		assert_int_equal(value, cases[i].value);
	}
}

static void hex_goes_both_ways(void **state)
{
	const uint8_t bytes[] = {0x00, 0x9A, 0xFF};
	uint8_t back[3];
	char text[7];

	sk_hex_format(text, bytes, sizeof(bytes));
	assert_string_equal(text, "009aff");
	assert_int_equal(sk_hex_parse(back, sizeof(back), text), 0);
	assert_memory_equal(back, bytes, sizeof(bytes));
	assert_int_equal(sk_hex_parse(back, sizeof(back), "009af"), -EINVAL);
	assert_int_equal(sk_hex_parse(back, sizeof(back), "009afg"), -EINVAL);
}

static void words_are_found_whole(void **state)
{
	assert_true(sk_str_has_word("sleep:idle:shutdown", ":", "idle"));
	assert_true(sk_str_has_word("idle", ":", "idle"));
	assert_true(sk_str_has_word("  /usr/bin/a   /usr/bin/b ", " ", "/usr/bin/b"));
	assert_false(sk_str_has_word("sleep:idle-hint:myidle", ":", "idle"));
	assert_false(sk_str_has_word("idle", ":", "idl"));
	assert_false(sk_str_has_word("a::b", ":", ""));
	assert_false(sk_str_has_word("", ":", ""));
	assert_false(sk_str_has_word(" ", " ", "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_found_whole),
		cmocka_unit_test(copy_reports_what_it_cuts),
		cmocka_unit_test(numbers_are_whole_or_nothing),
		cmocka_unit_test(hex_goes_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
