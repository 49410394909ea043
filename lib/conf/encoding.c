/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf/encoding.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/japanese.h"
#include "lib/base/utf8.h"

static const char *guess(const char *text, size_t size)
{
	if (size >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
		return "not UTF-8: it looks like UTF-16; convert it with: iconv -f UTF-16 -t UTF-8";
	if (memchr(text, 0, size))
		return "a 0 byte: this is no text file";
	if (sk_euc_jp_check(text, size, NULL))
		return "not UTF-8: it looks like EUC-JP; convert it with: iconv -f EUC-JP -t UTF-8";
	if (sk_shift_jis_check(text, size, NULL))
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
