/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policy_rollout.h"

#include <errno.h>

#include "console/rules/policies.h"
#include "console/rules/policy_groups.h"
#include "console/rules/policy_rollout_inside.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define HOUR_MS INT64_C(3600000)

static const SkColumn rollout_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"policy_version_id", SK_COLUMN_TEXT, R | F, NULL},
	{"mode", SK_COLUMN_TEXT, R, NULL},
	{"groups", SK_COLUMN_JSON, R, NULL},
	{"stages", SK_COLUMN_JSON, R, NULL},
	{"stop_at", SK_COLUMN_JSON, R, NULL},
	{"stage", SK_COLUMN_INT, R, NULL},
	{"stage_since", SK_COLUMN_TIME, R, NULL},
	{"stage_until", SK_COLUMN_TIME, R, NULL},
	{"judged_since", SK_COLUMN_TIME, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"reason", SK_COLUMN_TEXT, R, NULL},
	{"counted", SK_COLUMN_INT, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"ended", SK_COLUMN_TIME, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_rollouts_table = {
	.name = "rollouts", SK_COLUMNS(rollout_columns), .facility = "facility_id", .version = "version"};

static const SkColumn terminal_columns[] = {
	{"terminal_id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"rollout_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R, NULL},
	{"stage", SK_COLUMN_INT, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"previous_version_id", SK_COLUMN_TEXT, R, NULL},
	{"previous_mode", SK_COLUMN_TEXT, R, NULL},
	{"sent", SK_COLUMN_TIME, R, NULL},
	{"changed", SK_COLUMN_TIME, R, NULL},
	{"refusals", SK_COLUMN_INT, R, NULL},
	{"error", SK_COLUMN_TEXT, R, NULL},
};

const SkTable sk_rollout_terminals_table = {.name = "rollout_terminals",
	SK_COLUMNS(terminal_columns),
	.id = "terminal_id",
	.facility = "facility_id"};

int rollout_record(const SkActor *actor, const json_t *row, const char *kind, json_t *body)
{
	return sk_actor_record(actor,
		&(SkFact){kind, sk_row_text(row, "facility"), "rollout", sk_row_text(row, "id"), body});
}

static int set_state(const SkActor *actor, const SkRowKey *key, const char *state, const char *reason)
{
	return sk_table_update(actor->db, &sk_rollouts_table, actor->scope, key,
		&(SkWrite){SK_SETS({"state", sk_db_text(state)}, {"reason", sk_db_text(reason)})});
}

/* Return: 0; SK_NOT_FOUND, SK_GROUP_IN_ROLLOUT; others. */
static int check_groups(const SkActor *actor, const char *facility, const json_t *groups)
{
	const json_t *group;
	SkGroupPolicy policy;
	size_t i;
	int r = 0;

	json_array_foreach (groups, i, group) {
		r = sk_group_read(actor, json_string_value(group), &policy);
		if (r == 0 && !sk_str_eq(policy.facility, facility))
			r = SK_NOT_FOUND;
		if (r == 0)
			r = sk_group_is_in_rollout(actor, json_string_value(group));
		if (r != 0)
			return r == 1 ? SK_GROUP_IN_ROLLOUT : r;
	}
	return r;
}

static int check_order(const SkActor *actor, const json_t *fields)
{
	const char *facility = sk_row_text(fields, "facility");
	json_auto_t *version = NULL;
	int r = sk_table_read(actor->db, &sk_policy_versions_table, actor->scope,
		sk_row_text(fields, "policyVersion"), &version);

	if (r < 0)
		return r;
	if (!sk_str_eq(sk_row_text(version, "facility"), facility))
		return SK_NOT_FOUND;
	if (!sk_str_eq(sk_row_text(version, "state"), "published"))
		return SK_POLICY_NOT_PUBLISHED;
	return check_groups(actor, facility, json_object_get(fields, "groups"));
}

static int insert(const SkActor *actor, const json_t *fields, char ret_id[SK_ID_SIZE])
{
	const char *mode = json_string_value(json_object_get(fields, "mode"));
	const json_t *limits = json_object_get(fields, "stopAt");
	own_free char *groups = json_dumps(json_object_get(fields, "groups"), JSON_COMPACT);
	own_free char *stages = json_dumps(json_object_get(fields, "stages"), JSON_COMPACT);
	own_free char *stop_at = limits ? json_dumps(limits, JSON_COMPACT) : strdup("{}");

	if (!groups || !stages || !stop_at)
		return -ENOMEM;
	return sk_table_insert(actor->db, &sk_rollouts_table, actor->scope,
		&(SkWrite){SK_SETS({"facility_id", sk_db_text(sk_row_text(fields, "facility"))},
			{"policy_version_id", sk_db_text(sk_row_text(fields, "policyVersion"))},
			{"mode", sk_db_text(mode)}, {"groups", sk_db_text(groups)},
			{"stages", sk_db_text(stages)}, {"stop_at", sk_db_text(stop_at)},
			{"state", sk_db_text("running")}, {"created", sk_db_int(actor->now)},
			{"created_by", sk_db_text(actor->person)}, {"judged_since", sk_db_int(actor->now)})},
		ret_id);
}

int sk_rollout_start(const SkActor *actor, const json_t *fields, char ret_id[SK_ID_SIZE])
{
	json_auto_t *row = NULL;
	int64_t count = 0;
	int r = check_order(actor, fields);

	if (r == 0)
		r = insert(actor, fields, ret_id);
	if (r == 0)
		r = rollout_assign_stages(actor, ret_id, fields, &count);
	if (r == 0)
		r = sk_table_update(actor->db, &sk_rollouts_table, actor->scope, &(SkRowKey){.id = ret_id},
			&(SkWrite){SK_SETS({"counted", sk_db_int(count)})});
	if (r == 0)
		r = sk_table_read(actor->db, &sk_rollouts_table, actor->scope, ret_id, &row);
	if (r == 0)
		r = rollout_record(actor, row, "rollout.started",
			json_pack("{s:s, s:O, s:I}", "version", sk_row_text(row, "policyVersion"), "stages",
				json_object_get(row, "stages"), "terminals", (json_int_t)count));
	return r != 0 ? r : rollout_advance(actor, ret_id);
}

/* A change of state by a person. from: the states that it may have, "" ends them. */
static int change(const SkActor *actor, const SkRowKey *key, const char *const *from, json_t **ret_row)
{
	int r = sk_table_read(actor->db, &sk_rollouts_table, actor->scope, key->id, ret_row);

	if (r < 0)
		return r;
	for (; **from; from++)
		if (sk_str_eq(sk_row_text(*ret_row, "state"), *from))
			return 0;
	return SK_ROLLOUT_NOT_POSSIBLE;
}

int sk_rollout_pause(const SkActor *actor, const SkRowKey *key, const char *reason)
{
	static const char *const from[] = {"running", ""};
	json_auto_t *row = NULL;
	int r = change(actor, key, from, &row);

	if (r == 0)
		r = set_state(actor, key, "paused", reason);
	return r != 0 ? r
		      : rollout_record(actor, row, "rollout.paused", json_pack("{s:s}", "reason", reason));
}

int sk_rollout_resume(const SkActor *actor, const SkRowKey *key, const char *reason)
{
	static const char *const from[] = {"paused", "stopped", ""};
	json_auto_t *row = NULL;
	int r = change(actor, key, from, &row);

	/* What was looked at and found good enough does not stop it again. */
	if (r == 0 && sk_str_eq(sk_row_text(row, "state"), "stopped")) {
		r = sk_db_exec(actor->db, "UPDATE rollout_terminals SET refusals = 0 WHERE rollout_id = $1",
			SK_DB_ARGS(sk_db_text(key->id)), NULL);
		if (r == 0)
			r = sk_db_exec(actor->db, "UPDATE rollouts SET judged_since = $2 WHERE id = $1",
				SK_DB_ARGS(sk_db_text(key->id), sk_db_int(actor->now)), NULL);
	}
	if (r == 0)
		r = set_state(actor, key, "running", "");
	return r != 0 ? r
		      : rollout_record(actor, row, "rollout.resumed", json_pack("{s:s}", "reason", reason));
}

/* What the group had before, which its terminals still know. */
static int restore_group(const SkActor *actor, const char *rollout, const char *group)
{
	own_rows SkDbRows *rows = NULL;
	SkGroupPolicy policy = {.policy_version = ""};
	int r = sk_db_query(actor->db,
		"SELECT x.previous_version_id, x.previous_mode FROM rollout_terminals x JOIN terminals t ON "
		"t.id = x.terminal_id WHERE x.rollout_id = $1 AND t.group_id = $2 ORDER BY x.terminal_id "
		"LIMIT 1",
		SK_DB_ARGS(sk_db_text(rollout), sk_db_text(group)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	if (!sk_db_is_null(rows, 0))
		sk_str_copy(policy.policy_version, sizeof(policy.policy_version), sk_db_get_text(rows, 0));
	sk_str_copy(policy.mode, sizeof(policy.mode), sk_db_get_text(rows, 1));
	sk_db_rows_free(own_take(rows));
	return sk_group_set(actor, group, &policy);
}

/* After its end the groups have the version; somebody may have given them another one since. */
static int restore_groups(const SkActor *actor, const json_t *row)
{
	const json_t *groups = json_object_get(row, "groups"), *group;
	SkGroupPolicy policy;
	size_t i;
	int r = 0;

	json_array_foreach (groups, i, group) {
		r = sk_group_read(actor, json_string_value(group), &policy);
		if (r == 0 && !sk_str_eq(policy.policy_version, sk_row_text(row, "policyVersion")))
			return SK_ROLLOUT_NOT_POSSIBLE;
		if (r == 0)
			r = sk_group_is_in_rollout(actor, json_string_value(group));
		if (r == 0)
			r = restore_group(actor, sk_row_text(row, "id"), json_string_value(group));
		if (r != 0)
			return r == 1 ? SK_GROUP_IN_ROLLOUT : r;
	}
	return r;
}

int sk_rollout_back(const SkActor *actor, const SkRowKey *key, const char *reason)
{
	static const char *const from[] = {"running", "paused", "stopped", "done", ""};
	json_auto_t *row = NULL;
	int r = change(actor, key, from, &row);

	if (r == 0 && sk_str_eq(sk_row_text(row, "state"), "done"))
		r = restore_groups(actor, row);
	if (r == 0)
		r = sk_policy_give_back(actor, key->id);
	if (r == 0)
		r = sk_table_update(actor->db, &sk_rollouts_table, actor->scope, key,
			&(SkWrite){
				SK_SETS({"state", sk_db_text("rolled-back")}, {"reason", sk_db_text(reason)},
					{"ended", sk_db_int(actor->now)}, {"stage_until", sk_db_null()})});
	return r != 0 ? r
		      : rollout_record(
				actor, row, "rollout.rolled-back", json_pack("{s:s}", "reason", reason));
}
