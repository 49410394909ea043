/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policy_groups.h"

#include <errno.h>
#include <string.h>

#include "console/rules/policies.h"
#include "console/rules/tell.h"
#include "console/rules/terminals.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define S SK_COLUMN_SORT

static const SkColumn group_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"facility_id", SK_COLUMN_TEXT, SK_COLUMN_CREATE_ONLY | F, NULL},
	{"name", SK_COLUMN_TEXT, S, NULL},
	{"mode", SK_COLUMN_TEXT, R | F, NULL},
	{"policy_version_id", SK_COLUMN_TEXT, R | F, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_groups_table = {.name = "terminal_groups",
	SK_COLUMNS(group_columns),
	.facility = "facility_id",
	.version = "version"};

static const SkColumn state_columns[] = {
	{"terminal_id", SK_COLUMN_TEXT, R | S | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"policy_version_id", SK_COLUMN_TEXT, R | F, NULL},
	{"mode", SK_COLUMN_TEXT, R, NULL},
	{"serial", SK_COLUMN_INT, R, NULL},
	{"rollback", SK_COLUMN_BOOL, R, NULL},
	{"changed", SK_COLUMN_TIME, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"told", SK_COLUMN_TIME, R, NULL},
	{"error", SK_COLUMN_TEXT, R, NULL},
	{"running_version_id", SK_COLUMN_TEXT, R | F, NULL},
	{"running_mode", SK_COLUMN_TEXT, R, NULL},
};

const SkTable sk_terminal_policies_table = {.name = "terminal_policies",
	SK_COLUMNS(state_columns),
	.id = "terminal_id",
	.facility = "facility_id"};

static int record(
	const SkActor *actor, const char *facility, const char *group, const char *kind, json_t *body)
{
	return sk_actor_record(actor, &(SkFact){kind, facility, "group", group, body});
}

int sk_group_create(const SkActor *actor, const char *facility, const char *name, char ret_id[SK_ID_SIZE])
{
	int r = sk_table_insert(actor->db, &sk_groups_table, actor->scope,
		&(SkWrite){SK_SETS({"facility_id", sk_db_text(facility)}, {"name", sk_db_text(name)},
			{"created", sk_db_int(actor->now)})},
		ret_id);

	return r < 0 ? r : record(actor, facility, ret_id, "group.created", json_pack("{s:s}", "name", name));
}

int sk_group_rename(const SkActor *actor, const SkRowKey *key, const char *name)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_groups_table, actor->scope, key->id, &row);

	if (r == 0)
		r = sk_table_update(actor->db, &sk_groups_table, actor->scope, key,
			&(SkWrite){SK_SETS({"name", sk_db_text(name)})});
	return r < 0 ? r
		     : record(actor, sk_row_text(row, "facility"), key->id, "group.renamed",
			       json_pack("{s:s, s:s}", "before", sk_row_text(row, "name"), "name", name));
}

/*
 * Gives terminals a document. Who has just that already is left alone; a serial grows also when the clock was
 * put back; a version below what is there, or was told to be there, says that it goes back.
 */
/* Of a version; 0: none. */
#define NUMBER "COALESCE((SELECT number FROM policy_versions WHERE id = "
static const char given_again[] =
	" ON CONFLICT (terminal_id) DO UPDATE SET policy_version_id = excluded.policy_version_id, mode = "
	"excluded.mode, serial = CASE WHEN terminal_policies.serial >= excluded.serial THEN "
	"terminal_policies.serial + 1 ELSE excluded.serial END, changed = excluded.changed, state = 'sent', "
	"told = NULL, error = '', rollback = CASE WHEN " NUMBER "excluded.policy_version_id), 0) < " NUMBER
	"terminal_policies.policy_version_id), 0) OR " NUMBER "excluded.policy_version_id), 0) < " NUMBER
	"terminal_policies.running_version_id), 0) THEN 1 ELSE 0 END WHERE "
	"COALESCE(terminal_policies.policy_version_id, '') <> COALESCE(excluded.policy_version_id, '') OR "
	"terminal_policies.mode <> excluded.mode OR terminal_policies.state = 'refused'";

