/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies on both engines: versions and their checks, what terminals are given and what they say to it, and
 * decisions that are made again. Serves DEV-1.
 */
#include "tests/lib/policies_fixture.h"

#include <errno.h>
#include <string.h>

#include "console/rules/policy_diff.h"
#include "console/rules/policy_dry_run.h"
#include "console/rules/policy_groups.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static int run_change(Step *s)
{
	return sk_policy_change(&s->actor, &(SkRowKey){s->id, s->version}, &(SkPolicyDraft){s->fields, NULL});
}

static int run_withdraw(Step *s)
{
	return sk_policy_withdraw(&s->actor, &(SkRowKey){s->id, s->version}, "no");
}

static int run_move(Step *s)
{
	return sk_terminal_move(&s->actor, &(SkRowKey){.id = s->id}, s->text);
}

static void test_versions(void **state)
{
	Fixture *f = *state;
	char policy[SK_ID_SIZE], version[SK_ID_SIZE];
	Step other = {.run = run_check, .scope = &rules_other_scope};

	must(f, call(f, run_create, NULL, "all", policy));
	must(f, with_files(f, run_draft, policy,
			files("allow id 046d:c31c\nblok id 1:2\n", "[Scan]\nIdleSec=never\n"), version));
	assert_int_equal(call(f, run_publish, version, NULL, NULL), SK_POLICY_NOT_CHECKED);
	assert_int_equal(call(f, run_check, version, NULL, NULL), SK_POLICY_HAS_ERRORS);
	assert_int_equal(json_array_size(policies_review.errors), 2);
	assert_int_equal(number(json_array_get(policies_review.errors, 0), "line"), 2);
	assert_int_equal(number(json_array_get(policies_review.errors, 0), "column"), 1);
	assert_string_equal(sk_row_text(json_array_get(policies_review.errors, 1), "file"), "sekisho.conf");
	assert_int_equal(number(json_array_get(policies_review.errors, 1), "line"), 2);
	must(f, with_files(f, run_change, version, files("allow id 046d:c31c\n", "[Agent]\nMode=learn\n"),
			NULL));
	assert_int_equal(call(f, run_check, version, NULL, NULL), SK_POLICY_HAS_ERRORS);
	assert_non_null(strstr(sk_row_text(json_array_get(policies_review.errors, 0), "text"), "group"));
	must(f, with_files(f, run_change, version, files("allow id 046d:c31c\n", NULL), NULL));
	assert_int_equal(call(f, run_publish, version, NULL, NULL), SK_POLICY_NOT_CHECKED);
	must(f, call(f, run_check, version, NULL, NULL));
	assert_true(json_array_size(policies_review.warnings) > 0);
	other.id = version;
	assert_int_equal(as(f, OFFICER, &other), -ENOENT);
	must(f, call(f, run_publish, version, NULL, NULL));
	assert_int_equal(with_files(f, run_change, version, files("", NULL), NULL), SK_POLICY_PUBLISHED);
	assert_int_equal(call(f, run_publish, version, NULL, NULL), SK_POLICY_PUBLISHED);
	must(f, call(f, run_withdraw, version, NULL, NULL));
	assert_int_equal(call(f, run_withdraw, version, NULL, NULL), SK_POLICY_NOT_PUBLISHED);
	assert_int_equal(count(f,
				 "SELECT count(*) FROM console_records WHERE kind = 'policy.published' AND "
				 "subject = $1",
				 "policy-version:"),
		0);
	sk_policy_review_deinit(&policies_review);
	policies_review = (SkPolicyReview){NULL, NULL};
}

static const char *nth_change(const json_t *diff, size_t i)
{
	return sk_row_text(json_array_get(json_object_get(diff, "rules"), i), "change");
}

static void test_diff(void **state)
{
	json_auto_t *before =
		files("# one\nallow id 0001:0001\nallow id 0001:0002\nblock id 0001:0003\nallow id "
		      "0001:0005\nallow id 0001:0004\n",
			"[Scan]\nIdleSec=1min\n");
	json_auto_t *after =
		files("allow id 0001:0004\nallow id 0001:0001\nallow id 0001:0002 with-interface "
		      "08:*:*\nallow id 0001:0009\nallow id 0001:0005\n",
			"[Scan]\nIdleSec=2min\n");
	json_auto_t *diff = NULL, *same = NULL;

	assert_int_equal(sk_policy_diff(before, before, &same), 0);
	assert_int_equal(json_array_size(json_object_get(same, "rules")), 0);
	assert_string_equal(sk_row_text(same, "text"), "");
	assert_int_equal(sk_policy_diff(before, after, &diff), 0);
	assert_int_equal(json_array_size(json_object_get(diff, "rules")), 3);
	assert_string_equal(nth_change(diff, 0), "moved");
	assert_string_equal(nth_change(diff, 1), "changed");
	assert_string_equal(nth_change(diff, 2), "changed");
	assert_string_equal(
		sk_row_text(json_array_get(json_object_get(diff, "settings"), 0), "after"), "2min");
	assert_non_null(
		strstr(sk_row_text(diff, "text"), "> 20-clinic.rules:6 -> 20-clinic.rules:1: allow id"));
	assert_non_null(strstr(sk_row_text(diff, "text"), "- 20-clinic.rules:4: block id 0001:0003\n+ "));
}

