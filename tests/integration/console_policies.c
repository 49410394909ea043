/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies on both engines: versions and their checks, what terminals are given and what they say to it,
 * decisions that are made again, roll-outs by stages. Serves DEV-1.
 */
#include "tests/lib/rules_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/policies.h"
#include "console/rules/policy_diff.h"
#include "console/rules/policy_document.h"
#include "console/rules/policy_dry_run.h"
#include "console/rules/policy_groups.h"
#include "console/rules/policy_rollout.h"
#include "lib/audit/line.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/reason/reason.h"

#define DAY (24 * HOUR)
#define TERMINALS 40

static json_t *files(const char *rules, const char *settings)
{
	json_auto_t *given = json_pack("[{s:s, s:s}]", "name", "20-clinic.rules", "text", rules);
	const char *why;
	json_t *sorted = NULL;

	if (settings)
		json_array_append_new(
			given, json_pack("{s:s, s:s}", "name", SK_POLICY_SETTINGS_FILE, "text", settings));
	assert_int_equal(sk_policy_files_sort(given, &sorted, &why), 0);
	return sorted;
}

/* ---- calls ---- */

static int run_create(Step *s)
{
	return sk_policy_create(&s->actor, CLINIC, s->text, s->made);
}

static int run_draft(Step *s)
{
	return sk_policy_draft(&s->actor, s->id, &(SkPolicyDraft){s->fields, NULL}, s->made);
}

static int run_change(Step *s)
{
	return sk_policy_change(&s->actor, &(SkRowKey){s->id, s->version}, &(SkPolicyDraft){s->fields, NULL});
}

static SkPolicyReview review;

static int run_check(Step *s)
{
	return sk_policy_check(&s->actor, &(SkRowKey){s->id, s->version}, &review);
}

static int run_publish(Step *s)
{
	return sk_policy_publish(&s->actor, &(SkRowKey){s->id, s->version});
}

static int run_withdraw(Step *s)
{
	return sk_policy_withdraw(&s->actor, &(SkRowKey){s->id, s->version}, "no");
}

static int run_group(Step *s)
{
	return sk_group_create(&s->actor, CLINIC, s->text, s->made);
}

static int run_assign(Step *s)
{
	return sk_group_assign(&s->actor, &(SkRowKey){.id = s->id},
		&(SkGroupOrder){s->text, s->action ? "enforcing" : NULL});
}

static int run_move(Step *s)
{
	return sk_terminal_move(&s->actor, &(SkRowKey){.id = s->id}, s->text);
}

static int run_told(Step *s)
{
	s->actor.terminal = s->id;
	s->actor.person = NULL;
	s->actor.scope = SK_SCOPE_ALL;
	return sk_policy_told(&s->actor, s->fields);
}

static int run_start(Step *s)
{
	return sk_rollout_start(&s->actor, s->fields, s->made);
}

static int run_step(Step *s)
{
	s->actor.scope = SK_SCOPE_ALL;
	return sk_rollout_step(&s->actor, s->id);
}

static int run_pause(Step *s)
{
	return sk_rollout_pause(&s->actor, &(SkRowKey){.id = s->id}, "lunch");
}

static int run_resume(Step *s)
{
	return sk_rollout_resume(&s->actor, &(SkRowKey){.id = s->id}, "looked at");
}

static int run_back(Step *s)
{
	return sk_rollout_back(&s->actor, &(SkRowKey){.id = s->id}, "harm");
}

static int call(Fixture *f, int (*run)(Step *s), const char *id, const char *text, char made[SK_ID_SIZE])
{
	Step step = {.run = run, .id = id, .text = text};
	int r = as(f, OFFICER, &step);

	if (made)
		sk_str_copy(made, SK_ID_SIZE, step.made);
	return r;
}

static int with_files(Fixture *f, int (*run)(Step *s), const char *id, json_t *fields, char made[SK_ID_SIZE])
{
	Step step = {.run = run, .id = id, .fields = fields};
	int r = as(f, OFFICER, &step);

	json_decref(fields);
	if (made)
		sk_str_copy(made, SK_ID_SIZE, step.made);
	return r;
}

