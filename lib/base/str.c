/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool sk_str_has_word(const char *words, const char *separators, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words + strspn(words, separators); *at; at += strspn(at, separators)) {
		size_t size = strcspn(at, separators);

		if (size == length && strncmp(at, word, length) == 0)
			return true;
		at += size;
	}
	return false;
}

bool sk_str_copy(char *dst, size_t size, const char *src)
{
	size_t length = strnlen(src, size);

	if (size == 0)
		return false;
	if (length == size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = 0;
		return false;
	}
	memcpy(dst, src, length + 1);
	return true;
}

bool sk_str_format(char *dst, size_t size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(dst, size, format, ap);
	va_end(ap);
	return n >= 0 && (size_t)n < size;
}

int sk_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *sk_str_dup(const char *text, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, size);
	copy[size] = 0;
	return copy;
}

int sk_num_parse(const char *s, unsigned base, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		int digit = sk_hex_digit(*s);

		if (digit < 0 || (unsigned)digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
			__builtin_add_overflow(value, (uint64_t)digit, &value) || value > max)
			return -ERANGE;
	}
	*ret_value = value;
	return 0;
}

void sk_hex_format(char *dst, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		dst[2 * i] = digits[bytes[i] >> 4];
		dst[2 * i + 1] = digits[bytes[i] & 15];
	}
	dst[2 * size] = 0;
}

int sk_hex_parse(uint8_t *dst, size_t size, const char *hex)
{
	if (strlen(hex) != 2 * size)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		int high = sk_hex_digit(hex[2 * i]), low = sk_hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		dst[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
