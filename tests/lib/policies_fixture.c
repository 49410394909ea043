/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/policies_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "console/rules/policy_document.h"
#include "console/rules/policy_groups.h"
#include "lib/audit/line.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

json_t *files(const char *rules, const char *settings)
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

int run_create(Step *s)
{
	return sk_policy_create(&s->actor, CLINIC, s->text, s->made);
}

int run_draft(Step *s)
{
	return sk_policy_draft(&s->actor, s->id, &(SkPolicyDraft){s->fields, NULL}, s->made);
}

SkPolicyReview policies_review;

int run_check(Step *s)
{
	return sk_policy_check(&s->actor, &(SkRowKey){s->id, s->version}, &policies_review);
}

int run_publish(Step *s)
{
	return sk_policy_publish(&s->actor, &(SkRowKey){s->id, s->version});
}

int run_group(Step *s)
{
	return sk_group_create(&s->actor, CLINIC, s->text, s->made);
}

int run_assign(Step *s)
{
	return sk_group_assign(&s->actor, &(SkRowKey){.id = s->id},
		&(SkGroupOrder){s->text, s->action ? "enforcing" : NULL});
}

int run_told(Step *s)
{
	s->actor.terminal = s->id;
	s->actor.person = NULL;
	s->actor.scope = SK_SCOPE_ALL;
	return sk_policy_told(&s->actor, s->fields);
}

int call(Fixture *f, int (*run)(Step *s), const char *id, const char *text, char made[SK_ID_SIZE])
{
	Step step = {.run = run, .id = id, .text = text};
	int r = as(f, OFFICER, &step);

	if (made)
		sk_str_copy(made, SK_ID_SIZE, step.made);
	return r;
}

int with_files(Fixture *f, int (*run)(Step *s), const char *id, json_t *fields, char made[SK_ID_SIZE])
{
	Step step = {.run = run, .id = id, .fields = fields};
	int r = as(f, OFFICER, &step);

	json_decref(fields);
	if (made)
		sk_str_copy(made, SK_ID_SIZE, step.made);
	return r;
}

/* A published version of a policy. */
void publish(Fixture *f, const char *policy, const char *rules, char version[SK_ID_SIZE])
{
	must(f, with_files(f, run_draft, policy, files(rules, "[Scan]\nIdleSec=1min\n"), version));
	must(f, call(f, run_check, version, NULL, NULL));
	must(f, call(f, run_publish, version, NULL, NULL));
}

void add_terminal(Fixture *f, const char *group, char id[SK_ID_SIZE])
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

json_t *document(Fixture *f, const char *terminal)
{
	json_t *payload = NULL;

	must(f, sk_policy_document(f->db, terminal, &payload));
	return payload;
}

json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* The agent's word about the document that it was given, named as the uplink names it. */
void tell(Fixture *f, const char *terminal, const char *outcome, const char *detail)
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

static int64_t next_seq = 1;

void plug(Fixture *f, const Plug *plug)
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