/* given: a constant, the columns of the version and the mode. What follows is FROM, with t for the terminals,
 * and a condition. */
static int start_giving(const SkActor *actor, const char *given, SkSql **ret_sql)
{
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(actor->db,
		"INSERT INTO terminal_policies (terminal_id, facility_id, policy_version_id, mode, serial, "
		"changed) "
		"SELECT t.id, t.facility_id, ",
		&sql);

	if (r < 0)
		return r;
	sk_sql_add_text(sql, given);
	sk_sql_add(sql, ", ");
	sk_sql_value(sql, sk_db_int(actor->now));
	sk_sql_add(sql, ", ");
	sk_sql_value(sql, sk_db_int(actor->now));
	*ret_sql = own_take(sql);
	return 0;
}

/* sql: of start_giving(), whole. */
static int give(const SkActor *actor, SkSql *sql)
{
	int r;

	sk_sql_add_text(sql, given_again);
	r = sk_sql_exec(sql, NULL);
	if (r < 0)
		return r;
	return sk_tell(actor, &(SkAudience){.given = true, .same = SK_SAME_GRANTS | SK_SAME_REVOCATIONS});
}

/* Terminals have what their group has. condition: a column of terminals that has the value. */
static int give_by_group(const SkActor *actor, const char *column, const char *value)
{
	own_sql SkSql *sql = NULL;
	int r = start_giving(actor, "g.policy_version_id, g.mode", &sql);

	if (r < 0)
		return r;
	sk_sql_add(sql, " FROM terminals t JOIN terminal_groups g ON g.id = t.group_id WHERE t.state = "
			"'enrolled' AND g.policy_version_id IS NOT NULL AND ");
	sk_sql_name(sql, column);
	sk_sql_add(sql, " = ");
	sk_sql_value(sql, sk_db_text(value));
	return give(actor, sql);
}

int sk_policy_give_terminal(const SkActor *actor, const char *terminal)
{
	return give_by_group(actor, "t.id", terminal);
}

int sk_policy_give_stage(const SkActor *actor, const char *rollout, int64_t stage)
{
	own_sql SkSql *sql = NULL;
	int r = start_giving(actor, "o.policy_version_id, COALESCE(o.mode, p.mode, g.mode)", &sql);

	if (r < 0)
		return r;
	sk_sql_add(sql,
		" FROM rollout_terminals r JOIN rollouts o ON o.id = r.rollout_id JOIN terminals t ON t.id = "
		"r.terminal_id JOIN terminal_groups g ON g.id = t.group_id LEFT JOIN terminal_policies p ON "
		"p.terminal_id = t.id WHERE t.state = 'enrolled' AND r.stage = ");
	sk_sql_value(sql, sk_db_int(stage));
	sk_sql_add(sql, " AND r.rollout_id = ");
	sk_sql_value(sql, sk_db_text(rollout));
	return give(actor, sql);
}

int sk_policy_give_back(const SkActor *actor, const char *rollout)
{
	own_sql SkSql *sql = NULL;
	int r = start_giving(actor, "r.previous_version_id, COALESCE(r.previous_mode, g.mode)", &sql);

	if (r < 0)
		return r;
	sk_sql_add(sql,
		" FROM rollout_terminals r JOIN terminals t ON t.id = r.terminal_id JOIN terminal_groups g "
		"ON g.id = t.group_id WHERE t.state = 'enrolled' AND r.state <> 'waiting' AND r.rollout_id "
		"= ");
	sk_sql_value(sql, sk_db_text(rollout));
	return give(actor, sql);
}

int sk_group_read(const SkActor *actor, const char *group, SkGroupPolicy *ret_policy)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_groups_table, actor->scope, group, &row);

	if (r < 0)
		return r;
	sk_str_copy(ret_policy->policy_version, sizeof(ret_policy->policy_version),
		sk_row_text(row, "policyVersion"));
	sk_str_copy(ret_policy->facility, sizeof(ret_policy->facility), sk_row_text(row, "facility"));
	sk_str_copy(ret_policy->mode, sizeof(ret_policy->mode), sk_row_text(row, "mode"));
	return 0;
}

