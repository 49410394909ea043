/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>

#include "lib/audit/json_check.h"
#include "lib/audit/line.h"
#include "lib/base/str.h"

#define BOOT "0123456789abcdef0123456789abcdef"
#define GOOD                                                                                                 \
	"{\"seq\":7,\"prev\":\"sha256:" SK_HASH_NONE                                                         \
	"\",\"time\":\"2027-01-15T08:00:00.000001Z\",\"mono\":42,"                                           \
	"\"boot\":\"" BOOT                                                                                   \
	"\",\"clock\":\"unknown\",\"actor\":\"a\",\"kind\":\"b.c\",\"body\":{\"d\":[1,-2.5e3,null]}}"

static void what_is_formatted_is_parsed(void **state)
{
	const SkLineFields fields = {.seq = 7,
		.prev = SK_HASH_NONE,
		.time = {.wall = INT64_C(1800000000000001), .mono = 42, .clock = "unknown", .boot = BOOT},
		.actor = "\"a\"",
		.kind = "b.c",
		.body = "{\"d\":[1,-2.5e3,null]}"};
	SkAuditRecord record;
	char line[512];

	assert_int_equal(sk_line_format(line, sizeof(line), &fields), strlen(GOOD));
	assert_string_equal(line, GOOD);
	assert_int_equal(sk_line_parse(line, strlen(line), &record), 0);
	assert_int_equal(record.seq, 7);
	assert_int_equal(record.wall, fields.time.wall);
	assert_int_equal(record.mono, 42);
	assert_true(sk_text_equals(record.boot, BOOT));
	assert_true(sk_text_equals(record.clock, "unknown"));
	assert_true(sk_text_equals(record.actor, "a"));
	assert_true(sk_text_equals(record.kind, "b.c"));
	assert_true(sk_text_equals(record.body, fields.body));
	assert_int_equal(sk_line_format(line, 100, &fields), -EMSGSIZE);
}

/* Against the C library's calendar, over leap years and both sides of 1970. */
static void times_are_read_as_they_are_written(void **state)
{
	for (int64_t day = -200000; day < 500000; day += 97) {
		const SkLineFields fields = {.seq = 1,
			.prev = SK_HASH_NONE,
			.time = {.wall = day * INT64_C(86400000000) + 3723000004,
				.clock = "unknown",
				.boot = BOOT},
			.actor = "\"a\"",
			.kind = "b.c",
			.body = "{}"};
		SkAuditRecord record;
		char line[512];
		int size = sk_line_format(line, sizeof(line), &fields);

		assert_true(size > 0);
		assert_int_equal(sk_line_parse(line, (size_t)size, &record), 0);
		assert_true(record.wall == fields.time.wall);
	}
}

static void every_cut_and_most_changes_are_no_line(void **state)
{
	const size_t size = strlen(GOOD);
	SkAuditRecord record;

	assert_int_equal(sk_line_parse(GOOD, size, &record), 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(sk_line_parse(GOOD, i, &record), -EBADMSG);
	for (size_t i = 0; i < size; i++) {
		char line[512];

		sk_str_copy(line, sizeof(line), GOOD);
		line[i] = '\x01';
		assert_int_equal(sk_line_parse(line, size, &record), -EBADMSG);
		line[i] = '\xFF';
		assert_int_equal(sk_line_parse(line, size, &record), -EBADMSG);
	}
	assert_int_equal(sk_line_parse(GOOD " ", size + 1, &record), -EBADMSG);
}

static void only_our_kind_of_json_is_a_value(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"{}", true},
		{"[]", true},
		{"{\"a\":{\"b\":[true,false,null,\"\"]}}", true},
		{"0", true},
		{"-0.5E-10", true},
		{"123456789012345678", true},
		{"1234567890123456789", false},
		{"1e100", false},
		{"01", false},
		{"1.", false},
		{"-", false},
		{"+1", false},
		{"\"\\u00e9\\n\\/\\\"\"", true},
		{"\"\\ud83d\\ude00\"", true},
		{"\"\\ud83d\"", false},
		{"\"\\ud83dx\"", false},
		{"\"\\ude00\"", false},
		{"\"\\u0000\"", false},
		{"\"\\x\"", false},
		{"\"a\nb\"", false},
		{"\"a", false},
		{"{\"a\"}", false},
		{"{\"a\":}", false},
		{"{\"a\":1,}", false},
		{"{a:1}", false},
		{"[1,]", false},
		{"[1 ,2]", false},
		{"[1}", false},
		{"[", false},
		{"nul", false},
		{"", false},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		const char *p = cases[i].text, *end = p + strlen(p);
		bool good = sk_json_skip_value(&p, end) && p == end;

		if (good != cases[i].good)
			fail_msg("%s", cases[i].text);
	}
}

static void nesting_has_a_limit(void **state)
{
	char text[2 * SK_JSON_DEPTH_MAX + 4] = {0};

	for (size_t depth = SK_JSON_DEPTH_MAX; depth <= SK_JSON_DEPTH_MAX + 1; depth++) {
		const char *p = text;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		text[2 * depth] = 0;
		assert_int_equal(sk_json_skip_value(&p, p + strlen(p)), depth == SK_JSON_DEPTH_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_formatted_is_parsed),
		cmocka_unit_test(times_are_read_as_they_are_written),
		cmocka_unit_test(every_cut_and_most_changes_are_no_line),
		cmocka_unit_test(only_our_kind_of_json_is_a_value),
		cmocka_unit_test(nesting_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