/* A published version of a policy. */
static void publish(Fixture *f, const char *policy, const char *rules, char version[SK_ID_SIZE])
{
	must(f, with_files(f, run_draft, policy, files(rules, "[Scan]\nIdleSec=1min\n"), version));
	must(f, call(f, run_check, version, NULL, NULL));
	must(f, call(f, run_publish, version, NULL, NULL));
}

static void add_terminal(Fixture *f, const char *group, char id[SK_ID_SIZE])
{
	sk_id_new(id);
	exec(f,
		"INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES ($1, $2, $3, 'PC', "
		"1)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(CLINIC), sk_db_text(group)));
	exec(f, "INSERT INTO terminal_revisions (terminal_id, changed) VALUES ($1, 1)",
		SK_DB_ARGS(sk_db_text(id)));
	exec(f, "INSERT INTO terminal_status (terminal_id, facility_id, last_contact) VALUES ($1, $2, $3)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(CLINIC), sk_db_int(f->now)));
}

static json_t *document(Fixture *f, const char *terminal)
{
	json_t *payload = NULL;

	must(f, sk_policy_document(f->db, terminal, &payload));
	return payload;
}

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* The agent's word about the document that it was given, named as the uplink names it. */
static void tell(Fixture *f, const char *terminal, const char *outcome, const char *detail)
{
	json_auto_t *payload = document(f, terminal);
	own_free char *text = json_dumps(payload, JSON_COMPACT | JSON_SORT_KEYS);
	own_free char *encoded = malloc(SK_BASE64_SIZE(strlen(text)));
	uint8_t digest[SK_SHA256_SIZE];
	char hex[SK_SHA256_HEX_SIZE];
	Step step = {.run = run_told, .id = terminal};

	sk_base64_format(text, strlen(text), encoded);
	sk_sha256(digest, encoded, strlen(encoded));
	sk_hex_format(hex, digest, sizeof(digest));
	step.fields =
		json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}]", "payload", SK_HASH_NONE, "outcome", "refused",
			"detail", "of something else", "payload", hex, "outcome", outcome, "detail", detail);
	must(f, as(f, NULL, &step));
	json_decref(step.fields);
}

/* ---- records ---- */

typedef struct Plug {
	const char *terminal, *hash, *id, *rule, *target, *would, *extra;
	int64_t at;
} Plug;

static int64_t next_seq = 1;

static void plug(Fixture *f, const Plug *plug)
{
	static const char hash[] = SK_HASH_NONE;
	char body[2000], line[4000], asked[600];
	SkLineFields fields = {.seq = (uint64_t)next_seq,
		.prev = hash,
		.actor = "\"sekishod\"",
		.kind = "device.decided",
		.body = body,
		.time = {.wall = plug->at * 1000,
			.boot = "00112233445566778899aabbccddeeff",
			.clock = "synchronised"}};
	int size;

	sk_str_format(asked, sizeof(asked),
		"{\"mode\":\"enforce\",\"weekday\":1,\"day_second\":36000,\"screen_locked\":false,\"user\":"
		"null,"
		"\"groups\":[],\"console_rules\":\"first\",\"connect_type\":\"hotplug\"%s}",
		plug->extra ? plug->extra : "");
	sk_str_format(body, sizeof(body),
		"{\"port\":\"1-1\",\"hash\":\"%s\",\"id\":\"%s\",\"name\":\"Stick "
		"\\\\u{202e}\",\"serial\":\"%s\","
		"\"interfaces\":\"08:06:50\",\"rule\":\"%s\",\"target\":\"%s\",\"code\":\"SK-1001\"%s%s%s%s%"
		"s}",
		plug->hash, plug->id, plug->hash, plug->rule, plug->target,
		plug->would ? ",\"would\":\"" : "", plug->would ? plug->would : "", plug->would ? "\"" : "",
		plug->extra && sk_str_eq(plug->extra, "none") ? "" : ",\"asked\":",
		plug->extra && sk_str_eq(plug->extra, "none") ? "" : asked);
	size = sk_line_format(line, sizeof(line), &fields);
	assert_true(size > 0);
	line[size] = 0;
	exec(f,
		"INSERT INTO records (terminal_id, seq, facility_id, hash, at, received, kind, actor, line) "
		"VALUES ($1, "
		"$2, $3, $4, $5, $5, 'device.decided', 'sekishod', $6)",
		SK_DB_ARGS(sk_db_text(plug->terminal), sk_db_int(next_seq++), sk_db_text(CLINIC),
			sk_db_bytes(hash, 32), sk_db_int(plug->at), sk_db_text(line)));
}

