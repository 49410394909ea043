/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Foreign text: from devices, media, files and users. Valid UTF-8 is kept, everything that could lie to a
 * reader (control characters, line breaks, bidirectional overrides, invalid bytes) is shown as an escape \xNN
 * or \u{NNNN}.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first character of text, which has at least one byte. Return: its length, or 0: these bytes are none.
 */
size_t sk_utf8_decode(const char *text, size_t size, uint32_t *ret_char);

/* Is the whole of text valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF)? */
bool sk_utf8_check(const char *text, size_t size);

/* Writes a printable form of text into dst (terminated, cut at a character border when too long). */
void sk_utf8_escape(char *dst, size_t dst_size, const char *text, size_t size);

/* The text that was escaped so, terminated; it may hold any bytes. Return: false when it is no such text, or
 * does not fit. */
bool sk_utf8_unescape(char *dst, size_t dst_size, const char *escaped, size_t *ret_size);
