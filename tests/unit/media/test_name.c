/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>

#include "agent/media/target.h"

static void assert_name(const char *label, size_t size, const char *expected)
{
	char name[MEDIA_NAME_SIZE];

	media_name_format(name, label, size);
	assert_string_equal(name, expected);
}

static void labels_become_names_that_show_what_they_say(void **state)
{
	static const struct {
		const char *label, *name;
	} cases[] = {
		{"USB", "USB"},
		{"診療データ 2026", "診療データ 2026"},
		{"  KINGSTON   ", "KINGSTON"},
		{"", "medium"},
		{"   ", "medium"},
		{".", "_."},
		{"..", "_.."},
		{".hidden", "_.hidden"},
		{"../../etc", "_.._.._etc"},
		{"a/b", "a_b"},
		{"/", "_"},
		{"line\nbreak", "line\\u{a}break"},
		{"\xe2\x80\xaegpj.exe", "\\u{202e}gpj.exe"},
		{"\xff\xfe", "\\xff\\xfe"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_name(cases[i].label, strlen(cases[i].label), cases[i].name);
	assert_name("a\0b", 3, "a\\u{0}b");
}

static void no_label_becomes_a_name_that_is_too_long(void **state)
{
	char label[600], name[MEDIA_NAME_SIZE];

	for (size_t size = 0; size < sizeof(label); size += 3) {
		for (size_t i = 0; i + 3 <= size; i += 3)
			memcpy(label + i, "あ", 3);
		media_name_format(name, label, size);
		assert_true(strlen(name) <= 201);
		assert_true(strlen(name) > 0);
		assert_int_equal(name[0] == 'm' ? 0 : strlen(name) % 3, 0); /* cut between characters */
	}
}

static void only_plain_names_are_users(void **state)
{
	static const char *const good[] = {"doctor", "山田", "a.b", "x-ray", "DOMAIN+user"};
	static const char *const bad[] = {"", ".", "..", "../root", "a/b", "-r", "a\nb", "\xff",
		"\xe2\x80\xae", "0123456789012345678901234567890123456789012345678901234567890123"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(media_user_check(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(media_user_check(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_become_names_that_show_what_they_say),
		cmocka_unit_test(no_label_becomes_a_name_that_is_too_long),
		cmocka_unit_test(only_plain_names_are_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