/* ---- tests ---- */

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
	assert_int_equal(json_array_size(review.errors), 2);
	assert_int_equal(number(json_array_get(review.errors, 0), "line"), 2);
	assert_int_equal(number(json_array_get(review.errors, 0), "column"), 1);
	assert_string_equal(sk_row_text(json_array_get(review.errors, 1), "file"), "sekisho.conf");
	assert_int_equal(number(json_array_get(review.errors, 1), "line"), 2);
	must(f, with_files(f, run_change, version, files("allow id 046d:c31c\n", "[Agent]\nMode=learn\n"),
			NULL));
	assert_int_equal(call(f, run_check, version, NULL, NULL), SK_POLICY_HAS_ERRORS);
	assert_non_null(strstr(sk_row_text(json_array_get(review.errors, 0), "text"), "group"));
	must(f, with_files(f, run_change, version, files("allow id 046d:c31c\n", NULL), NULL));
	assert_int_equal(call(f, run_publish, version, NULL, NULL), SK_POLICY_NOT_CHECKED);
	must(f, call(f, run_check, version, NULL, NULL));
	assert_true(json_array_size(review.warnings) > 0);
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
	sk_policy_review_deinit(&review);
	review = (SkPolicyReview){NULL, NULL};
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

	must(f, call(f, run_create, NULL, "all", policy));
	publish(f, policy, "allow id 046d:c31c\n", first);
	publish(f, policy, "block id 046d:c31c\n", second);
	must(f, with_files(f, run_draft, policy, files("", NULL), draft));
	must(f, call(f, run_group, NULL, "reception", group));
	must(f, call(f, run_group, NULL, "ward", elsewhere));
	add_terminal(f, group, terminal);
	assert_int_equal(call(f, run_assign, group, draft, NULL), SK_POLICY_NOT_PUBLISHED);
	must(f, call(f, run_assign, group, first, NULL));
	assert_int_equal(
		count(f, "SELECT revision FROM terminal_revisions WHERE terminal_id = $1", terminal), 2);
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
		count(f, "SELECT revision FROM terminal_revisions WHERE terminal_id = $1", terminal), 2);
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

