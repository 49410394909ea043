/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/csv/csv.h"

/* All rows as one text: cells between [], rows ending in \n. An error ends it as "!LINE:COLUMN". */
static char *dump(const void *data, size_t size)
{
	own_csv SkCsv *csv = NULL;
	SkCsvError error = {0};
	char **cells, *text = NULL;
	size_t n, length;
	FILE *out = open_memstream(&text, &length);
	int r = sk_csv_new(data, size, &csv, &error);

	while (r == 0 && (r = sk_csv_next(csv, &cells, &n, &error)) == 1) {
		for (size_t i = 0; i < n; i++)
			fprintf(out, "[%s]", cells[i]);
		fputc('\n', out);
		r = 0;
		if (sk_csv_line(csv) == 0)
			fail();
	}
	if (r < 0)
		fprintf(out, "!%zu:%zu", error.line, error.column);
	fclose(out);
	return text;
}

static void check(const char *data, const char *wanted)
{
	own_free char *got = dump(data, strlen(data));

	assert_string_equal(got, wanted);
}

static void test_rows_are_read(void **state)
{
	check("", "");
	check("a,b\nc,d\n", "[a][b]\n[c][d]\n");
	check("a,b\r\nc,d", "[a][b]\n[c][d]\n");
	check(",\n", "[][]\n");
	check("a,\n\n\nb\n", "[a][]\n[b]\n");
	check("\"a,b\",\"say \"\"x\"\"\"\n", "[a,b][say \"x\"]\n");
	check("\"two\r\nlines\",z\n", "[two\nlines][z]\n");
	check("\"\",\"\"\n", "[][]\n");
	check("\xef\xbb\xbf媒体,保管者\n", "[媒体][保管者]\n");
}

static void test_errors_say_where(void **state)
{
	check("a\nb,\"c", "[a]\n!2:5");
	check("媒体,a\"b\"\n", "!1:5");
	check("\"a\"b\n", "!1:4");
	check("a\x01"
	      "b\n",
		"!1:2");
	check("\"a\x01\"\n", "!1:3");
	check("a\rb\n", "!1:2");
	check("a\x7f\n", "!1:2");
}

static void test_shift_jis_is_read(void **state)
{
	/* 媒体番号,備考 and a half-width kana, in code page 932 */
	static const char text[] = "\x94\x7d\x91\xcc\x94\xd4\x8d\x86,\x94\xf5\x8d\x6c\r\n\xb1,1\r\n";
	own_csv SkCsv *csv = NULL;
	SkCsvError error;
	own_free char *got = dump(text, sizeof(text) - 1);

	assert_string_equal(got, "[媒体番号][備考]\n[ｱ][1]\n");
	assert_int_equal(sk_csv_new(text, sizeof(text) - 1, &csv, &error), 0);
	assert_int_equal(sk_csv_encoding(csv), SK_CSV_SHIFT_JIS);
}

static void test_bytes_of_no_encoding_are_refused(void **state)
{
	static const char cut[] = "ok\n\x94"; /* half a character at the end */

	check("a\nb\xff\xfe\n", "!2:2");
	check(cut, "!2:1");
}

static void test_limits_hold(void **state)
{
	size_t size = SK_CSV_SIZE_MAX + 1;
	own_free char *large = malloc(size);
	own_csv SkCsv *csv = NULL;
	SkCsvError error;

	memset(large, 'a', size);
	assert_int_equal(sk_csv_new(large, size, &csv, &error), -EFBIG);
	large[SK_CSV_CELL_MAX + 1] = 0;
	check(large, "!1:8194");
	large[SK_CSV_CELL_MAX] = 0;
	own_free char *got = dump(large, SK_CSV_CELL_MAX);
	assert_int_equal(strlen(got), SK_CSV_CELL_MAX + 3);
	memset(large, ',', SK_CSV_CELLS_MAX);
	large[SK_CSV_CELLS_MAX] = 0;
	check(large, "!1:129");
}

static void test_what_is_written_is_read_again(void **state)
{
	static const char *const cells[] = {"", "a", "a,b", "\"", "two\nlines", "=1+1", "'=1+1", "''-x", "'",
		"'a", "@SUM", "-", "＝HYPERLINK()", "媒体"};
	own_free char *text = NULL;
	size_t length, n, i = 0;
	own_file FILE *out = open_memstream(&text, &length);
	own_csv SkCsv *csv = NULL;
	SkCsvError error;
	char **back;

	for (i = 0; i < SK_ARRAY_SIZE(cells); i++)
		sk_csv_write_cell(out, cells[i], i == 0);
	sk_csv_write_end(out);
	fflush(out);
	/* No cell begins with what a spreadsheet runs. */
	assert_null(strstr(text, ",="));
	assert_null(strstr(text, ",\"="));
	assert_null(strstr(text, ",＝"));
	assert_int_equal(sk_csv_new(text, length, &csv, &error), 0);
	assert_int_equal(sk_csv_next(csv, &back, &n, &error), 1);
	assert_int_equal(n, SK_ARRAY_SIZE(cells));
	for (i = 0; i < n; i++)
		assert_string_equal(back[i], cells[i]);
	assert_int_equal(sk_csv_next(csv, &back, &n, &error), 0);
}

static int setup(void **state)
{
	return sk_csv_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_read),
		cmocka_unit_test(test_errors_say_where),
		cmocka_unit_test(test_shift_jis_is_read),
		cmocka_unit_test(test_bytes_of_no_encoding_are_refused),
		cmocka_unit_test(test_limits_hold),
		cmocka_unit_test(test_what_is_written_is_read_again),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