static void test_given(void **state)
{
	Fixture *f = *state;
	char policy[SK_ID_SIZE], first[SK_ID_SIZE], second[SK_ID_SIZE], draft[SK_ID_SIZE], group[SK_ID_SIZE];
	char elsewhere[SK_ID_SIZE], terminal[SK_ID_SIZE];
	json_t *payload;
	json_int_t serial;
	int64_t raised;

	must(f, call(f, run_create, NULL, "all", policy));
	publish(f, policy, "allow id 046d:c31c\n", first);
	publish(f, policy, "block id 046d:c31c\n", second);
	must(f, with_files(f, run_draft, policy, files("", NULL), draft));
	must(f, call(f, run_group, NULL, "reception", group));
	must(f, call(f, run_group, NULL, "ward", elsewhere));
	add_terminal(f, group, terminal);
	assert_int_equal(call(f, run_assign, group, draft, NULL), SK_POLICY_NOT_PUBLISHED);
	must(f, call(f, run_assign, group, first, NULL));
	raised = count(f, "SELECT revision FROM terminal_revisions WHERE terminal_id = $1", terminal);
	assert_true(raised >= f->now);
	payload = document(f, terminal);
	serial = number(payload, "serial");
	assert_string_equal(
		sk_row_text(payload, "settings"), "[Scan]\nIdleSec=1min\n\n[Agent]\nMode=learn\n");
	assert_int_equal(json_array_size(json_object_get(payload, "rules")), 1);
	json_decref(payload);
	tell(f, terminal, "applied", "");
	check_field(f, &sk_terminal_policies_table, terminal, "runningVersion", first);
	/* The same again is nothing new. */
	must(f, call(f, run_assign, group, first, NULL));
	assert_int_equal(
		count(f, "SELECT revision FROM terminal_revisions WHERE terminal_id = $1", terminal), raised);
	must(f, call(f, run_assign, group, second, NULL));
	tell(f, terminal, "refused", "console-20-clinic.rules:1:1: \x1b[31mno");
	tell(f, terminal, "refused", "console-20-clinic.rules:1:1: \x1b[31mno");
	check_field(f, &sk_terminal_policies_table, terminal, "state", "refused");
	check_field(f, &sk_terminal_policies_table, terminal, "error",
		"console-20-clinic.rules:1:1: \\u{1b}[31mno");
	check_field(f, &sk_terminal_policies_table, terminal, "runningVersion", first);
	assert_int_equal(
		count(f, "SELECT count(*) FROM console_records WHERE kind = $1", "terminal.policy-refused"),
		1);
	must(f, call(f, run_assign, group, first, NULL));
	payload = document(f, terminal);
	assert_true(number(payload, "serial") > serial && json_is_true(json_object_get(payload, "rollback")));
	json_decref(payload);
	/* A group without a policy leaves what is there. */
	must(f, call(f, run_move, terminal, elsewhere, NULL));
	must(f, call(f, run_assign, elsewhere, second, NULL));
	payload = document(f, terminal);
	assert_int_equal(number(payload, "version"), 2);
	assert_string_equal(sk_row_text(payload, "group"), elsewhere);
	json_decref(payload);
	assert_int_equal(call(f, run_withdraw, second, NULL, NULL), SK_POLICY_IN_USE);
}

static json_t *dry_run_with(Fixture *f, const char *rules, const char *settings, const char *mode)
{
	json_auto_t *list = files(rules, settings);
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	own_policy_tried SkPolicyTried tried = {.untried = NULL};
	const SkDryRunOrder order = {.facility = CLINIC,
		.mode = mode,
		.from = f->now - 30 * DAY,
		.until = f->now,
		.work_ms = 20000,
		.tried = &tried};
	json_t *result = NULL;

	assert_int_equal(sk_policy_compile_files(list, &snapshot), 0);
	assert_int_equal(sk_policy_tried(list, &tried), 0);
	must(f, sk_dry_run(f->db, snapshot, &order, &result));
	return result;
}

static json_t *dry_run(Fixture *f, const char *rules, const char *mode)
{
	return dry_run_with(f, rules, NULL, mode);
}

static json_int_t sum(const json_t *result, const char *change, const char *what)
{
	return number(json_object_get(result, change), what);
}

