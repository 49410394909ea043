/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file of any bytes as comma-separated values: what is read and written again reads the same, and no
 * written cell begins like a formula.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/csv/csv_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* One row, written and read alone. */
static void check_row(char **cells, size_t n)
{
	SkCsv *csv = NULL;
	SkCsvError error;
	char **back, *text = NULL;
	size_t length, n_back;
	FILE *out = open_memstream(&text, &length);

	for (size_t i = 0; i < n; i++) {
		long start = ftell(out);

		sk_csv_write_cell(out, cells[i], i == 0);
		fflush(out);
		start += i > 0; /* the comma */
		require(text[start] == '\'' || text[start + 1] == '\'' || !sk_csv_is_formula(cells[i]));
	}
	sk_csv_write_end(out);
	fclose(out);
	require(sk_csv_new(text, length, &csv, &error) == 0);
	require(sk_csv_encoding(csv) == SK_CSV_UTF8);
	/* A row of one empty cell is an empty line. */
	if (n > 1 || cells[0][0]) {
		require(sk_csv_next(csv, &back, &n_back, &error) == 1 && n_back == n);
		for (size_t i = 0; i < n; i++)
			require(strcmp(back[i], cells[i]) == 0);
	}
	require(sk_csv_next(csv, &back, &n_back, &error) == 0);
	sk_csv_free(csv);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own_csv SkCsv *csv = NULL;
	SkCsvError error = {0};
	size_t n, line = 0;
	char **cells;
	int r;

	sk_csv_init();
	r = sk_csv_new(data, size, &csv, &error);
	while (r == 0 && (r = sk_csv_next(csv, &cells, &n, &error)) == 1) {
		require(n > 0 && n <= SK_CSV_CELLS_MAX && sk_csv_line(csv) > line);
		line = sk_csv_line(csv);
		check_row(cells, n);
		r = 0;
	}
	if (r < 0)
		require(error.line > 0 && error.column > 0 && error.what);
	return 0;
}
