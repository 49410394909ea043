/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/policy/helper.h"

static void the_first_rule_that_applies_decides(void **state)
{
	static const struct {
		const char *rules, *device;
		uint32_t line;
	} cases[] = {
		{"", "1234:5678", 0},
		{"block 1234:5678\nallow", "1234:5678", 1},
		{"# one\nblock 1234:9999\n\nallow", "1234:5678", 4},
		{"allow 1234:*\nblock", "1234:5678", 1},
		{"allow 1D6B:0002\nblock", "1d6b:0002", 2},
		{"allow serial \"\"", "serial \"\"", 1},
		{"allow serial \"\"", "1234:5678", 0},
		{"allow name { \"a\" \"b\" }", "name \"a\"", 0},
		{"allow name one-of { \"a\" \"b\" }", "name \"b\"", 1},
		{"allow name none-of { \"a\" }", "1234:5678", 1},
		{"allow name match-all { \"a\" }", "name \"z\"", 1},
		{"allow id match-all { 1234:* }", "1234:5678", 0},
		{"allow with-interface 08:06:50", "with-interface { 08:06:50 08:06:62 }", 0},
		{"allow with-interface all-of { 08:06:* }", "with-interface { 08:06:50 03:01:01 }", 1},
		{"allow with-interface match-all { 08:*:* }", "with-interface { 08:06:50 03:01:01 }", 0},
		{"allow with-interface match-all { 08:*:* }", "with-interface { 08:06:50 08:06:62 }", 1},
		{"allow with-interface equals { 03:*:* 03:01:* }", "with-interface { 03:01:01 03:00:00 }", 1},
		{"allow with-interface equals-ordered { 03:01:* 03:00:* }",
			"with-interface { 03:00:00 03:01:01 }", 0},
		{"allow with-interface one-of { FF:*:* }", "with-interface ff:01:02", 1},
		{"allow if { true false }", "1234:5678", 0},
		{"allow if one-of { true false }", "1234:5678", 1},
		{"allow if none-of { false !true }", "1234:5678", 1},
		{"allow if localtime(11:00-12:00)", "1234:5678", 1},
		{"allow if localtime(12:01-13:00)", "1234:5678", 0},
		{"allow bus sd", "1234:5678", 0},
		{"allow bus { sd usb }", "1234:5678", 1},
		{"allow bus none-of { sd }", "bus sd", 0},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		if (line_of(cases[i].rules, cases[i].device) != cases[i].line)
			fail_msg("%s / %s: line %u, not %u", cases[i].rules, cases[i].device,
				line_of(cases[i].rules, cases[i].device), cases[i].line);
}

static void grants_name_the_interfaces_that_may_be_used(void **state)
{
	static const SkPolicyInterface keyboard = {3, 1, 1, 0}, stick = {8, 6, 0x50, 0};
	own_policy_snapshot SkPolicySnapshot *some = rules("allow interfaces { 03:*:* }");
	own_policy_snapshot SkPolicySnapshot *all = rules("allow");
	own_policy_snapshot SkPolicySnapshot *none = rules("block");
	SkPolicyContext context = at_noon();
	SkPolicyVerdict verdict = decide(some, "1234:5678", &context);

	assert_true(sk_policy_verdict_grants(&verdict, &keyboard));
	assert_false(sk_policy_verdict_grants(&verdict, &stick));
	verdict = decide(all, "1234:5678", &context);
	assert_true(sk_policy_verdict_grants(&verdict, &stick));
	verdict = decide(none, "1234:5678", &context);
	assert_false(sk_policy_verdict_grants(&verdict, &keyboard));
}

static void a_verdict_carries_what_its_rule_says(void **state)
{
	own_policy_snapshot SkPolicySnapshot *snapshot = rules(
		"mode warn\nallow 1234:* media carry-out scan off import copy allow-types script "
		"refuse-types program id \"R9\" message \"hi\" message-ja \"はい\"\nallow 1111:*\nmatch");
	SkPolicyContext context = at_noon();
	SkPolicyVerdict verdict = decide(snapshot, "1234:5678", &context);
	char reason[200];

	assert_int_equal(verdict.target, SK_POLICY_ALLOW);
	assert_int_equal(verdict.mode, SK_POLICY_WARN);
	assert_int_equal(verdict.media, SK_POLICY_MEDIA_CARRY_OUT);
	assert_int_equal(verdict.scan, SK_POLICY_SCAN_OFF);
	assert_int_equal(verdict.import, SK_POLICY_IMPORT_COPY);
	assert_int_equal(
		sk_policy_verdict_refuse_types(&verdict, SK_POLICY_TYPE_SCRIPT), SK_POLICY_TYPE_PROGRAM);
	assert_string_equal(verdict.id, "R9");
	assert_string_equal(verdict.message, "hi");
	assert_string_equal(verdict.message_ja, "はい");
	assert_int_equal(verdict.valid_for_sec, SK_POLICY_FOREVER);

	verdict = decide(snapshot, "1111:5678", &context);
	assert_string_equal(verdict.id, "test:3");
	assert_int_equal(verdict.media, SK_POLICY_MEDIA_READ_ONLY);
	assert_int_equal(verdict.scan, SK_POLICY_SCAN_REQUIRED);

	verdict = decide(snapshot, "2222:5678", &context);
	assert_int_equal(verdict.rule_target, SK_POLICY_MATCH);
	assert_int_equal(verdict.target, SK_POLICY_BLOCK);
	assert_int_equal(verdict.media, SK_POLICY_MEDIA_NONE);
	sk_policy_verdict_reason(&verdict, reason, sizeof(reason));
	assert_non_null(strstr(reason, "test:4 (dir/test.rules:4)"));
}

static void facts_of_the_medium_are_asked_again_when_known(void **state)
{
	own_policy_snapshot SkPolicySnapshot *snapshot =
		rules("block with-interface 08:06:50 registered no serial \"evil\"\n"
		      "allow with-interface 08:06:50 registered yes media carry-out\n"
		      "block");
	SkPolicyContext context = at_noon();
	SkPolicyVerdict verdict = decide(snapshot, "with-interface 08:06:50", &context);

	assert_int_equal(verdict.line, 2);
	assert_int_equal(verdict.target, SK_POLICY_ALLOW);
	assert_true(verdict.medium_pending);
	verdict = decide(snapshot, "with-interface 08:06:50 registered yes", &context);
	assert_int_equal(verdict.line, 2);
	assert_false(verdict.medium_pending);
	verdict = decide(snapshot, "with-interface 08:06:50 registered no", &context);
	assert_int_equal(verdict.line, 3);
	assert_false(verdict.medium_pending);
	/* a refusal on a mere possibility would keep the medium from being read */
	verdict = decide(snapshot, "serial \"evil\" with-interface 08:06:50", &context);
	assert_int_equal(verdict.line, 2);
	assert_true(verdict.medium_pending);
	verdict = decide(snapshot, "with-interface 03:01:01", &context);
	assert_false(verdict.medium_pending);
}

static void people_and_the_screen_are_asked(void **state)
{
	static const char *const groups[] = {"doctors", "night", NULL};
	static const struct {
		const char *rule;
		bool applies;
	} cases[] = {
		{"allow user \"sato\"", true},
		{"allow user { \"abe\" \"sato\" }", true},
		{"allow user \"abe\"", false},
		{"allow user none-of { \"abe\" }", true},
		{"allow group \"night\"", true},
		{"allow group all-of { \"night\" \"doctors\" }", true},
		{"allow group all-of { \"night\" \"admin\" }", false},
		{"allow group none-of { \"admin\" }", true},
		{"allow screen-locked yes", false},
		{"allow screen-locked no", true},
	};
	SkPolicyContext context = at_noon();

	context.user = "sato";
	context.groups = groups;
	context.screen_locked = SK_POLICY_NO;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		own_policy_snapshot SkPolicySnapshot *snapshot = rules(cases[i].rule);

		if ((decide(snapshot, "1234:5678", &context).line == 1) != cases[i].applies)
			fail_msg("%s", cases[i].rule);
	}
}