static void test_dry_run(void **state)
{
	Fixture *f = *state;
	char group[SK_ID_SIZE], terminals[9][SK_ID_SIZE], hash[20];
	json_t *result, *rule;

	must(f, call(f, run_group, NULL, "reception", group));
	for (int i = 0; i < 9; i++)
		add_terminal(f, group, terminals[i]);
	/* 14 devices on 9 PCs that worked, each plugged in several times; one beyond the 30 days. */
	for (int i = 0; i < 1260; i++) {
		sk_str_format(hash, sizeof(hash), "H%d", i % 14);
		plug(f, &(Plug){terminals[i % 9], hash, "0951:1666", "console-20-clinic:1", "allow",
				.at = f->now - HOUR * (i % 300)});
	}
	plug(f, &(Plug){terminals[0], "OLD", "0951:1666", "x", "allow", .at = f->now - 31 * DAY});
	result = dry_run(f, "allow id 1234:*\nblock id 0951:* id \"R12\"\n", "enforcing");
	assert_int_equal(number(result, "records"), 1260);
	assert_int_equal(sum(result, "refused", "records"), 1260);
	assert_int_equal(sum(result, "refused", "devices"), 14);
	assert_int_equal(sum(result, "refused", "terminals"), 9);
	assert_true(json_is_true(json_object_get(result, "complete")));
	rule = json_array_get(json_object_get(result, "rules"), 0);
	assert_string_equal(sk_row_text(rule, "rule"), "R12");
	assert_string_equal(sk_row_text(rule, "file"), "20-clinic.rules");
	assert_int_equal(number(rule, "line"), 2);
	assert_int_equal(number(rule, "devices"), 14);
	assert_int_equal(number(rule, "terminals"), 9);
	assert_int_equal(json_array_size(json_object_get(result, "devices")), 14);
	json_decref(result);
	/* While learning nothing is refused. */
	result = dry_run(f, "block id 0951:*\n", "learning");
	assert_int_equal(number(result, "same"), 1260);
	json_decref(result);
}

static json_int_t unknown(const json_t *result, const char *why)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(result, "unknown"), i, item)
		if (sk_str_eq(sk_row_text(item, "why"), why))
			return number(item, "records");
	return 0;
}

static void test_dry_run_limits(void **state)
{
	Fixture *f = *state;
	char group[SK_ID_SIZE], terminal[SK_ID_SIZE];
	json_t *result;

	must(f, call(f, run_group, NULL, "reception", group));
	add_terminal(f, group, terminal);
	/* Of the PC's own rules, of the console's, by the built-in checks, by an allowance, while learning.
	 */
	plug(f, &(Plug){terminal, "A", "0001:0001", "10-local:1", "allow", .at = f->now - 1});
	plug(f, &(Plug){terminal, "B", "0001:0002", "console-20-clinic:1", "allow", .at = f->now - 2});
	plug(f, &(Plug){terminal, "C", "0001:0003", "built-in", "block", .at = f->now - 3});
	plug(f, &(Plug){terminal, "D", "0001:0004", "allowance", "allow", .at = f->now - 4});
	plug(f, &(Plug){terminal, "E", "0001:0005", "default", "allow", "SK-1101", .at = f->now - 5});
	plug(f, &(Plug){terminal, "F", "0001:0006", "default", "block", .at = f->now - 6});
	plug(f, &(Plug){terminal, "G", "0001:0007", "default", "block", .extra = "none", .at = f->now - 7});
	result = dry_run(f, "allow id 0001:0003\nallow id 0001:0006\n", "enforcing");
	assert_int_equal(number(result, "records"), 7);
	assert_int_equal(unknown(result, "own-rules"), 1);	/* B */
	assert_int_equal(unknown(result, "old-agent"), 1);	/* G */
	assert_int_equal(sum(result, "refused", "devices"), 1); /* E: what learning let through */
	assert_int_equal(sum(result, "allowed", "devices"), 1); /* F */
	assert_int_equal(number(result, "same"), 3);		/* A, C, D */
	json_decref(result);
	result = dry_run(f, "allow id 0001:0001 if rule-applied\nblock\n", "enforcing");
	assert_int_equal(unknown(result, "memory"), 1); /* A */
	json_decref(result);
	/* What a device calls itself is compared as it was, not as it is shown. */
	result = dry_run(f, "block name \"Stick \\xe2\\x80\\xae\"\nallow\n", "enforcing");
	assert_int_equal(sum(result, "refused", "devices"), 3);
	json_decref(result);
}

#define MEDIA(handling, scan, types)                                                                         \
	",\"media\":{\"handling\":\"" handling "\",\"scan\":" scan ",\"types\":" types                       \
	",\"settings_types\":15}"

