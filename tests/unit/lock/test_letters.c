/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Japanese letters of our console: all that it says has them, at every size of a console's font, in lines
 * that fit. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "agent/lock/kanji.h"
#include "agent/lock/letters.h"
#include "agent/lock/page.h"
#include "agent/lock/words.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/reason/reason.h"

#define FONT_SIZE ((size_t)LETTERS_GLYPHS * LETTERS_HEIGHT_MAX * (LETTERS_WIDTH_MAX / 8))

static const Page narrow = {.columns = 20, .japanese = true}, wide = {.columns = 200, .japanese = true},
		  latin = {.columns = 20};

static void assert_shown(const Page *page, const char *text, const char *expected)
{
	char shown[512];

	assert_true(page_lay(page, shown, sizeof(shown), text));
	assert_string_equal(shown, expected);
}

static void assert_has_letters(const char *text)
{
	char shown[2048];

	assert_true(page_lay(&wide, shown, sizeof(shown), text));
	if (strchr(shown, '?'))
		fail_msg("tools/make-kanji: a letter is missing of: %s", text);
}

static void what_it_says_has_its_letters(void **state)
{
	const SkReasonText *hours = sk_reason_find(SK_SIGN_IN_OUTSIDE_HOURS);

	assert_has_letters(words_japanese.locked);
	assert_has_letters(words_japanese.enter);
	assert_has_letters(words_japanese.wrong);
	assert_has_letters(hours->ja_what);
	assert_has_letters(hours->ja_next);
	for (size_t i = 1; i < kanji_count; i++)
		assert_true(kanji[i - 1].letter < kanji[i].letter);
	assert_in_range(kanji_count, 1, (LETTERS_GLYPHS - LETTERS_FIRST) / 2);
}

/* A dot of two cells, as the kernel shows them side by side. */
static bool dot(const uint8_t *font, unsigned glyph, unsigned width, unsigned x, unsigned y)
{
	unsigned pitch = (width + 7) / 8, cell = glyph + x / width, column = x % width;

	return font[(cell * LETTERS_HEIGHT_MAX + y) * pitch + column / 8] & (0x80 >> column % 8);
}

static void assert_drawn(unsigned width, unsigned height, unsigned scale, unsigned left, unsigned top)
{
	uint8_t *font = calloc(1, FONT_SIZE);

	assert_non_null(font);
	memset(font, 0xff, FONT_SIZE);
	assert_true(letters_draw(font, width, height));
	for (size_t i = 0; i < kanji_count; i++) {
		unsigned glyph = letters_glyph(kanji[i].letter);

		for (unsigned y = 0; y < height; y++)
			for (unsigned x = 0; x < 2 * width; x++) {
				unsigned column = (x - left) / scale, row = (y - top) / scale;
				bool black = x >= left && y >= top && column < 16 && row < 16 &&
					     (kanji[i].rows[row] >> (15 - column) & 1);

				assert_int_equal(dot(font, glyph, width, x, y), black);
			}
	}
	/* The kernel's own glyphs are as they were. */
	size_t glyph_size = (size_t)LETTERS_HEIGHT_MAX * ((width + 7) / 8);

	for (size_t i = 0; i < LETTERS_FIRST * glyph_size; i++)
		assert_int_equal(font[i], 0xff);
	free(font);
}

static void letters_fill_their_cells(void **state)
{
	uint8_t font[1];

	assert_drawn(8, 16, 1, 0, 0);
	assert_drawn(16, 32, 2, 0, 0);
	assert_drawn(10, 18, 1, 2, 1);
	assert_drawn(12, 22, 1, 4, 3);
	assert_false(letters_draw(font, 8, 14));
	assert_false(letters_draw(font, 6, 16));
	assert_false(letters_draw(font, 8, 64));
}

static void lines_are_broken_between_words(void **state)
{
	assert_shown(&latin, "one two", "   one two");
	assert_shown(&latin, "one two three four five", "   one two three\n   four five");
	assert_shown(&latin, "one\ntwo ", "   one\n   two ");
	assert_shown(&latin, "a-word-that-is-longer-than-a-line", "   a-word-that-is-longer-than-a-line");
	assert_shown(&latin, "", "   ");
	assert_shown(&latin, "\n\n", "   \n   \n   ");
}

/* Eight letters are sixteen cells behind the margin; what closes a sentence begins no line. */
static void japanese_is_broken_between_letters(void **state)
{
	char shown[512];
	uint32_t c;

	assert_true(page_lay(&narrow, shown, sizeof(shown), "ロックされています。"));
	assert_int_equal(strncmp(shown, "   ", 3), 0);
	assert_int_equal(sk_utf8_decode(shown + 3, 3, &c), 3);
	assert_int_equal(c, 0xf000 + letters_glyph(0x30ed));
	assert_int_equal(sk_utf8_decode(shown + 6, 3, &c), 3);
	assert_int_equal(c, 0xf000 + letters_glyph(0x30ed) + 1);
	const char *second = strchr(shown, '\n');

	assert_non_null(second);
	assert_int_equal(second - shown, 3 + 8 * 6);
	/* "す。" */
	assert_int_equal(strlen(second), 1 + 3 + 2 * 6);
}

static void what_is_no_letter_controls_nothing(void **state)
{
	assert_shown(&latin, "a\033[2Jb\x7f\xff", "   a?[2Jb??");
	assert_shown(&latin, "\xe3\x81\x93", "   ?");
	assert_shown(&wide, "\xf0\x9f\x94\x92 \xe3\x81", "   ? ??");
	/* The kernel would take it for a glyph. */
	assert_shown(&wide, "\xef\x84\x80", "   ?");
}

static void what_does_not_fit_is_cut(void **state)
{
	char text[64], shown[16];

	srandom(1);
	for (unsigned i = 0; i < 20000; i++) {
		size_t size = (size_t)random() % sizeof(text), room = (size_t)random() % sizeof(shown);

		for (size_t k = 0; k < size; k++)
			text[k] = random() % 3 ? (char)(random() % 255 + 1) : "\343\201\223"[k % 3];
		text[size ? size - 1 : 0] = 0;
		memset(shown, 'x', sizeof(shown));
		bool whole = page_lay(&narrow, shown, room, text);

		assert_true(room == 0 ? !whole && shown[0] == 'x' : strnlen(shown, room) < room);
		for (size_t k = room; k < sizeof(shown); k++)
			assert_int_equal(shown[k], 'x');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says_has_its_letters),
		cmocka_unit_test(letters_fill_their_cells),
		cmocka_unit_test(lines_are_broken_between_words),
		cmocka_unit_test(japanese_is_broken_between_letters),
		cmocka_unit_test(what_is_no_letter_controls_nothing),
		cmocka_unit_test(what_does_not_fit_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
