/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/japanese.h"

static bool in(unsigned char c, unsigned char low, unsigned char high)
{
	return c >= low && c <= high;
}

/* Length of the character at this place; 0: there is none. */
typedef size_t (*Character)(const unsigned char *at, size_t size);

static bool check(const char *text, size_t size, Character character, unsigned *ret_longest)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned run = 0, longest = 0;

	for (size_t i = 0; i < size;) {
		size_t length = character(s + i, size - i);

		if (length == 0)
			return false;
		run = length > 1 ? run + 1 : 0;
		longest = run > longest ? run : longest;
		i += length;
	}
	if (ret_longest)
		*ret_longest = longest;
	return true;
}

/* JIS X 0208 in pairs, half-width kana in single bytes. */
static size_t shift_jis_character(const unsigned char *at, size_t size)
{
	if (at[0] < 0x80 || in(at[0], 0xA1, 0xDF))
		return 1;
	if (!in(at[0], 0x81, 0x9F) && !in(at[0], 0xE0, 0xFC))
		return 0;
	return size >= 2 && (in(at[1], 0x40, 0x7E) || in(at[1], 0x80, 0xFC)) ? 2 : 0;
}

/* JIS X 0208 in pairs with the top bit set, 8E + one (half-width kana), 8F + two (JIS X 0212). */
static size_t euc_jp_character(const unsigned char *at, size_t size)
{
	size_t length = at[0] < 0x80 ? 1 : at[0] == 0x8F ? 3 : 2;

	if (length > size || (length > 1 && at[0] != 0x8E && at[0] != 0x8F && !in(at[0], 0xA1, 0xFE)))
		return 0;
	for (size_t i = 1; i < length; i++)
		if (!in(at[i], 0xA1, 0xFE))
			return 0;
	return length;
}

bool sk_shift_jis_check(const char *text, size_t size, unsigned *ret_longest)
{
	return check(text, size, shift_jis_character, ret_longest);
}

bool sk_euc_jp_check(const char *text, size_t size, unsigned *ret_longest)
{
	return check(text, size, euc_jp_character, ret_longest);
}
