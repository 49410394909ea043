/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/slip/slip.h"
#include "tests/unit/unit.h"

static SkSlipFile sample(const char *path)
{
	SkSlipFile file = {
		.path = (char *)path, .size = 42, .hashed = true, .change = SK_SLIP_NEW, .at = 1700000000000};

	memset(file.sha256, 0xab, sizeof(file.sha256));
	strcpy(file.user, "staff");
	return file;
}

/* Whatever bytes a name has: they come back, and nobody who reads the line is misled. */
static void names_come_back(void **state)
{
	static const char *const names[] = {"a", "診療/紹介状.txt", "line\nfeed", "carriage\rreturn",
		"\x01\x1f\x7f", "rtl\xe2\x80\xaetxt.exe", "not\xff\xfeutf8", "back\\slash", "\\x41",
		"\\u{202e}", "quote\"d", " blank ", "\xed\xa0\x80", "tab\there"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		SkSlipFile file = sample(names[i]), back;
		own_free char *line = NULL;
		size_t size;

		assert_int_equal(sk_slip_line_format(&file, &line), 0);
		size = strlen(line);
		assert_int_equal(line[size - 1], '\n');
		for (size_t k = 0; k + 1 < size; k++)
			assert_true((unsigned char)line[k] >= 0x20 && line[k] != 0x7f);
		assert_null(strstr(line, "\xe2\x80\xae"));
		assert_int_equal(sk_slip_line_parse(line, size - 1, &back), 0);
		assert_string_equal(back.path, names[i]);
		assert_int_equal(back.size, 42);
		assert_int_equal(back.at, file.at);
		assert_memory_equal(back.sha256, file.sha256, sizeof(file.sha256));
		assert_string_equal(back.user, "staff");
		sk_slip_file_deinit(&back);
	}
}

static void the_longest_path_fits(void **state)
{
	char path[SK_SLIP_PATH_MAX + 2] = "";
	SkSlipFile file = sample(path), back;
	own_free char *line = NULL;

	memset(path, 0x1f, sizeof(path));
	path[SK_SLIP_PATH_MAX] = 0;
	file.change = SK_SLIP_RENAMED;
	file.from = path;
	assert_int_equal(sk_slip_line_format(&file, &line), 0);
	assert_true(strlen(line) <= SK_SLIP_LINE_MAX);
	assert_int_equal(sk_slip_line_parse(line, strlen(line) - 1, &back), 0);
	assert_string_equal(back.from, path);
	sk_slip_file_deinit(&back);
	path[SK_SLIP_PATH_MAX] = 'x';
	path[SK_SLIP_PATH_MAX + 1] = 0;
	free(own_take(line));
	assert_int_equal(sk_slip_line_format(&file, &line), -EINVAL);
}

static void paths_stay_inside(void **state)
{
	static const char *const wrong[] = {
		"", "/etc/passwd", "..", "../x", "a/../b", "a//b", "a/", "./a", "a/.", "."};

	for (size_t i = 0; i < SK_ARRAY_SIZE(wrong); i++)
		assert_false(sk_slip_path_check(wrong[i]));
	assert_true(sk_slip_path_check("a/b/c..d/...")); /* three dots are a name */
}

static void lines_that_are_none(void **state)
{
	static const char *const wrong[] = {"", "{}", "[]", "{\"path\":\"a\"}",
		"{\"path\":\"../a\",\"size\":1,\"change\":\"new\",\"verdict\":\"clean\"}",
		"{\"path\":\"\\\\x2e\\\\x2e/a\",\"size\":1,\"change\":\"new\",\"verdict\":\"clean\"}",
		"{\"path\":\"a\\\\x00b\",\"size\":1,\"change\":\"new\",\"verdict\":\"clean\"}",
		"{\"path\":\"a\\\\q\",\"size\":1,\"change\":\"new\",\"verdict\":\"clean\"}",
		"{\"path\":\"a\",\"size\":-1,\"change\":\"new\",\"verdict\":\"clean\"}",
		"{\"path\":\"a\",\"size\":1,\"change\":\"old\",\"verdict\":\"clean\"}",
		"{\"path\":\"a\",\"size\":1,\"change\":\"new\",\"verdict\":\"fine\"}",
		"{\"path\":\"a\",\"size\":1,\"change\":\"new\",\"verdict\":\"clean\",\"more\":1}",
		"{\"path\":\"a\",\"from\":\"b\",\"size\":1,\"change\":\"new\",\"verdict\":\"clean\"}",
		"{\"path\":\"a\",\"size\":1,\"change\":\"renamed\",\"verdict\":\"clean\"}",
		"{\"path\":\"a\",\"size\":1,\"sha256\":\"00\",\"change\":\"new\",\"verdict\":\"clean\"}",
		"{\"path\":\"a\",\"path\":\"b\",\"size\":1,\"change\":\"new\",\"verdict\":\"clean\"}"};
	SkSlipFile file;

	for (size_t i = 0; i < SK_ARRAY_SIZE(wrong); i++)
		assert_int_equal(sk_slip_line_parse(wrong[i], strlen(wrong[i]), &file), -EBADMSG);
}

static void sums_are_those_of_coreutils(void **state)
{
	SkSlipFile file = sample("a b/c");
	char hex[SK_SHA256_HEX_SIZE], expected[256];
	own_free char *plain = NULL, *escaped = NULL;

	sk_hex_format(hex, file.sha256, sizeof(file.sha256));
	assert_int_equal(sk_slip_sum_format(&file, &plain), 0);
	sk_str_format(expected, sizeof(expected), "%s  a b/c\n", hex);
	assert_string_equal(plain, expected);
	file.path = (char *)"new\nline\\";
	assert_int_equal(sk_slip_sum_format(&file, &escaped), 0);
	sk_str_format(expected, sizeof(expected), "\\%s  new\\nline\\\\\n", hex);
	assert_string_equal(escaped, expected);
}

static void own_files_are_known(void **state)
{
	assert_true(sk_slip_is_own(".sekisho/SHA256SUMS"));
	assert_true(sk_slip_is_own(".sekisho/slip-17.dsse.json"));
	assert_true(sk_slip_is_own(".sekisho/manifest-17.jsonl"));
	assert_false(sk_slip_is_own(".sekisho/slip-.dsse.json"));
	assert_false(sk_slip_is_own(".sekisho/slip-1x.dsse.json"));
	assert_false(sk_slip_is_own(".sekisho/letter.txt"));
	assert_false(sk_slip_is_own("SHA256SUMS"));
	assert_false(sk_slip_is_own("x/.sekisho/SHA256SUMS"));
	assert_false(sk_slip_is_own(".sek"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_back),
		cmocka_unit_test(the_longest_path_fits),
		cmocka_unit_test(paths_stay_inside),
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(sums_are_those_of_coreutils),
		cmocka_unit_test(own_files_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