static json_t *dry_run(Fixture *f, const char *rules, const char *mode)
{
	json_auto_t *list = files(rules, NULL);
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	const SkDryRunOrder order = {.facility = CLINIC,
		.mode = mode,
		.from = f->now - 30 * DAY,
		.until = f->now,
		.work_ms = 20000};
	json_t *result = NULL;

	assert_int_equal(sk_policy_compile_files(list, &snapshot), 0);
	must(f, sk_dry_run(f->db, snapshot, &order, &result));
	return result;
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

/* ---- roll-outs ---- */

typedef struct House {
	char policy[SK_ID_SIZE], old[SK_ID_SIZE], new[SK_ID_SIZE], group[SK_ID_SIZE], rollout[SK_ID_SIZE];
	char terminals[TERMINALS][SK_ID_SIZE];
} House;

static void build(Fixture *f, House *house)
{
	must(f, call(f, run_create, NULL, "all", house->policy));
	publish(f, house->policy, "allow id 046d:c31c\n", house->old);
	publish(f, house->policy, "block id 046d:c31c\n", house->new);
	must(f, call(f, run_group, NULL, "house", house->group));
	for (int i = 0; i < TERMINALS; i++)
		add_terminal(f, house->group, house->terminals[i]);
	must(f, call(f, run_assign, house->group, house->old, NULL));
	for (int i = 0; i < TERMINALS; i++)
		tell(f, house->terminals[i], "applied", "");
}

static int start(Fixture *f, House *house, const char *stages)
{
	json_auto_t *list = json_loads(stages, 0, NULL);

	f->now += 1000;
	return with_files(f, run_start, NULL,
		json_pack("{s:s, s:s, s:[s], s:O}", "facility", CLINIC, "policyVersion", house->new, "groups",
			house->group, "stages", list),
		house->rollout);
}

static int64_t having(Fixture *f, const char *version)
{
	return count(f, "SELECT count(*) FROM terminal_policies WHERE policy_version_id = $1", version);
}

static void contact(Fixture *f)
{
	exec(f, "UPDATE terminal_status SET last_contact = $1", SK_DB_ARGS(sk_db_int(f->now)));
}

/* Everybody who was given something says so and is in contact. */
static void answer(Fixture *f, House *house, const char *outcome)
{
	for (int i = 0; i < TERMINALS; i++)
		if (count(f,
			    "SELECT count(*) FROM terminal_policies WHERE state = 'sent' AND terminal_id = "
			    "$1",
			    house->terminals[i]) > 0)
			tell(f, house->terminals[i], outcome, "console-20-clinic.rules:1:1: no");
	contact(f);
}

static void step(Fixture *f, House *house, int64_t later)
{
	f->now += later;
	must(f, call(f, run_step, house->rollout, NULL, NULL));
}

/* The same with everybody in contact. */
static void live(Fixture *f, House *house, int64_t later)
{
	f->now += later;
	contact(f);
	step(f, house, 0);
}

static void check_state(Fixture *f, House *house, const char *state, int64_t having_new)
{
	check_field(f, &sk_rollouts_table, house->rollout, "state", state);
	assert_int_equal(having(f, house->new), having_new);
}

#define STAGES "[{\"count\":1,\"hours\":0},{\"share\":50,\"hours\":2},{\"share\":100,\"hours\":0}]"

static void test_rollout(void **state)
{
	Fixture *f = *state;
	House house;

	build(f, &house);
	assert_int_equal(start(f, &house, "[{\"share\":50,\"hours\":1}]"), SK_ROLLOUT_WRONG);
	assert_int_equal(start(f, &house, "[{\"count\":1,\"share\":50,\"hours\":1}]"), SK_ROLLOUT_WRONG);
	must(f, start(f, &house, STAGES));
	check_state(f, &house, "running", 1);
	assert_int_equal(call(f, run_assign, house.group, house.old, NULL), SK_GROUP_IN_ROLLOUT);
	/* Nobody has answered: time alone brings no further stage, and kills lose nothing. */
	live(f, &house, HOUR / 6);
	check_state(f, &house, "running", 1);
	answer(f, &house, "applied");
	live(f, &house, 1000);
	check_state(f, &house, "running", 20);
	/* The second one waits for its two hours, and while it is paused for longer. */
	answer(f, &house, "applied");
	live(f, &house, HOUR);
	check_state(f, &house, "running", 20);
	must(f, call(f, run_pause, house.rollout, NULL, NULL));
	answer(f, &house, "applied");
	live(f, &house, 2 * HOUR);
	check_state(f, &house, "paused", 20);
	must(f, call(f, run_resume, house.rollout, NULL, NULL));
	answer(f, &house, "applied");
	live(f, &house, 1000);
	check_state(f, &house, "running", TERMINALS);
	answer(f, &house, "applied");
	live(f, &house, 1000);
	check_state(f, &house, "done", TERMINALS);
	check_field(f, &sk_groups_table, house.group, "policyVersion", house.new);
	live(f, &house, HOUR);
	/* Back, also after its end. */
	must(f, call(f, run_back, house.rollout, NULL, NULL));
	check_state(f, &house, "rolled-back", 0);
	check_field(f, &sk_groups_table, house.group, "policyVersion", house.old);
	assert_int_equal(count(f,
				 "SELECT count(*) FROM terminal_policies WHERE rollback = 1 AND "
				 "policy_version_id = $1",
				 house.old),
		TERMINALS);
	assert_int_equal(call(f, run_resume, house.rollout, NULL, NULL), SK_ROLLOUT_NOT_POSSIBLE);
}

static void test_rollout_refused(void **state)
{
	Fixture *f = *state;
	House house;

	build(f, &house);
	must(f, start(f, &house, STAGES));
	answer(f, &house, "refused");
	step(f, &house, 1000);
	check_state(f, &house, "stopped", 1);
	assert_int_equal(
		count(f, "SELECT count(*) FROM console_records WHERE kind = $1", "rollout.stopped"), 1);
	assert_int_equal(
		count(f,
			"SELECT count(*) FROM rollout_terminals WHERE state = 'failed' AND error LIKE "
			"$1",
			"console-20%"),
		1);
	step(f, &house, 10 * HOUR);
	check_state(f, &house, "stopped", 1);
	/* Somebody looked at it: what was known does not stop it again. */
	must(f, call(f, run_resume, house.rollout, NULL, NULL));
	step(f, &house, 1000);
	check_state(f, &house, "running", 20);
	must(f, call(f, run_back, house.rollout, NULL, NULL));
	check_state(f, &house, "rolled-back", 0);
}

static void test_rollout_devices(void **state)
{
	Fixture *f = *state;
	House house;
	int64_t begun;

	build(f, &house);
	begun = f->now;
	for (int i = 0; i < TERMINALS; i++) {
		plug(f, &(Plug){house.terminals[i], "KNOWN", "046d:c31c", "console-20-clinic:1", "allow",
				.at = begun - HOUR});
		plug(f, &(Plug){house.terminals[i], "PHONE", "18d1:4ee7", "default", "block",
				.at = begun - HOUR});
	}
	must(f, start(f, &house, "[{\"share\":100,\"hours\":1}]"));
	answer(f, &house, "applied");
	/* A phone that was always refused is nothing new, on however many PCs. */
	for (int i = 0; i < TERMINALS; i++)
		plug(f, &(Plug){house.terminals[i], "PHONE", "18d1:4ee7", "default", "block",
				.at = f->now + 500});
	step(f, &house, 1000);
	check_state(f, &house, "running", TERMINALS);
	/* One of 40 is 2.5 %, and the limit is 2 %. */
	plug(f, &(Plug){house.terminals[3], "KNOWN", "046d:c31c", "console-20-clinic:1", "block",
			.at = f->now});
	step(f, &house, 1000);
	check_state(f, &house, "stopped", TERMINALS);
	must(f, call(f, run_resume, house.rollout, NULL, NULL));
	step(f, &house, 1000);
	check_state(f, &house, "running", TERMINALS);
}

static void test_rollout_silence(void **state)
{
	Fixture *f = *state;
	House house;

	build(f, &house);
	must(f, start(f, &house, "[{\"share\":100,\"hours\":1}]"));
	answer(f, &house, "applied");
	/* Who was away before says nothing about the change; three of 40 that fell silent do. */
	for (int i = 0; i < 10; i++)
		exec(f, "UPDATE terminal_status SET last_contact = $1 WHERE terminal_id = $2",
			SK_DB_ARGS(sk_db_int(f->now - 3 * HOUR), sk_db_text(house.terminals[i])));
	for (int64_t minutes = 0; minutes < 40; minutes += 10) {
		for (int i = 13; i < TERMINALS; i++)
			exec(f, "UPDATE terminal_status SET last_contact = $1 WHERE terminal_id = $2",
				SK_DB_ARGS(sk_db_int(f->now), sk_db_text(house.terminals[i])));
		step(f, &house, HOUR / 6);
		check_state(f, &house, minutes < 30 ? "running" : "stopped", TERMINALS);
	}
}

/* The first policy of a house: going back leaves nothing of the console. */
static void test_rollout_first(void **state)
{
	Fixture *f = *state;
	House house;
	json_auto_t *payload = NULL;

	must(f, call(f, run_create, NULL, "all", house.policy));
	publish(f, house.policy, "allow id 046d:c31c\n", house.new);
	must(f, call(f, run_group, NULL, "house", house.group));
	for (int i = 0; i < TERMINALS; i++)
		add_terminal(f, house.group, house.terminals[i]);
	must(f, start(f, &house, "[{\"share\":100,\"hours\":1}]"));
	must(f, call(f, run_back, house.rollout, NULL, NULL));
	payload = document(f, house.terminals[0]);
	assert_int_equal(json_array_size(json_object_get(payload, "rules")), 0);
	assert_string_equal(sk_row_text(payload, "settings"), "");
	assert_true(json_is_true(json_object_get(payload, "rollback")));
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_versions, rules_setup, rules_teardown),
		cmocka_unit_test(test_diff),
		cmocka_unit_test_setup_teardown(test_given, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_dry_run, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_dry_run_limits, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_rollout, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_rollout_refused, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_rollout_devices, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_rollout_silence, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(test_rollout_first, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
