/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The lexer of settings files: `[Section]`, `Key=value`, comment lines that begin with # or ;. One line is
 * one item; there are no quotes, escapes or continuations. Whoever wrote the file may have made any mistake:
 * each error has its line and column, and reading goes on behind it so that one run shows them all.
 */
#include <stddef.h>

#define SK_INI_LINE_MAX 4096
#define SK_INI_FILE_MAX (1024 * 1024)

/* A piece of the file, not terminated. Lines and columns count from 1, columns in characters. */
typedef struct SkIniText {
	const char *text;
	size_t size;
	unsigned column;
} SkIniText;

typedef struct SkIni {
	const char *next;
	const char *end;
	unsigned line; /* of the item or error returned last */
	unsigned column;
	SkIniText section; /* the section in force; text NULL before the first one */
	SkIniText key;
	SkIniText value;
	const char *error; /* in words, after -EBADMSG */
} SkIni;

typedef enum SkIniItem {
	SK_INI_END,
	SK_INI_SECTION,
	SK_INI_SETTING,
} SkIniItem;

/* text: valid UTF-8 without 0 bytes (sk_encoding_check()), kept by the caller as long as ini is used. */
void sk_ini_init(SkIni *ini, const char *text, size_t size);

/* Return: an SkIniItem, or -EBADMSG. */
int sk_ini_next(SkIni *ini);