int sk_group_set(const SkActor *actor, const char *group, const SkGroupPolicy *policy)
{
	const char *version = policy->policy_version[0] ? policy->policy_version : NULL;

	return sk_table_update(actor->db, &sk_groups_table, actor->scope, &(SkRowKey){.id = group},
		&(SkWrite){SK_SETS(
			{"policy_version_id", sk_db_text(version)}, {"mode", sk_db_text(policy->mode)})});
}

int sk_group_is_in_rollout(const SkActor *actor, const char *group)
{
	char pattern[SK_ID_SIZE + 4];
	int64_t count = 0;
	int r;

	/* groups: JSON, an array of ids. */
	sk_str_format(pattern, sizeof(pattern), "%%\"%s\"%%", group);
	r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM rollouts WHERE state IN ('running', 'paused', 'stopped') AND groups "
		"LIKE $1",
		SK_DB_ARGS(sk_db_text(pattern)), &count);
	return r < 0 ? r : count > 0;
}

static int check_published(const SkActor *actor, const char *facility, const char *version)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_policy_versions_table, actor->scope, version, &row);

	if (r < 0)
		return r;
	if (!sk_str_eq(sk_row_text(row, "facility"), facility))
		return SK_NOT_FOUND;
	return sk_str_eq(sk_row_text(row, "state"), "published") ? 0 : SK_POLICY_NOT_PUBLISHED;
}

int sk_group_assign(const SkActor *actor, const SkRowKey *key, const SkGroupOrder *order)
{
	SkGroupPolicy policy;
	int r = sk_group_read(actor, key->id, &policy);

	if (r == 0 && order->policy_version)
		r = check_published(actor, policy.facility, order->policy_version);
	if (r == 0)
		r = sk_group_is_in_rollout(actor, key->id);
	if (r != 0)
		return r == 1 ? SK_GROUP_IN_ROLLOUT : r;
	if (order->policy_version)
		sk_str_copy(policy.policy_version, sizeof(policy.policy_version), order->policy_version);
	if (order->mode)
		sk_str_copy(policy.mode, sizeof(policy.mode), order->mode);
	r = sk_table_update(actor->db, &sk_groups_table, actor->scope, key,
		&(SkWrite){SK_SETS(
			{"policy_version_id",
				policy.policy_version[0] ? sk_db_text(policy.policy_version) : sk_db_null()},
			{"mode", sk_db_text(policy.mode)})});
	if (r == 0)
		r = give_by_group(actor, "t.group_id", key->id);
	return r < 0 ? r
		     : record(actor, policy.facility, key->id, "group.policy",
			       json_pack(
				       "{s:s, s:s}", "version", policy.policy_version, "mode", policy.mode));
}

int sk_terminal_move(const SkActor *actor, const SkRowKey *key, const char *group)
{
	json_auto_t *row = NULL;
	SkGroupPolicy policy;
	int r = sk_table_read(actor->db, &sk_terminals_table, actor->scope, key->id, &row);

	if (r == 0)
		r = sk_group_read(actor, group, &policy);
	if (r < 0)
		return r;
	if (!sk_str_eq(sk_row_text(row, "facility"), policy.facility))
		return SK_NOT_FOUND;
	if (!sk_str_eq(sk_row_text(row, "state"), "enrolled"))
		return SK_TERMINAL_RETIRED;
	r = sk_group_is_in_rollout(actor, group);
	if (r == 0)
		r = sk_group_is_in_rollout(actor, sk_row_text(row, "group"));
	if (r != 0)
		return r == 1 ? SK_GROUP_IN_ROLLOUT : r;
	r = sk_table_update(actor->db, &sk_terminals_table, actor->scope, key,
		&(SkWrite){SK_SETS({"group_id", sk_db_text(group)})});
	if (r == 0)
		r = sk_policy_give_terminal(actor, key->id);
	/* Grants are of groups, too. */
	if (r == 0)
		r = sk_tell(actor, &(SkAudience){.terminal = key->id});
	return r < 0 ? r
		     : sk_actor_record(
			       actor, &(SkFact){"terminal.moved", policy.facility, "terminal", key->id,
					      json_pack("{s:s, s:s}", "before", sk_row_text(row, "group"),
						      "group", group)});
}