static void an_unknown_screen_answers_neither_way(void **state)
{
	assert_int_equal(line_of("allow screen-locked yes\nallow screen-locked no", "1234:5678"), 0);
}

static void times_begin_and_end(void **state)
{
	static const struct {
		const char *time;
		uint8_t weekday;
		uint32_t hour, minute;
		bool applies;
		uint32_t valid_for_sec;
	} cases[] = {
		{"08:30-18:00", 1, 8, 30, true, 34200},
		{"08:30-18:00", 1, 18, 0, false, 52200},
		{"Mon-Fri 08:30-18:00", 0, 12, 0, false, 73800},
		{"Mon-Fri 08:30-18:00", 5, 18, 0, false, 225000},
		{"Fri-Mon 08:00-09:00", 2, 8, 0, false, 259200},
		{"Sat 22:00-06:00", 0, 5, 59, true, 60},
		{"Sat 22:00-06:00", 0, 6, 0, false, 576000},
		{"Sat 00:00-24:00", 6, 23, 59, true, 60},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		char text[100];
		own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
		SkPolicyContext context = at_noon();
		SkPolicyVerdict verdict;

		snprintf(text, sizeof(text), "allow time \"%s\"\nblock", cases[i].time);
		snapshot = rules(text);
		context.now = (SkPolicyTime){cases[i].weekday, cases[i].hour * 3600 + cases[i].minute * 60};
		verdict = decide(snapshot, "1234:5678", &context);
		assert_int_equal(verdict.line, cases[i].applies ? 1 : 2);
		assert_int_equal(verdict.valid_for_sec, cases[i].valid_for_sec);
	}
}

