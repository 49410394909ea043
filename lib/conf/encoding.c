/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf/encoding.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/utf8.h"

static bool in(unsigned char c, unsigned char low, unsigned char high)
{
	return c >= low && c <= high;
}

/* Pairs of bytes with the top bit set (JIS X 0208), 8E + one (half-width kana), 8F + two (JIS X 0212). */
static bool looks_like_euc_jp(const unsigned char *s, size_t size)
{
	for (size_t i = 0; i < size;) {
		size_t tail = s[i] < 0x80 ? 0 : s[i] == 0x8F ? 2 : 1;

		if (tail > 0 && s[i] != 0x8E && s[i] != 0x8F && !in(s[i], 0xA1, 0xFE))
			return false;
		if (i + tail >= size)
			return false;
		for (size_t k = 1; k <= tail; k++)
			if (!in(s[i + k], 0xA1, 0xFE))
				return false;
		i += 1 + tail;
	}
	return true;
}

static bool looks_like_shift_jis(const unsigned char *s, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (s[i] < 0x80 || in(s[i], 0xA1, 0xDF))
			continue;
		if (!in(s[i], 0x81, 0x9F) && !in(s[i], 0xE0, 0xFC))
			return false;
		if (++i == size || !(in(s[i], 0x40, 0x7E) || in(s[i], 0x80, 0xFC)))
			return false;
	}
	return true;
}

static const char *guess(const char *text, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;

	if (size >= 2 && (memcmp(s, "\xFF\xFE", 2) == 0 || memcmp(s, "\xFE\xFF", 2) == 0))
		return "not UTF-8: it looks like UTF-16; convert it with: iconv -f UTF-16 -t UTF-8";
	if (memchr(s, 0, size))
		return "a 0 byte: this is no text file";
	if (looks_like_euc_jp(s, size))
		return "not UTF-8: it looks like EUC-JP; convert it with: iconv -f EUC-JP -t UTF-8";
	if (looks_like_shift_jis(s, size))
		return "not UTF-8: it looks like Shift_JIS; convert it with: iconv -f CP932 -t UTF-8";
	return "not UTF-8; save the file as UTF-8";
}

static bool is_ascii(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

/* Longest valid beginning of a line; a line is short, so trying each length is fine. */
static size_t valid_length(const char *line, size_t size)
{
	size_t good = 0;

	for (size_t i = 1; i <= size && i <= good + 4; i++)
		if (sk_utf8_check(line + good, i - good))
			good = i;
	return good;
}

int sk_encoding_check(const char *text, size_t size, SkEncodingError *ret_error)
{
	unsigned line = 1;

	if (sk_utf8_check(text, size) && !memchr(text, 0, size))
		return 0;
	*ret_error = (SkEncodingError){.line = 1, .column = 1, .text = guess(text, size)};
	for (const char *p = text, *end = text + size; p < end; line++) {
		const char *next = memchr(p, '\n', (size_t)(end - p));
		size_t length = next ? (size_t)(next - p) : (size_t)(end - p);
		const char *zero = memchr(p, 0, length);
		size_t good = valid_length(p, zero ? (size_t)(zero - p) : length);

		if (good < length) {
			ret_error->line = line;
			for (size_t i = 0; i < good; i++)
				ret_error->column += ((unsigned char)p[i] & 0xC0) != 0x80;
			/* Good UTF-8 before the fault: a damaged file, whatever its bytes look like
			 * otherwise. */
			if (!zero && !is_ascii(text, (size_t)(p - text) + good))
				ret_error->text = "not UTF-8; save the file as UTF-8";
			break;
		}
		p += length + 1;
	}
	return -EILSEQ;
}
