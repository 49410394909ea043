/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/str.h"
#include "lib/crypt/passphrase.h"

static void test_rule(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"Correct-Horse-7", true},
		{"abcdefghij1 k", true},
		{"abcdefghij1-", false},   /* 12 */
		{"abcdefghijklm-", false}, /* no digit */
		{"abcdefghijk123", false}, /* nothing else */
		{"123456789012-", false},  /* no letter */
		{"Correct-Horse-7\t", false},
		{"Correct-Horse-7\x7f", false},
		{"パスフレーズ-abc-123", false},
		{"", false},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		assert_int_equal(sk_passphrase_is_mixed(cases[i].text, strlen(cases[i].text)), cases[i].good);
}

static void test_length(void **state)
{
	char text[SK_PASSPHRASE_MAX + 1];

	memset(text, 'a', sizeof(text));
	memcpy(text, "1-", 2);
	assert_true(sk_passphrase_is_mixed(text, SK_PASSPHRASE_MAX));
	assert_false(sk_passphrase_is_mixed(text, SK_PASSPHRASE_MAX + 1));
	assert_true(sk_passphrase_is_mixed(text, SK_PASSPHRASE_LENGTH));
	assert_false(sk_passphrase_is_mixed(text, SK_PASSPHRASE_LENGTH - 1));
	/* A zero within it is no character. */
	text[5] = 0;
	assert_false(sk_passphrase_is_mixed(text, SK_PASSPHRASE_LENGTH));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
