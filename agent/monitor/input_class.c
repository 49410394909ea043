/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/input_class.h"

#include <linux/input-event-codes.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/str.h"

#define WORD_BITS (8 * sizeof(long))

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

/* Start of the word that ends before `end`, blanks at the end taken off; NULL when there is none. */
static const char *last_word(const char *bitmap, const char **end)
{
	const char *start;

	while (*end > bitmap && is_blank((*end)[-1]))
		(*end)--;
	start = *end;
	while (start > bitmap && !is_blank(start[-1]))
		start--;
	return start == *end ? NULL : start;
}

bool input_bit_is_set(const char *bitmap, unsigned number)
{
	const char *end = bitmap + strlen(bitmap);
	const char *word = last_word(bitmap, &end);
	char text[2 * sizeof(long) + 1];
	uint64_t value;

	for (unsigned skip = number / WORD_BITS; word && skip > 0; skip--) {
		end = word;
		word = last_word(bitmap, &end);
	}
	if (!word || (size_t)(end - word) >= sizeof(text))
		return false;
	memcpy(text, word, (size_t)(end - word));
	text[end - word] = 0;
	return sk_num_parse(text, 16, UINT64_MAX, &value) == 0 && (value >> (number % WORD_BITS) & 1);
}

bool input_is_keyboard(const InputBitmaps *bitmaps)
{
	static const struct {
		unsigned first, last;
	} rows[] = {{KEY_Q, KEY_P}, {KEY_A, KEY_L}, {KEY_Z, KEY_M}, {KEY_ENTER, KEY_ENTER}};

	if (!input_bit_is_set(bitmaps->ev, EV_KEY))
		return false;
	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++)
		for (unsigned key = rows[i].first; key <= rows[i].last; key++)
			if (!input_bit_is_set(bitmaps->key, key))
				return false;
	return true;
}

static bool has_button(const char *key)
{
	static const unsigned buttons[] = {BTN_LEFT, BTN_TOUCH, BTN_TOOL_PEN};

	for (size_t i = 0; i < SK_ARRAY_SIZE(buttons); i++)
		if (input_bit_is_set(key, buttons[i]))
			return true;
	return false;
}

bool input_is_pointer(const InputBitmaps *bitmaps)
{
	bool relative = input_bit_is_set(bitmaps->ev, EV_REL) && input_bit_is_set(bitmaps->rel, REL_X) &&
			input_bit_is_set(bitmaps->rel, REL_Y);
	bool absolute = input_bit_is_set(bitmaps->ev, EV_ABS) &&
			((input_bit_is_set(bitmaps->abs, ABS_X) && input_bit_is_set(bitmaps->abs, ABS_Y)) ||
				(input_bit_is_set(bitmaps->abs, ABS_MT_POSITION_X) &&
					input_bit_is_set(bitmaps->abs, ABS_MT_POSITION_Y)));

	return (relative || absolute) && has_button(bitmaps->key);
}
