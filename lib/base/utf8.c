/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"

/* Table 3-7 of the Unicode standard. */
size_t sk_utf8_decode(const char *text, size_t size, uint32_t *ret_char)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c = s[0], min;
	size_t length;

	if (c < 0x80) {
		*ret_char = c;
		return 1;
	}
	if (c >= 0xC2 && c <= 0xDF) {
		length = 2, c &= 0x1F, min = 0x80;
	} else if ((c & 0xF0) == 0xE0) {
		length = 3, c &= 0x0F, min = 0x800;
	} else if (c >= 0xF0 && c <= 0xF4) {
		length = 4, c &= 0x07, min = 0x10000;
	} else {
		return 0;
	}
	if (length > size)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3F);
	}
	if (c < min || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	*ret_char = c;
	return length;
}

/* Characters that move, hide or reorder what stands beside them. */
static bool misleads(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C ||
	       (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
	       c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

bool sk_utf8_check(const char *text, size_t size)
{
	uint32_t c;

	for (size_t i = 0; i < size;) {
		size_t n = sk_utf8_decode(text + i, size - i, &c);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

void sk_utf8_escape(char *dst, size_t dst_size, const char *text, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t out = 0;

	if (dst_size == 0)
		return;
	for (size_t i = 0; i < size;) {
		char piece[16];
		uint32_t c = 0;
		size_t n = sk_utf8_decode(text + i, size - i, &c), length;

		if (n == 0) {
			length = (size_t)snprintf(piece, sizeof(piece), "\\x%02x", s[i]);
			n = 1;
		} else if (misleads(c)) {
			length = (size_t)snprintf(piece, sizeof(piece), "\\u{%x}", c);
		} else if (c == '\\') {
			memcpy(piece, "\\\\", length = 2);
		} else {
			memcpy(piece, s + i, length = n);
		}
		if (out + length + 1 > dst_size)
			break;
		memcpy(dst + out, piece, length);
		out += length;
		i += n;
	}
	dst[out] = 0;
}

static size_t encode(uint32_t c, char piece[4])
{
	if (c < 0x80) {
		piece[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		piece[0] = (char)(0xC0 | c >> 6);
		piece[1] = (char)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		piece[0] = (char)(0xE0 | c >> 12);
		piece[1] = (char)(0x80 | (c >> 6 & 0x3F));
		piece[2] = (char)(0x80 | (c & 0x3F));
		return 3;
	}
	piece[0] = (char)(0xF0 | c >> 18);
	piece[1] = (char)(0x80 | (c >> 12 & 0x3F));
	piece[2] = (char)(0x80 | (c >> 6 & 0x3F));
	piece[3] = (char)(0x80 | (c & 0x3F));
	return 4;
}

/* At most so many hexadecimal digits. Return: how many there were. */
static size_t read_digits(const char *text, size_t most, uint32_t *ret_value)
{
	size_t count = 0;
	int digit;

	for (*ret_value = 0; count < most && (digit = sk_hex_digit(text[count])) >= 0; count++)
		*ret_value = *ret_value << 4 | (uint32_t)digit;
	return count;
}

/* What stands behind a backslash. Return: its length, or 0 when it is none of ours. */
static size_t read_escape(const char *text, char piece[4], size_t *ret_size)
{
	uint32_t value;
	size_t count;

	*ret_size = 1;
	if (*text == '\\') {
		piece[0] = '\\';
		return 1;
	}
	if (*text == 'x' && read_digits(text + 1, 2, &value) == 2) {
		piece[0] = (char)value;
		return 3;
	}
	if (text[0] != 'u' || text[1] != '{')
		return 0;
	count = read_digits(text + 2, 6, &value);
	if (count == 0 || text[2 + count] != '}' || value > 0x10FFFF)
		return 0;
	*ret_size = encode(value, piece);
	return count + 3;
}

bool sk_utf8_unescape(char *dst, size_t dst_size, const char *escaped, size_t *ret_size)
{
	size_t out = 0;

	while (*escaped) {
		char piece[4] = {*escaped};
		size_t size = 1, length = 1;

		if (*escaped == '\\') {
			length = read_escape(escaped + 1, piece, &size) + 1;
			if (length == 1)
				return false;
		}
		if (out + size + 1 > dst_size)
			return false;
		memcpy(dst + out, piece, size);
		out += size;
		escaped += length;
	}
	if (dst_size == 0)
		return false;
	dst[out] = 0;
	*ret_size = out;
	return true;
}
