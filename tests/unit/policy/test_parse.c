/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/policy/helper.h"

#include <errno.h>

static void these_lines_are_rules(void **state)
{
	static const char *const lines[] = {
		"",
		"# remark",
		" \t# remark",
		"allow",
		"allow#remark",
		"reject 1234:*",
		"block *:*",
		"match name \"x\"",
		"device id 1234:5678",
		"allow id { 1234:5678 1d6b:* }",
		"allow name\t\"a\\\"b\\\\c\\x00\"",
		"allow name {\"a\" \"b\" }",
		"allow serial equals-ordered  { \"a\" }",
		"allow label \"a\" label \"b\"",
		"allow with-interface none-of { 08:*:* 03:01:* E0:01:01 }",
		"allow if { true !false }",
		"allow if none-of { random(0x1p-1) localtime( 9:00 - 10:00 x) }",
		"allow if !allowed-matches(with-interface one-of { 03:00:01 })",
		"allow if allowed-matches(# nothing asked)",
		"allow if rule-applied(00:10:00) # x",
		"allow name \"x\"block 1234:5678",
		"mode learn",
		"mode enforce # remark",
		"allow interfaces 03:*:* media read-only scan off import copy id \"R1\"",
		"allow allow-types macro-document refuse-types { program script encrypted-archive }",
		"allow bus usb user \"sato\" group all-of { \"a\" \"b\" } screen-locked no registered yes "
		"approved yes",
		"allow time { \"Mon-Fri 08:30-18:00\" \"Sat,Sun 22:00-24:00\" \"23:00-01:00\" }",
		"block message \"no\" message-ja \"いいえ\"",
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(lines); i++) {
		own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
		Told told = {0};

		if (try_rules(lines[i], strlen(lines[i]), &told, &snapshot) < 0)
			fail_msg("%s\n%s", lines[i], told.text);
	}
}

static void mistakes_are_named_with_their_place(void **state)
{
	static const struct {
		const char *line, *told;
	} cases[] = {
		{" ", "1:1: a line with nothing but blanks"},
		{" allow", "1:1: blanks before the rule"},
		{"allow ", "1:6: blanks at the end"},
		{"allow\r", "1:6: expected a blank or the end of the line, not a carriage return"},
		{"Allow", "1:1: expected allow, block or reject, not 'A'"},
		{"permit", "1:1: expected allow, block or reject, not 'permit'"},
		{"allowed", "1:6: expected a blank or the end of the line, not 'ed'"},
		{"allow nam \"x\"", "1:7: unknown attribute 'nam'"},
		{"allow name\"x\"", "1:11: expected a blank behind the attribute"},
		{"allow name x", "1:12: expected text in \"\", not 'x'"},
		{"allow name \"x", "1:12: the text that begins here has no closing"},
		{"allow name \"\\n\"", "1:13: unknown escape"},
		{"allow name \"\\x4g\"", "1:13: \\x needs two"},
		{"allow name \"x\" name \"y\"", "1:16: 'name' is given twice"},
		{"allow name { }", "1:14: expected text"},
		{"allow name { \"a\"\"b\" }", "1:17: expected a blank or '}', not '\"'"},
		{"allow name one-of \"a\"", "1:19: 'one-of' needs a set"},
		{"allow id 1234:567", "1:10: expected a device id"},
		{"allow *:1234", "1:7: a product without its vendor"},
		{"allow with-interface 03:*:01", "1:22: an interface with any subclass"},
		{"allow with-interface *:*:*", "1:22: expected an interface"},
		{"allow if maybe", "1:10: unknown condition 'maybe'"},
		{"allow if true()", "1:14: the argument is empty"},
		{"allow if localtime(11:00-10:00)", "1:20: localtime() needs"},
		{"allow if random(x)", "1:17: random() needs"},
		{"allow if allowed-matches(nam \"x\")", "1:26: unknown attribute 'nam'"},
		{"allow if allowed-matches(user \"x\")", "1:31: 'user' cannot be asked"},
		{"allow media", "1:12: expected a blank behind the attribute, not the end of the line"},
		{"allow media write", "1:13: expected one of refuse, read-only, carry-out, not 'write'"},
		{"allow bus pci", "1:11: expected one of usb, sd, optical, thunderbolt, esata, not 'pci'"},
		{"allow time \"25:00-26:00\"", "1:12: expected a time like"},
		{"allow time \"08:00-08:00\"", "1:12: expected a time like"},
		{"allow time \"Mon-Fry 08:00-09:00\"", "1:12: expected a time like"},
		{"block media refuse", "1:1: interfaces, media, scan, import and types belong to allow"},
		{"match message \"x\"", "1:1: 'match' decides nothing"},
		{"allow id \"a b\"", "1:10: the name of a rule"},
		{"allow message \"\\xff\"", "1:15: this text is not UTF-8"},
		{"allow allow-types script refuse-types script", "1:39: the same type"},
		{"allow\nmode learn", "2:1: the mode of a file is stated once"},
		{"mode learn\nmode warn", "2:1: the mode of a file is stated once"},
		{"mode dry", "1:6: expected mode learn, warn or enforce, not 'dry'"},
		{"allow id \"A\"\nblock id \"A\"", "2:1: the id \"A\" is already that of dir/test.rules:1"},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
		Told told = {0};

		assert_int_equal(try_rules(cases[i].line, strlen(cases[i].line), &told, &snapshot), -EINVAL);
		if (!sk_str_starts(told.text, "dir/test.rules:") ||
			!sk_str_starts(told.text + strlen("dir/test.rules:"), cases[i].told))
			fail_msg("%s\nwanted %s\ntold   %s", cases[i].line, cases[i].told, told.text);
	}
}

