/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/letters.h"

#include <dirent.h>
#include <linux/kd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "agent/lock/kanji.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define DRIVERS "/sys/class/vtconsole"

_Static_assert(LETTERS_FIRST % 2 == 0 && LETTERS_GLYPHS > LETTERS_FIRST, "two glyphs a letter");

static size_t pitch_of(unsigned width)
{
	return (width + 7) / 8;
}

static bool is_dot(const Kanji *letter, unsigned x, unsigned y)
{
	return x < KANJI_DOTS && y < KANJI_DOTS && (letter->rows[y] >> (KANJI_DOTS - 1 - x) & 1);
}

/* As large as two cells have room for, in the middle of them. */
static void draw_letter(uint8_t *glyphs, const Kanji *letter, unsigned width, unsigned height, unsigned scale)
{
	size_t pitch = pitch_of(width), glyph = pitch * LETTERS_HEIGHT_MAX;
	unsigned left = (2 * width - KANJI_DOTS * scale) / 2, top = (height - KANJI_DOTS * scale) / 2;

	memset(glyphs, 0, 2 * glyph);
	for (unsigned y = top; y < height; y++)
		for (unsigned x = left; x < 2 * width; x++)
			if (is_dot(letter, (x - left) / scale, (y - top) / scale))
				glyphs[x / width * glyph + y * pitch + x % width / 8] |=
					(uint8_t)(0x80 >> (x % width % 8));
}

bool letters_draw(uint8_t *font, unsigned width, unsigned height)
{
	unsigned scale = 2 * width < height ? 2 * width / KANJI_DOTS : height / KANJI_DOTS;
	size_t glyph = pitch_of(width) * LETTERS_HEIGHT_MAX;

	if (scale == 0 || width > LETTERS_WIDTH_MAX || height > LETTERS_HEIGHT_MAX)
		return false;
	for (size_t i = 0; i < kanji_count && LETTERS_FIRST + 2 * i < LETTERS_GLYPHS; i++)
		draw_letter(font + (LETTERS_FIRST + 2 * i) * glyph, &kanji[i], width, height, scale);
	return true;
}

static bool reads(const char *driver, const char *attribute, const char *what)
{
	char path[512], text[64] = "";

	if (!sk_str_format(path, sizeof(path), DRIVERS "/%s/%s", driver, attribute))
		return false;
	own_file FILE *file = fopen(path, "re");

	return file && fgets(text, sizeof(text), file) && strstr(text, what);
}

static void close_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

/* A console of VGA's text mode has one font for all of them, and dummies have none. */
static bool has_own_fonts(void)
{
	own_(close_directory) DIR *directory = opendir(DRIVERS);
	bool found = false;

	for (const struct dirent *entry; !found && directory && (entry = readdir(directory));)
		found = reads(entry->d_name, "bind", "1") && reads(entry->d_name, "name", "frame buffer");
	return found;
}

bool letters_load(int console_fd)
{
	size_t size = (size_t)LETTERS_GLYPHS * LETTERS_HEIGHT_MAX * pitch_of(LETTERS_WIDTH_MAX);
	own_free uint8_t *glyphs = calloc(1, size);
	struct console_font_op font = {.op = KD_FONT_OP_GET,
		.width = LETTERS_WIDTH_MAX,
		.height = LETTERS_HEIGHT_MAX,
		.charcount = LETTERS_GLYPHS,
		.data = glyphs};

	if (!glyphs || !has_own_fonts() || ioctl(console_fd, KDFONTOP, &font) < 0 ||
		!letters_draw(glyphs, font.width, font.height))
		return false;
	font.op = KD_FONT_OP_SET;
	font.charcount = LETTERS_GLYPHS;
	return ioctl(console_fd, KDFONTOP, &font) == 0;
}

static int compare(const void *letter, const void *member)
{
	return (int)*(const uint32_t *)letter - (int)((const Kanji *)member)->letter;
}

unsigned letters_glyph(uint32_t letter)
{
	const Kanji *found =
		letter <= UINT16_MAX ? bsearch(&letter, kanji, kanji_count, sizeof(*kanji), compare) : NULL;
	size_t glyph = found ? LETTERS_FIRST + 2 * (size_t)(found - kanji) : 0;

	return glyph < LETTERS_GLYPHS ? (unsigned)glyph : 0;
}