/* How many devices each change counts when all sticks come under this rule. */
static void check_media(Fixture *f, const char *effects, const int wanted[3])
{
	static const char *const changes[] = {"refused", "restricted", "allowed"};
	char rule[100];
	json_t *result;

	snprintf(rule, sizeof(rule), "allow%s%s\n", *effects ? " " : "", effects);
	result = dry_run(f, rule, "enforcing");
	for (size_t i = 0; i < 3; i++)
		if (sum(result, changes[i], "devices") != wanted[i])
			fail_msg("%s: %d %s, not %d", rule, (int)sum(result, changes[i], "devices"),
				changes[i], wanted[i]);
	json_decref(result);
}

static void test_dry_run_media(void **state)
{
	Fixture *f = *state;
	char group[SK_ID_SIZE], terminal[SK_ID_SIZE];
	json_t *result;

	must(f, call(f, run_group, NULL, "reception", group));
	add_terminal(f, group, terminal);
	plug(f, &(Plug){terminal, "A", "0001:0001", "10-local:1", "allow",
			.extra = MEDIA("read-only", "true", "15"), .at = f->now - 1});
	plug(f, &(Plug){terminal, "B", "0001:0002", "10-local:2", "allow",
			.extra = MEDIA("carry-out", "true", "15"), .at = f->now - 2});
	plug(f, &(Plug){terminal, "C", "0001:0003", "10-local:3", "allow",
			.extra = MEDIA("refuse", "true", "15"), .at = f->now - 3});
	plug(f, &(Plug){terminal, "D", "0001:0004", "10-local:4", "allow",
			.extra = MEDIA("read-only", "false", "14"), .at = f->now - 4});
	check_media(f, "", (const int[]){0, 2, 1});			   /* B, D; C */
	check_media(f, "media refuse", (const int[]){3, 0, 0});		   /* A, B, D */
	check_media(f, "media read-only", (const int[]){0, 2, 1});	   /* B, D; C */
	check_media(f, "media carry-out", (const int[]){0, 1, 2});	   /* D; A, C */
	check_media(f, "scan off", (const int[]){0, 2, 2});		   /* B, D; A, C */
	check_media(f, "allow-types { program }", (const int[]){0, 2, 2}); /* B, D; A, C */
	/* While it is only warned nothing of it happens. */
	result = dry_run(f, "allow media refuse\n", "warning");
	assert_int_equal(sum(result, "refused", "devices"), 0);
	json_decref(result);
	/* An older agent did not say what became of media. */
	plug(f, &(Plug){terminal, "E", "0001:0005", "10-local:5", "allow", .at = f->now - 5});
	result = dry_run(f, "allow media refuse\n", "enforcing");
	assert_int_equal(unknown(result, "old-agent"), 1);
	json_decref(result);
	result = dry_run(f, "allow media read-only\n", "enforcing");
	assert_int_equal(unknown(result, "old-agent"), 0);
	json_decref(result);
}

/* Media of which types 1 to 8 were refused, by settings of the PC. */
static void test_dry_run_settings(void **state)
{
	static const char rules[] = "allow media read-only\n";
	Fixture *f = *state;
	char group[SK_ID_SIZE], terminal[SK_ID_SIZE];
	json_t *result;

	must(f, call(f, run_group, NULL, "reception", group));
	add_terminal(f, group, terminal);
	plug(f, &(Plug){terminal, "A", "0001:0001", "10-local:1", "allow",
			.extra = MEDIA("read-only", "true", "15"), .at = f->now - 1});
	result = dry_run_with(f, rules, NULL, "enforcing");
	assert_int_equal(number(result, "same"), 1);
	assert_int_equal(json_array_size(json_object_get(result, "untried")), 0);
	json_decref(result);
	result = dry_run_with(f, rules,
		"[Scan]\nRefuseTypes=program script\nMaxFileSize=8M\n[Devices]\nTrialSec=5min\n",
		"enforcing");
	assert_int_equal(sum(result, "allowed", "devices"), 1);
	assert_int_equal(json_array_size(json_object_get(result, "untried")), 2);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(result, "untried"), 0)), "Scan/MaxFileSize");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(result, "untried"), 1)), "Devices/TrialSec");
	json_decref(result);
	plug(f, &(Plug){terminal, "B", "0001:0002", "10-local:2", "allow",
			.extra = MEDIA("read-only", "true", "0"), .at = f->now - 2});
	result = dry_run_with(f, rules, "[Scan]\nRefuseTypes=program\n", "enforcing");
	assert_int_equal(sum(result, "restricted", "devices"), 1);
	json_decref(result);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_versions, rules_setup, rules_teardown),
		cmocka_unit_test(test_diff),
		cmocka_unit_test_setup_teardown(test_given, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_dry_run, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_dry_run_media, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_dry_run_settings, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_dry_run_limits, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
