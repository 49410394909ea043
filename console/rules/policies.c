/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policies.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define S SK_COLUMN_SORT

static const SkColumn policy_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"facility_id", SK_COLUMN_TEXT, SK_COLUMN_CREATE_ONLY | F, NULL},
	{"name", SK_COLUMN_TEXT, S, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_policies_table = {
	.name = "policies", SK_COLUMNS(policy_columns), .facility = "facility_id", .version = "version"};

static const SkColumn version_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"policy_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"number", SK_COLUMN_INT, R | S, NULL},
	{"files", SK_COLUMN_JSON, R | SK_COLUMN_LONG, NULL},
	{"digest", SK_COLUMN_BYTES, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"note", SK_COLUMN_TEXT, 0, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"checked", SK_COLUMN_TIME, R, NULL},
	{"warnings", SK_COLUMN_JSON, R | SK_COLUMN_LONG, NULL},
	{"published", SK_COLUMN_TIME, R, NULL},
	{"published_by", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_policy_versions_table = {.name = "policy_versions",
	SK_COLUMNS(version_columns),
	.facility = "facility_id",
	.version = "version"};

static int record(const SkActor *actor, const json_t *row, const char *kind, json_t *body)
{
	return sk_actor_record(actor, &(SkFact){kind, sk_row_text(row, "facility"), "policy-version",
					      sk_row_text(row, "id"), body});
}

int sk_policy_create(const SkActor *actor, const char *facility, const char *name, char ret_id[SK_ID_SIZE])
{
	int r = sk_table_insert(actor->db, &sk_policies_table, actor->scope,
		&(SkWrite){SK_SETS({"facility_id", sk_db_text(facility)}, {"name", sk_db_text(name)},
			{"created", sk_db_int(actor->now)})},
		ret_id);

	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){"policy.created", facility, "policy", ret_id,
						      json_pack("{s:s}", "name", name)});
}

/* Terminals and groups that have it or are to have it, and roll-outs that may still give it. */
static int count_uses(const SkActor *actor, bool of_policy, const char *id, int64_t *ret_uses)
{
	static const char of_version_sql[] =
		"SELECT (SELECT count(*) FROM terminal_policies WHERE policy_version_id = $1) + (SELECT "
		"count(*) FROM terminal_groups WHERE policy_version_id = $1) + (SELECT count(*) FROM "
		"rollouts "
		"WHERE state IN ('running', 'paused', 'stopped') AND policy_version_id = $1)";
	static const char of_policy_sql[] =
		"SELECT (SELECT count(*) FROM terminal_policies p JOIN policy_versions v ON v.id = "
		"p.policy_version_id WHERE v.policy_id = $1) + (SELECT count(*) FROM terminal_groups g JOIN "
		"policy_versions v ON v.id = g.policy_version_id WHERE v.policy_id = $1)";

	return sk_db_query_int(
		actor->db, of_policy ? of_policy_sql : of_version_sql, SK_DB_ARGS(sk_db_text(id)), ret_uses);
}

int sk_policy_retire(const SkActor *actor, const SkRowKey *key)
{
	json_auto_t *row = NULL;
	int64_t uses = 0;
	int r = sk_table_read(actor->db, &sk_policies_table, actor->scope, key->id, &row);

	if (r == 0)
		r = count_uses(actor, true, key->id, &uses);
	if (r < 0)
		return r;
	if (uses > 0)
		return SK_POLICY_IN_USE;
	r = sk_table_update(actor->db, &sk_policies_table, actor->scope, key,
		&(SkWrite){SK_SETS({"state", sk_db_text("retired")})});
	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){"policy.retired", sk_row_text(row, "facility"),
						      "policy", key->id, json_object()});
}

/* The text as it is stored, and its digest. */
typedef struct Stored {
	char *text;
	uint8_t digest[SK_SHA256_SIZE];
} Stored;

static int store(const json_t *files, Stored *stored)
{
	stored->text = json_dumps(files, JSON_COMPACT);
	if (!stored->text)
		return -ENOMEM;
	sk_sha256(stored->digest, stored->text, strlen(stored->text));
	return 0;
}

static int next_number(const SkActor *actor, const char *policy, int64_t *ret_number)
{
	int r = sk_db_query_int(actor->db,
		"SELECT COALESCE(max(number), 0) FROM policy_versions WHERE policy_id = $1",
		SK_DB_ARGS(sk_db_text(policy)), ret_number);

	++*ret_number;
	return r;
}

int sk_policy_draft(
	const SkActor *actor, const char *policy, const SkPolicyDraft *draft, char ret_id[SK_ID_SIZE])
{
	json_auto_t *row = NULL;
	own_free char *text = NULL;
	Stored stored = {NULL};
	int64_t number = 0;
	int r = sk_table_read(actor->db, &sk_policies_table, actor->scope, policy, &row);

	if (r == 0 && !sk_str_eq(sk_row_text(row, "state"), "active"))
		return SK_POLICY_IN_USE;
	if (r == 0)
		r = next_number(actor, policy, &number);
	if (r == 0)
		r = store(draft->files, &stored);
	text = stored.text;
	if (r == 0)
		r = sk_table_insert(actor->db, &sk_policy_versions_table, actor->scope,
			&(SkWrite){SK_SETS({"policy_id", sk_db_text(policy)},
				{"facility_id", sk_db_text(sk_row_text(row, "facility"))},
				{"number", sk_db_int(number)}, {"files", sk_db_text(text)},
				{"digest", sk_db_bytes(stored.digest, sizeof(stored.digest))},
				{"note", sk_db_text(draft->note ? draft->note : "")},
				{"created", sk_db_int(actor->now)},
				{"created_by", sk_db_text(actor->person)})},
			ret_id);
	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){"policy.drafted", sk_row_text(row, "facility"),
						      "policy-version", ret_id,
						      json_pack("{s:s, s:I}", "policy", policy, "number",
							      (json_int_t)number)});
}

