/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cells are cut out of the text in place: an unquoted or unescaped cell is never longer than what it was made
 * of, so `out` stays behind `at`.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/csv/csv_text.h"

int sk_csv_new(const void *data, size_t size, SkCsv **ret_csv, SkCsvError *ret_error)
{
	own_csv SkCsv *csv = NULL;
	int r;

	if (size > SK_CSV_SIZE_MAX)
		return -EFBIG;
	csv = calloc(1, sizeof(*csv));
	if (!csv)
		return -ENOMEM;
	r = sk_csv_decode(csv, data, size, ret_error);
	if (r < 0)
		return r;
	csv->line = 1;
	*ret_csv = own_take(csv);
	return 0;
}

void sk_csv_free(SkCsv *csv)
{
	if (csv)
		free(csv->text);
	free(csv);
}

SkCsvEncoding sk_csv_encoding(const SkCsv *csv)
{
	return csv->encoding;
}

size_t sk_csv_line(const SkCsv *csv)
{
	return csv->row_line;
}

static int fail(const SkCsv *csv, const char *what, SkCsvError *ret_error)
{
	*ret_error = (SkCsvError){
		csv->line, sk_csv_count(csv->text + csv->line_at, csv->text + csv->at) + 1, what};
	return -EBADMSG;
}

static bool is_end(const SkCsv *csv)
{
	return csv->at >= csv->size;
}

/* Is a line break at csv->at? Its size in bytes, or 0. */
static size_t line_break(const SkCsv *csv)
{
	const char *p = csv->text + csv->at;

	if (is_end(csv))
		return 0;
	if (*p == '\n')
		return 1;
	return *p == '\r' && csv->at + 1 < csv->size && p[1] == '\n' ? 2 : 0;
}

static void pass_line_break(SkCsv *csv, size_t size)
{
	csv->at += size;
	csv->line++;
	csv->line_at = csv->at;
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* The inside of quotes, from behind the first to behind the last; moved to *out. */
static int read_quoted(SkCsv *csv, char **out, SkCsvError *ret_error)
{
	for (;;) {
		size_t n = line_break(csv);

		if (is_end(csv))
			return fail(csv, "the quotes are never closed", ret_error);
		if (n > 0) {
			*(*out)++ = '\n';
			pass_line_break(csv, n);
		} else if (csv->text[csv->at] == '"') {
			csv->at++;
			if (is_end(csv) || csv->text[csv->at] != '"')
				return 0;
			*(*out)++ = csv->text[csv->at++];
		} else if (is_control(csv->text[csv->at])) {
			return fail(csv, "a control character", ret_error);
		} else {
			*(*out)++ = csv->text[csv->at++];
		}
	}
}

static int read_plain(SkCsv *csv, char **out, SkCsvError *ret_error)
{
	while (!is_end(csv) && csv->text[csv->at] != ',' && line_break(csv) == 0) {
		char c = csv->text[csv->at];

		if (c == '"')
			return fail(csv, "quotes inside a cell that has none around it", ret_error);
		if (is_control(c))
			return fail(csv, "a control character", ret_error);
		*(*out)++ = c;
		csv->at++;
	}
	return 0;
}

/* What sk_csv_write_cell() put before a formula is taken away. */
static char *without_guard(char *cell)
{
	return *cell == '\'' && sk_csv_is_formula(cell) ? cell + 1 : cell;
}

/* One cell; *ret_more: a comma followed. */
static int read_cell(SkCsv *csv, char **ret_cell, bool *ret_more, SkCsvError *ret_error)
{
	char *start = csv->text + csv->at, *out = start;
	size_t n;
	int r;

	if (!is_end(csv) && *start == '"') {
		csv->at++;
		r = read_quoted(csv, &out, ret_error);
	} else {
		r = read_plain(csv, &out, ret_error);
	}
	if (r < 0)
		return r;
	if (out - start > SK_CSV_CELL_MAX)
		return fail(csv, "a cell that is too long", ret_error);
	n = line_break(csv);
	*ret_more = !is_end(csv) && n == 0;
	if (*ret_more && csv->text[csv->at] != ',')
		return fail(csv, "text behind the closing quotes", ret_error);
	if (*ret_more)
		csv->at++;
	else if (n > 0)
		pass_line_break(csv, n);
	*out = 0; /* on the comma, the quote or the line break, all of which were read */
	*ret_cell = without_guard(start);
	return 0;
}

int sk_csv_next(SkCsv *csv, char ***ret_cells, size_t *ret_n, SkCsvError *ret_error)
{
	bool more = true;
	size_t n = 0, empty;

	while ((empty = line_break(csv)) > 0)
		pass_line_break(csv, empty);
	if (is_end(csv))
		return 0;
	csv->row_line = csv->line;
	while (more) {
		int r;

		if (n == SK_CSV_CELLS_MAX)
			return fail(csv, "too many cells in a row", ret_error);
		r = read_cell(csv, &csv->cells[n], &more, ret_error);
		if (r < 0)
			return r;
		n++;
	}
	*ret_cells = csv->cells;
	*ret_n = n;
	return 1;
}
