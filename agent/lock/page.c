/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/page.h"

#include <string.h>

#include "agent/lock/letters.h"
#include "lib/base/utf8.h"

#define MARGIN 3
/* drivers/tty/vt/consolemap.c: in UTF-8 this is glyph 0 of the console's font, and so on (UNI_DIRECT_BASE).
 */
#define GLYPHS 0xf000u

typedef struct Letter {
	size_t bytes;	/* of text */
	unsigned glyph; /* and the next one; 0: it is `shown` */
	unsigned width; /* in cells */
	char shown;
	bool closes; /* stands at no line's beginning */
} Letter;

typedef struct Writer {
	const Page *page;
	char *dst;
	size_t size, used;
	unsigned column; /* behind the margin */
	bool full;
} Writer;

static Letter letter_at(const Page *page, const char *text)
{
	uint32_t c = 0;
	size_t bytes = sk_utf8_decode(text, strlen(text), &c);
	unsigned glyph = bytes > 0 && page->japanese ? letters_glyph(c) : 0;
	bool plain = bytes == 1 && c >= ' ' && c < 0x7f;

	return (Letter){.bytes = bytes > 0 ? bytes : 1,
		.glyph = glyph,
		.width = glyph ? 2 : 1,
		.shown = plain ? (char)c : '?',
		.closes = c == 0x3001 || c == 0x3002 || c == 0xff09};
}

static bool ends_word(char c)
{
	return c == 0 || c == ' ' || c == '\n';
}

/* A Japanese letter, or a word of others, with what closes it. Return: its bytes. */
static size_t measure_word(const Page *page, const char *text, unsigned *ret_width)
{
	Letter first = letter_at(page, text);
	size_t bytes = first.bytes;

	*ret_width = first.width;
	while (!ends_word(text[bytes])) {
		Letter letter = letter_at(page, text + bytes);

		if (!letter.closes && (first.glyph || letter.glyph))
			break;
		bytes += letter.bytes;
		*ret_width += letter.width;
	}
	return bytes;
}

static void put(Writer *writer, const char *bytes, size_t size)
{
	writer->full = writer->full || size >= writer->size - writer->used;
	if (writer->full)
		return;
	memcpy(writer->dst + writer->used, bytes, size);
	writer->used += size;
}

static void put_spaces(Writer *writer, unsigned count)
{
	while (count-- > 0)
		put(writer, " ", 1);
}

static void put_glyph(Writer *writer, unsigned glyph)
{
	unsigned code = GLYPHS | glyph;
	const char bytes[] = {
		(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3f)), (char)(0x80 | (code & 0x3f))};

	put(writer, bytes, sizeof(bytes));
}

static void put_word(Writer *writer, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes;) {
		Letter letter = letter_at(writer->page, text + i);

		if (letter.glyph) {
			put_glyph(writer, letter.glyph);
			put_glyph(writer, letter.glyph + 1);
		} else
			put(writer, &letter.shown, 1);
		writer->column += letter.width;
		i += letter.bytes;
	}
}

static void begin_line(Writer *writer)
{
	put(writer, "\n", 1);
	put_spaces(writer, MARGIN);
	writer->column = 0;
}

/* One line of text, which may become several. Return: its bytes. */
static size_t put_line(Writer *writer, const char *text)
{
	size_t i = 0;

	while (text[i] && text[i] != '\n') {
		unsigned blanks = (unsigned)strspn(text + i, " "), width;

		i += blanks;
		if (!text[i] || text[i] == '\n') {
			put_spaces(writer, blanks);
			break;
		}
		size_t bytes = measure_word(writer->page, text + i, &width);

		if (writer->column > 0 && MARGIN + writer->column + blanks + width > writer->page->columns) {
			begin_line(writer);
			blanks = 0;
		}
		put_spaces(writer, blanks);
		writer->column += blanks;
		put_word(writer, text + i, bytes);
		i += bytes;
	}
	return i;
}

bool page_lay(const Page *page, char *dst, size_t size, const char *text)
{
	Writer writer = {.page = page, .dst = dst, .size = size};

	if (size == 0)
		return false;
	put_spaces(&writer, MARGIN);
	for (text += put_line(&writer, text); *text; text += put_line(&writer, text)) {
		begin_line(&writer);
		text++;
	}
	dst[writer.used] = 0;
	return !writer.full;
}
