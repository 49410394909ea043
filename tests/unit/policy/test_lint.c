/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/policy/helper.h"

#include <errno.h>

static void lint(const char *text, Told *told)
{
	own_policy_snapshot SkPolicySnapshot *snapshot = rules(text);
	SkPolicyContext context = at_noon();
	SkPolicyReport report = {tell, told};

	sk_policy_lint(snapshot, &context, &report);
}

static void doubtful_rules_are_named(void **state)
{
	static const struct {
		const char *rules, *told;
	} cases[] = {
		{"allow\nblock 1234:5678", ":2:1: warning: never decides: rule test:1 (dir/test.rules:1)"},
		{"allow\n", ":1:1: warning: allows every device"},
		{"block 1234:*\nallow 1234:5678 name \"x\"", ":2:1: warning: never decides: rule test:1"},
		{"allow name \"x\"\nblock name \"x\"", ":2:1: warning: never decides: rule test:1"},
		{"allow with-interface one-of { 03:*:* }\nblock with-interface 03:01:01",
			":2:1: warning: never decides: rule test:1"},
		{"allow 1D6B:0002", ":1:7: warning: 1D6B:0002 never matches"},
		{"allow name { \"a\" \"b\" }", ":1:7: warning: never matches: a device has one name"},
		{"allow hash match-all { \"a\" }",
			":1:7: warning: hash match-all { ... } matches every device"},
		{"allow id match-all { 1234:* }", ":1:7: warning: '*' means nothing inside match-all"},
		{"allow if localtime(09:00:30-17:00:59)", "it means 00:00:30-00:00:59; write HH:MM"},
		{"allow if random", ":1:7: warning: this rule decides by chance"},
		{"match 1234:5678", ":1:1: warning: 'match' allows nothing"},
		{"block id \"NO\"",
			":1:1: warning: refused unless another rule names it: an ordinary USB keyboard, "
			"USB keyboard with extra keys, USB mouse, USB hub (NO)"},
		{"allow with-interface one-of { 03:*:* } interfaces 03:00:*", "an ordinary USB keyboard"},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		Told told = {0};

		lint(cases[i].rules, &told);
		if (!strstr(told.text, cases[i].told))
			fail_msg("%s\nwanted %s\ntold\n%s", cases[i].rules, cases[i].told, told.text);
	}
}

static void sound_rules_are_left_alone(void **state)
{
	static const char *const sound[] = {
		"block with-interface all-of { 08:*:* 03:*:* }\nallow with-interface one-of { 03:*:* }\n"
		"allow with-interface one-of { 09:*:* }\nblock",
		"allow with-interface one-of { 03:*:* 09:*:* }\nallow 1234:5678 name \"x\"\nblock 1234:5678",
		"allow 1234:5678 user \"a\"\nblock 1234:5678\nallow with-interface one-of { 03:*:* 09:*:* }",
		"allow 1234:5678 if rule-applied\nblock 1234:5678 if rule-applied\n"
		"allow with-interface one-of { 03:*:* 09:*:* }",
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(sound); i++) {
		Told told = {0};

		lint(sound[i], &told);
		if (told.n)
			fail_msg("%s\ntold\n%s", sound[i], told.text);
	}
}

static void cutting_off_the_last_input_device_is_an_error(void **state)
{
	static const struct {
		const char *rules;
		int result;
		const char *told;
	} cases[] = {
		{"allow", 0, ""},
		{"allow 1111:*", 0, ""},
		{"allow 2222:*", 0, ""},
		{"allow interfaces 03:01:02", -EPERM, "every USB keyboard"},
		{"block 1111:* id \"N\"\nallow 3333:*", -EPERM,
			"dir/test.rules:1:1: this policy would cut off every "
			"USB keyboard of this PC (N)"},
		{"", -EPERM, "every USB pointing device of this PC (no rule applies to it)"},
	};
	own_policy_description SkPolicyDescription *first =
		device("1111:0001 with-interface { 03:01:01 03:01:02 }");
	own_policy_description SkPolicyDescription *second =
		device("2222:0001 with-interface { 03:00:01 03:00:02 }");
	own_policy_description SkPolicyDescription *stick = device("3333:0001 with-interface 08:06:50");
	const SkPolicyDevice *devices[] = {sk_policy_description_device(first),
		sk_policy_description_device(second), sk_policy_description_device(stick)};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		own_policy_snapshot SkPolicySnapshot *snapshot = rules(cases[i].rules);
		SkPolicyContext context = at_noon();
		Told told = {0};
		SkPolicyReport report = {tell, &told};

		assert_int_equal(
			sk_policy_check_input(snapshot, devices, SK_ARRAY_SIZE(devices), &context, &report),
			cases[i].result);
		assert_non_null(strstr(told.text, cases[i].told));
	}
}

static void explaining_ends_with_the_rule_that_decides(void **state)
{
	own_policy_snapshot SkPolicySnapshot *snapshot =
		rules("allow serial \"A\"\nblock with-interface one-of { 03:*:* }\nallow");
	own_policy_description SkPolicyDescription *stick = device("serial \"B\" with-interface 03:01:01");
	SkPolicyContext context = at_noon();
	own_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(
		sk_policy_explain(snapshot, sk_policy_description_device(stick), &context, NULL, out), 0);
	fclose(out);
	assert_string_equal(text,
		"dir/test.rules:1: test:1 allow: does not apply: asks serial \"A\", found: \"B\"\n"
		"dir/test.rules:2: test:2 block: applies and decides\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubtful_rules_are_named),
		cmocka_unit_test(sound_rules_are_left_alone),
		cmocka_unit_test(cutting_off_the_last_input_device_is_an_error),
		cmocka_unit_test(explaining_ends_with_the_rule_that_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