int sk_policy_change(const SkActor *actor, const SkRowKey *key, const SkPolicyDraft *draft)
{
	json_auto_t *row = NULL;
	own_free char *text = NULL;
	Stored stored = {NULL};
	int r = sk_table_read(actor->db, &sk_policy_versions_table, actor->scope, key->id, &row);

	if (r == 0 && !sk_str_eq(sk_row_text(row, "state"), "draft"))
		return SK_POLICY_PUBLISHED;
	if (r == 0)
		r = store(draft->files, &stored);
	text = stored.text;
	if (r == 0)
		r = sk_table_update(actor->db, &sk_policy_versions_table, actor->scope, key,
			&(SkWrite){SK_SETS({"files", sk_db_text(text)},
				{"digest", sk_db_bytes(stored.digest, sizeof(stored.digest))},
				{"note", sk_db_text(draft->note ? draft->note : sk_row_text(row, "note"))},
				{"checked", sk_db_null()}, {"warnings", sk_db_text("[]")})});
	return r < 0 ? r : record(actor, row, "policy.changed", json_object());
}

int sk_policy_read_files(const SkActor *actor, const char *version, json_t **ret_row, json_t **ret_files)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_policy_versions_table, actor->scope, version, &row);

	if (r < 0)
		return r;
	*ret_files = json_incref(json_object_get(row, "files"));
	*ret_row = own_take(row);
	return 0;
}

static int note_check(const SkActor *actor, const SkRowKey *key, const json_t *warnings)
{
	own_free char *text = json_dumps(warnings, JSON_COMPACT);

	if (!text)
		return -ENOMEM;
	return sk_table_update(actor->db, &sk_policy_versions_table, actor->scope, key,
		&(SkWrite){SK_SETS({"checked", sk_db_int(actor->now)}, {"warnings", sk_db_text(text)})});
}

int sk_policy_check(const SkActor *actor, const SkRowKey *key, SkPolicyReview *ret_review)
{
	json_auto_t *row = NULL, *files = NULL;
	own_policy_review SkPolicyReview review = {NULL, NULL};
	int r = sk_policy_read_files(actor, key->id, &row, &files);

	if (r == 0)
		r = sk_policy_review(files, &review, NULL);
	if (r == 0 && json_array_size(review.errors) > 0)
		r = SK_POLICY_HAS_ERRORS;
	else if (r == 0 && sk_str_eq(sk_row_text(row, "state"), "draft"))
		r = note_check(actor, key, review.warnings);
	if (r < 0)
		return r;
	/* A transaction that is run again judges again. */
	sk_policy_review_deinit(ret_review);
	*ret_review = review;
	review = (SkPolicyReview){NULL, NULL};
	return r;
}

int sk_policy_publish(const SkActor *actor, const SkRowKey *key)
{
	json_auto_t *row = NULL, *files = NULL;
	own_policy_review SkPolicyReview review = {NULL, NULL};
	int r = sk_policy_read_files(actor, key->id, &row, &files);

	if (r == 0 && !sk_str_eq(sk_row_text(row, "state"), "draft"))
		return SK_POLICY_PUBLISHED;
	if (r == 0 && !*sk_row_text(row, "checked"))
		return SK_POLICY_NOT_CHECKED;
	/* The program may be a newer one than at the check. */
	if (r == 0)
		r = sk_policy_review(files, &review, NULL);
	if (r == 0 && json_array_size(review.errors) > 0)
		return SK_POLICY_HAS_ERRORS;
	if (r == 0)
		r = sk_table_update(actor->db, &sk_policy_versions_table, actor->scope, key,
			&(SkWrite){SK_SETS({"state", sk_db_text("published")},
				{"published", sk_db_int(actor->now)},
				{"published_by", sk_db_text(actor->person)})});
	return r < 0 ? r
		     : record(actor, row, "policy.published",
			       json_pack("{s:s, s:O, s:s, s:i}", "policy", sk_row_text(row, "policy"),
				       "number", json_object_get(row, "number"), "digest",
				       sk_row_text(row, "digest"), "warnings",
				       (int)json_array_size(review.warnings)));
}

int sk_policy_withdraw(const SkActor *actor, const SkRowKey *key, const char *reason)
{
	json_auto_t *row = NULL;
	int64_t uses = 0;
	int r = sk_table_read(actor->db, &sk_policy_versions_table, actor->scope, key->id, &row);

	if (r == 0)
		r = count_uses(actor, false, key->id, &uses);
	if (r < 0)
		return r;
	if (sk_str_eq(sk_row_text(row, "state"), "withdrawn"))
		return SK_POLICY_NOT_PUBLISHED;
	if (uses > 0)
		return SK_POLICY_IN_USE;
	r = sk_table_update(actor->db, &sk_policy_versions_table, actor->scope, key,
		&(SkWrite){SK_SETS({"state", sk_db_text("withdrawn")})});
	return r < 0 ? r : record(actor, row, "policy.withdrawn", json_pack("{s:s}", "reason", reason));
}
