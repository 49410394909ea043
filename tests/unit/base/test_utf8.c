/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include "lib/base/str.h"
#include "lib/base/utf8.h"

static void foreign_text_becomes_printable(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"患者.txt", "患者.txt"},
		{"a\nb", "a\\u{a}b"},
		{"a\\b", "a\\\\b"},
		{"gpj.\xE2\x80\xAE"
		 "exe",
			"gpj.\\u{202e}exe"},
		{"\xC0\xAF", "\\xc0\\xaf"},
		{"\xED\xA0\x80", "\\xed\\xa0\\x80"},
		{"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xE6\x82", "\\xe6\\x82"},
		{"\x1B[2J", "\\u{1b}[2J"},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		char shown[64], back[64];
		size_t size;

		sk_utf8_escape(shown, sizeof(shown), cases[i].text, strlen(cases[i].text));
		assert_string_equal(shown, cases[i].shown);
		assert_true(sk_utf8_unescape(back, sizeof(back), shown, &size));
		assert_int_equal(size, strlen(cases[i].text));
		assert_string_equal(back, cases[i].text);
	}
}

static void too_long_text_is_cut_between_characters(void **state)
{
	char shown[6];

	sk_utf8_escape(shown, sizeof(shown), "患者", strlen("患者"));
	assert_string_equal(shown, "患");
}

static void what_was_not_escaped_so_is_not_read(void **state)
{
	static const char *const bad[] = {"\\", "a\\", "\\x", "\\x1", "\\xg0", "\\u", "\\u{", "\\u{}",
		"\\u{12", "\\u{110000}", "\\u{1234567}", "\\n", "\\x 1"};
	char back[8];
	size_t size;

	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		assert_false(sk_utf8_unescape(back, sizeof(back), bad[i], &size));
	assert_true(sk_utf8_unescape(back, sizeof(back), "1234567", &size));
	assert_false(sk_utf8_unescape(back, sizeof(back), "12345678", &size));
	assert_true(sk_utf8_unescape(back, sizeof(back), "a\\u{0}b", &size));
	assert_int_equal(size, 3);
}

static void check_knows_utf8(void **state)
{
	assert_true(sk_utf8_check("関所", strlen("関所")));
	assert_false(sk_utf8_check("\x8A\xD6\x8F\x8A", 4)); /* 関所 in Shift_JIS */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_text_becomes_printable),
		cmocka_unit_test(too_long_text_is_cut_between_characters),
		cmocka_unit_test(what_was_not_escaped_so_is_not_read),
		cmocka_unit_test(check_knows_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
