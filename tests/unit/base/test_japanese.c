/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>

#include "lib/base/japanese.h"

typedef bool (*Check)(const char *text, size_t size, unsigned *ret_longest);

static void expect(Check check, const char *text, int longest)
{
	unsigned found = 99;

	assert_int_equal(check(text, strlen(text), &found), longest >= 0);
	assert_int_equal(found, longest >= 0 ? longest : 99);
	assert_int_equal(check(text, strlen(text), NULL), longest >= 0);
}

static void shift_jis_is_known(void **state)
{
	expect(sk_shift_jis_check, "", 0);
	expect(sk_shift_jis_check, "plain", 0);
	expect(sk_shift_jis_check, "# \x8B\x4B\x91\xA5", 2);
	expect(sk_shift_jis_check, "\x8B\x4B x \x8A\xD6\x8F\x8A\x82\xCC", 3);
	expect(sk_shift_jis_check, "\xB6\xC5", 0); /* half-width */
	expect(sk_shift_jis_check, "\x8B", -1);
	expect(sk_shift_jis_check, "\x8B\x20", -1);
	expect(sk_shift_jis_check, "\x80", -1);
	expect(sk_shift_jis_check, "\xFD\x40", -1);
}

static void euc_jp_is_known(void **state)
{
	expect(sk_euc_jp_check, "", 0);
	expect(sk_euc_jp_check, "# \xB5\xAC\xC2\xA7", 2);
	expect(sk_euc_jp_check, "\x8E\xB6\x8F\xB0\xA1", 2);
	expect(sk_euc_jp_check, "\xB5", -1);
	expect(sk_euc_jp_check, "\xB5\x41", -1);
	expect(sk_euc_jp_check, "\x8F\xB0", -1);
	expect(sk_euc_jp_check, "\xA0\xA1", -1);
	expect(sk_euc_jp_check, "\xB5\xFF", -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shift_jis_is_known),
		cmocka_unit_test(euc_jp_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
