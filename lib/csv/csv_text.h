/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Inside of lib/csv: the text being read, in UTF-8, and how far it was read.
 */
#include "lib/csv/csv.h"

struct SkCsv {
	char *text; /* terminated; cells are cut out of it in place */
	size_t size;
	size_t at;
	size_t line;	 /* that at is in */
	size_t row_line; /* that the last row began in */
	size_t line_at;	 /* where the line began */
	SkCsvEncoding encoding;
	char *cells[SK_CSV_CELLS_MAX];
};

/* Puts the file in UTF-8, and what it was in, into csv. Return: as sk_csv_new(). */
int sk_csv_decode(SkCsv *csv, const char *data, size_t size, SkCsvError *ret_error);

/* Characters between two places of valid UTF-8. */
size_t sk_csv_count(const char *from, const char *to);

/*
 * Would a spreadsheet run this as a formula? Also with apostrophes before it, so that what was guarded once
 * is guarded again, and reading takes away exactly one. Excel in Japanese takes the full-width signs too.
 */
bool sk_csv_is_formula(const char *text);