static void a_time_that_cannot_matter_ends_nothing(void **state)
{
	own_policy_snapshot SkPolicySnapshot *snapshot =
		rules("allow 1111:* time \"08:00-09:00\"\nallow 1234:*\nblock time \"08:00-09:00\"");
	SkPolicyContext context = at_noon();

	assert_int_equal(decide(snapshot, "1234:5678", &context).valid_for_sec, SK_POLICY_FOREVER);
}

typedef struct Memory {
	double applied, dice;
	const SkPolicyDevice *allowed;
} Memory;

static double since_applied(void *data, size_t rule)
{
	return rule == 0 ? ((Memory *)data)->applied : -1;
}

static double throw_dice(void *data)
{
	return ((Memory *)data)->dice;
}

static bool any_allowed(void *data, const SkPolicyQuery *query)
{
	const Memory *memory = data;

	return memory->allowed && sk_policy_query_matches(query, memory->allowed);
}

static void conditions_with_a_memory_ask_the_caller(void **state)
{
	own_policy_snapshot SkPolicySnapshot *applied = rules("allow if rule-applied(00:10)");
	own_policy_snapshot SkPolicySnapshot *chance = rules("allow if random(0.25)");
	Memory memory = {.applied = -1, .dice = 0.25};
	SkPolicyContext context = at_noon();

	context.callbacks =
		(SkPolicyCallbacks){.since_applied = since_applied, .random = throw_dice, .data = &memory};
	assert_int_equal(decide(applied, "1234:5678", &context).line, 0);
	memory.applied = 599.5;
	assert_int_equal(decide(applied, "1234:5678", &context).line, 1);
	assert_int_equal(decide(applied, "1234:5678", &context).valid_for_sec, 1);
	memory.applied = 601;
	assert_int_equal(decide(applied, "1234:5678", &context).line, 0);
	assert_int_equal(decide(chance, "1234:5678", &context).line, 0);
	memory.dice = 0.2;
	assert_int_equal(decide(chance, "1234:5678", &context).line, 1);
}

static void a_second_keyboard_can_be_refused(void **state)
{
	own_policy_snapshot SkPolicySnapshot *snapshot =
		rules("allow with-interface one-of { 03:00:01 03:01:01 } "
		      "if !allowed-matches(with-interface one-of { 03:00:01 03:01:01 })");
	own_policy_description SkPolicyDescription *mouse = device("with-interface 03:01:02");
	own_policy_description SkPolicyDescription *keyboard = device("with-interface { 03:01:01 03:00:00 }");
	Memory memory = {.allowed = sk_policy_description_device(mouse)};
	SkPolicyContext context = at_noon();

	context.callbacks = (SkPolicyCallbacks){.allowed_matches = any_allowed, .data = &memory};
	assert_int_equal(decide(snapshot, "with-interface 03:01:01", &context).line, 1);
	memory.allowed = sk_policy_description_device(keyboard);
	assert_int_equal(decide(snapshot, "with-interface 03:01:01", &context).line, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_applies_decides),
		cmocka_unit_test(grants_name_the_interfaces_that_may_be_used),
		cmocka_unit_test(a_verdict_carries_what_its_rule_says),
		cmocka_unit_test(facts_of_the_medium_are_asked_again_when_known),
		cmocka_unit_test(people_and_the_screen_are_asked),
		cmocka_unit_test(an_unknown_screen_answers_neither_way),
		cmocka_unit_test(times_begin_and_end),
		cmocka_unit_test(a_time_that_cannot_matter_ends_nothing),
		cmocka_unit_test(conditions_with_a_memory_ask_the_caller),
		cmocka_unit_test(a_second_keyboard_can_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
