/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Comma-separated values (RFC 4180), as people's spreadsheets write them: UTF-8 with or without its mark, or
 * the Shift_JIS of Windows (code page 932), lines ending in LF or CR LF. Pure: bytes in, cells out. Every
 * byte is hostile: sizes are bounded, control characters but TAB and line breaks inside quotes are refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/base/own.h"

#define SK_CSV_SIZE_MAX (16u << 20) /* bytes of a file: 100,000 rows of a ledger are some 10 MB */
#define SK_CSV_CELLS_MAX 128	    /* of a row */
#define SK_CSV_CELL_MAX 8192	    /* bytes of a cell in UTF-8 */

typedef struct SkCsv SkCsv;

typedef enum SkCsvEncoding { SK_CSV_UTF8, SK_CSV_SHIFT_JIS } SkCsvEncoding;

/* Where and what is wrong; what is English and constant, for gettext. Lines and columns (in characters)
 * from 1. */
typedef struct SkCsvError {
	size_t line;
	size_t column;
	const char *what;
} SkCsvError;

/*
 * Loads the converter, which a jail would keep from being loaded later. Without it only UTF-8 is read.
 * Return: 0, or -ENOENT when this system's libc has no converter.
 */
int sk_csv_init(void);

/*
 * Finds the encoding (UTF-8 when it is valid UTF-8) and converts. data is not kept.
 * Return: 0; -EFBIG; -EILSEQ neither encoding fits, ret_error says where; -ENOMEM.
 */
int sk_csv_new(const void *data, size_t size, SkCsv **ret_csv, SkCsvError *ret_error);
void sk_csv_free(SkCsv *csv);
OWN_DEFINE(SkCsv, sk_csv_free)
#define own_csv own_(sk_csv_freep)

SkCsvEncoding sk_csv_encoding(const SkCsv *csv);

/*
 * The next row; empty lines are passed over. The cells live until the next call. Return: 1; 0 at the end;
 * -EBADMSG the row is broken, ret_error says where (reading cannot go on).
 */
int sk_csv_next(SkCsv *csv, char ***ret_cells, size_t *ret_n, SkCsvError *ret_error);

/* The line that the last row began in. */
size_t sk_csv_line(const SkCsv *csv);

/*
 * Writes a cell, quoted where needed. A text that a spreadsheet would run as a formula (=, +, -, @ or TAB in
 * front) gets an apostrophe before it, which sk_csv_next() takes away again. first: no comma before it.
 */
void sk_csv_write_cell(FILE *out, const char *text, bool first);
void sk_csv_write_end(FILE *out);
