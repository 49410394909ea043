/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Files that people write must be UTF-8. When one is not, the message says where, and what it looks like
 * instead: Japanese editors still save Shift_JIS.
 */
#include <stddef.h>

/* Where the first byte stands that cannot be, and what to do, in words. */
typedef struct SkEncodingError {
	unsigned line;
	unsigned column;
	const char *text;
} SkEncodingError;

/* Return: 0 valid UTF-8 without 0 bytes, or -EILSEQ. */
int sk_encoding_check(const char *text, size_t size, SkEncodingError *ret_error);
