/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policy_document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/policy_check.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/digest.h"
#include "lib/reason/reason.h"

#define ERROR_SIZE 400

/* The words of the settings file of the agent for those of the database. */
static const char *mode_word(const char *mode)
{
	return sk_str_eq(mode, "enforcing") ? "enforce" : sk_str_eq(mode, "warning") ? "warn" : "learn";
}

/* The mode of the group comes last, so that lines of the file keep their numbers in what agents say. */
static json_t *settings_json(const json_t *files, const char *mode)
{
	const char *text = sk_policy_file_text(files, SK_POLICY_SETTINGS_FILE);
	own_free char *whole = NULL;

	if (asprintf(&whole, "%s\n[Agent]\nMode=%s\n", text ? text : "", mode_word(mode)) < 0) {
		whole = NULL;
		return NULL;
	}
	return json_string(whole);
}

static json_t *rules_json(const json_t *files)
{
	json_t *rules = json_array(), *file;
	size_t i;

	json_array_foreach (files, i, file)
		if (!sk_str_eq(sk_row_text(file, "name"), SK_POLICY_SETTINGS_FILE))
			json_array_append(rules, file);
	return rules;
}

/* Nothing of the console any more: no rules, no settings. */
static int fill_empty(json_t *payload)
{
	return json_object_set_new(payload, "rules", json_array()) |
			       json_object_set_new(payload, "settings", json_string("")) |
			       json_object_set_new(payload, "rollback", json_true()) |
			       json_object_set_new(payload, "version", json_integer(1))
		       ? -ENOMEM
		       : 0;
}

static int fill(json_t *payload, const SkDbRows *rows)
{
	json_auto_t *files = NULL;

	if (sk_db_is_null(rows, 4))
		return fill_empty(payload);
	files = json_loads(sk_db_get_text(rows, 5), 0, NULL);
	if (!files)
		return -EUCLEAN;
	return json_object_set_new(payload, "rules", rules_json(files)) |
			       json_object_set_new(
				       payload, "settings", settings_json(files, sk_db_get_text(rows, 2))) |
			       json_object_set_new(
				       payload, "rollback", json_boolean(sk_db_get_int(rows, 1))) |
			       json_object_set_new(payload, "version", json_integer(sk_db_get_int(rows, 4)))
		       ? -ENOMEM
		       : 0;
}

int sk_policy_document(SkDb *db, const char *terminal, json_t **ret_payload)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *payload = NULL;
	int r = sk_db_query(db,
		"SELECT p.serial, p.rollback, p.mode, t.group_id, v.number, v.files FROM terminal_policies p "
		"JOIN terminals t ON t.id = p.terminal_id LEFT JOIN policy_versions v ON v.id = "
		"p.policy_version_id WHERE p.terminal_id = $1",
		SK_DB_ARGS(sk_db_text(terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	payload = json_pack("{s:s, s:I, s:s, s:s}", "terminal", terminal, "serial",
		(json_int_t)sk_db_get_int(rows, 0), "mode", mode_word(sk_db_get_text(rows, 2)), "group",
		sk_db_get_text(rows, 3));
	r = payload ? fill(payload, rows) : -ENOMEM;
	if (r < 0)
		return r;
	*ret_payload = json_incref(payload);
	return 0;
}

/* As the uplink names a document: SHA-256 of the payload's base64. It is signed from this very text. */
static int digest_of(const json_t *payload, char ret_digest[SK_SHA256_HEX_SIZE])
{
	own_free char *text = json_dumps(payload, JSON_COMPACT | JSON_SORT_KEYS);
	own_free char *encoded = text ? malloc(SK_BASE64_SIZE(strlen(text))) : NULL;
	uint8_t digest[SK_SHA256_SIZE];

	if (!encoded)
		return -ENOMEM;
	sk_base64_format(text, strlen(text), encoded);
	sk_sha256(digest, encoded, strlen(encoded));
	sk_hex_format(ret_digest, digest, sizeof(digest));
	return 0;
}

static const json_t *find_result(const json_t *results, const char *digest)
{
	size_t i;
	json_t *result;

	json_array_foreach (results, i, result)
		if (sk_str_eq(sk_row_text(result, "payload"), digest))
			return result;
	return NULL;
}

static int note_applied(const SkActor *actor)
{
	int r = sk_db_exec(actor->db,
		"UPDATE terminal_policies SET state = 'applied', told = $2, error = '', running_version_id = "
		"policy_version_id, running_mode = mode WHERE terminal_id = $1",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_int(actor->now)), NULL);

	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE terminal_status SET policy_version_id = (SELECT running_version_id FROM "
			"terminal_policies WHERE terminal_id = $1) WHERE terminal_id = $1",
			SK_DB_ARGS(sk_db_text(actor->terminal)), NULL);
	return r;
}

static int facility_of(const SkActor *actor, char ret_facility[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db, "SELECT facility_id FROM terminals WHERE id = $1",
		SK_DB_ARGS(sk_db_text(actor->terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_str_copy(ret_facility, SK_ID_SIZE, sk_db_get_text(rows, 0)) ? 0 : -EUCLEAN;
}

/* The file's line is what somebody has to mend: it is told once for each document. */
static int note_refused(const SkActor *actor, const json_t *payload, const char *detail)
{
	char shown[ERROR_SIZE], facility[SK_ID_SIZE], code[SK_REASON_CODE_SIZE];
	int64_t changed = 0;
	int r;

	sk_utf8_escape(
		shown, sizeof(shown), *detail ? detail : "refused", strlen(*detail ? detail : "refused"));
	r = sk_db_exec(actor->db,
		"UPDATE terminal_policies SET state = 'refused', told = $2, error = $3 WHERE terminal_id = "
		"$1 "
		"AND NOT (state = 'refused' AND error = $3)",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_int(actor->now), sk_db_text(shown)), &changed);
	if (r < 0 || changed == 0)
		return r;
	r = facility_of(actor, facility);
	if (r < 0)
		return r;
	sk_reason_format_code(code, SK_POLICY_REFUSED_BY_TERMINAL);
	return sk_actor_record(
		actor, &(SkFact){"terminal.policy-refused", facility, "terminal", actor->terminal,
			       json_pack("{s:s, s:O, s:O, s:s}", "code", code, "number",
				       json_object_get(payload, "version"), "serial",
				       json_object_get(payload, "serial"), "error", shown)});
}

/* Return: 1 the terminal's last answer is still to come, or was a refusal; 0, or negative errno. */
static int is_open(const SkActor *actor)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT 1 FROM terminal_policies WHERE terminal_id = $1 AND state <> 'applied'",
		SK_DB_ARGS(sk_db_text(actor->terminal)), &rows);

	return r < 0 ? r : sk_db_next(rows);
}

int sk_policy_told(const SkActor *actor, const json_t *results)
{
	json_auto_t *payload = NULL;
	char digest[SK_SHA256_HEX_SIZE];
	const json_t *result;
	int r;

	if (json_array_size(results) == 0)
		return 0;
	/* Mostly it is about something else, and the document is long. */
	r = is_open(actor);
	if (r <= 0)
		return r;
	r = sk_policy_document(actor->db, actor->terminal, &payload);
	if (r == 0)
		r = digest_of(payload, digest);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	result = find_result(results, digest);
	if (!result)
		return 0;
	if (sk_str_eq(sk_row_text(result, "outcome"), "applied"))
		return note_applied(actor);
	return note_refused(actor, payload, sk_row_text(result, "detail"));
}
