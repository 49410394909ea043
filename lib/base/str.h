/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Strings of fixed buffers and numbers from text. Everything is bounded; nothing depends on the locale.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SK_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline bool sk_str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool sk_str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Is it one of the words between separators? No word is empty. */
bool sk_str_has_word(const char *words, const char *separators, const char *word);

/* Copies as much of src as fits, always terminates. Return: false when it was cut. */
bool sk_str_copy(char *dst, size_t size, const char *src);

/* snprintf that reports truncation. Return: false when it was cut. */
bool sk_str_format(char *dst, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A terminated copy of size bytes, which need not be terminated themselves and hold no 0. Return: NULL
 * without memory. */
char *sk_str_dup(const char *text, size_t size);

/* Whole of s is one unsigned number in the given base (no sign, no blanks). Return: 0, -EINVAL or -ERANGE. */
int sk_num_parse(const char *s, unsigned base, uint64_t max, uint64_t *ret_value);

/* Return: 0 to 15, or -1 for what is no hexadecimal digit. */
int sk_hex_digit(char c);

/* Lower-case hexadecimal of size bytes; dst holds 2 * size + 1. */
void sk_hex_format(char *dst, const uint8_t *bytes, size_t size);

/* Reverse of sk_hex_format(). Return: 0 or -EINVAL. */
int sk_hex_parse(uint8_t *dst, size_t size, const char *hex);