static void every_bad_line_is_named_up_to_a_limit(void **state)
{
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	char text[400] = "";
	Told told = {0};

	assert_int_equal(try_rules("x\nallow\ny\n", 10, &told, &snapshot), -EINVAL);
	assert_int_equal(told.n, 2);
	for (size_t i = 0; i < 100; i++)
		strcat(text, "x\n");
	told = (Told){0};
	assert_int_equal(try_rules(text, strlen(text), &told, &snapshot), -EINVAL);
	assert_int_equal(told.n, 50);
}

static void other_encodings_are_recognised(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *told;
	} cases[] = {
		/* "# 関所の規則" */
		{"allow\n# \x8A\xD6\x8F\x8A\x82\xCC\x8B\x4B\x91\xA5", 18, ":2:3: this file is in Shift_JIS"},
		{"# \xB4\xD8\xBD\xEA\xA4\xCE\xB5\xAC\xC2\xA7", 12, ":1:3: this file is in EUC-JP"},
		{"\xFF\xFE#\0", 4, ":1:1: this file is in UTF-16"},
		{"#\0 \0", 4, ":1:1: this file is in UTF-16"},
		{"\xEF\xBB\xBF# x", 6, ":1:1: this file is in UTF-8 with a byte order mark"},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
		Told told = {0};

		assert_int_equal(try_rules(cases[i].text, cases[i].size, &told, &snapshot), -EINVAL);
		if (!strstr(told.text, cases[i].told))
			fail_msg("wanted %s\ntold   %s", cases[i].told, told.text);
	}
}

static void a_stray_byte_is_a_warning(void **state)
{
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	const char text[] = "# 関所の規則\nallow name \"caf\xE9\"\n";
	Told told = {0};

	assert_int_equal(try_rules(text, strlen(text), &told, &snapshot), 0);
	assert_string_equal(told.text,
		"dir/test.rules:2:16: warning: byte 0xe9 is not UTF-8; it will match no name of a device\n");
}

static void two_files_of_one_name_are_refused(void **state)
{
	SkPolicyFile *files[2] = {NULL, NULL};
	SkPolicySnapshot *snapshot = NULL;
	Told told = {0};
	SkPolicyReport report = {tell, &told};

	assert_int_equal(sk_policy_parse("allow", 5, "/etc/a/10-x.rules", &report, &files[0]), 0);
	assert_int_equal(sk_policy_parse("block", 5, "/usr/b/10-x.rules", &report, &files[1]), 0);
	assert_int_equal(sk_policy_compile(files, 2, &report, &snapshot), -EINVAL);
	assert_non_null(strstr(told.text, "/usr/b/10-x.rules:0:0: has the same name as /etc/a/10-x.rules"));
	/* what failed took nothing over */
	sk_policy_file_free(files[0]);
	sk_policy_file_free(files[1]);
}

static void what_is_written_can_be_read(void **state)
{
	static const char *const descriptions[] = {
		"device id 1234:5678 serial \"a\\\"\\\\\\x00\\xe9\" name \"x y\" hash \"h\" parent-hash "
		"\"p\" "
		"via-port \"1-2\" with-interface { 03:01:01 08:06:50 } with-connect-type \"not used\"",
		"device id 1234:5678 serial \"\" with-interface ff:00:00",
		"device",
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(descriptions); i++) {
		own_policy_description SkPolicyDescription *description = device(descriptions[i]);
		own_free char *written = NULL;
		size_t size;
		FILE *out = open_memstream(&written, &size);

		assert_int_equal(sk_policy_write_rule(
					 sk_policy_description_device(description), SK_POLICY_DEVICE, out),
			0);
		fclose(out);
		assert_string_equal(written, descriptions[i]);
	}
}

static void descriptions_are_checked(void **state)
{
	static const char *const bad[] = {"nam \"x\"", "1234:567", "media refuse", "user \"x\"",
		"bus { usb sd }", "id 1234:5678 id 1234:5678"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		SkPolicyDescription *description = NULL;
		Told told = {0};
		SkPolicyReport report = {tell, &told};

		assert_int_equal(sk_policy_describe(bad[i], strlen(bad[i]), (SkPolicySource){"d", 7}, &report,
					 &description),
			-EINVAL);
		assert_int_equal(told.n, 1);
		assert_true(sk_str_starts(told.text, "d:7:"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(these_lines_are_rules),
		cmocka_unit_test(mistakes_are_named_with_their_place),
		cmocka_unit_test(every_bad_line_is_named_up_to_a_limit),
		cmocka_unit_test(other_encodings_are_recognised),
		cmocka_unit_test(a_stray_byte_is_a_warning),
		cmocka_unit_test(two_files_of_one_name_are_refused),
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(descriptions_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
