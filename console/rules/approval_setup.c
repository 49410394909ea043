/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/approval_setup.h"

#include <errno.h>
#include <string.h>

#include "console/rules/approval.h"
#include "console/rules/requests_rule.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, SK_COLUMN_READ_ONLY | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, SK_COLUMN_CREATE_ONLY | SK_COLUMN_FILTER, NULL},
	{"name", SK_COLUMN_TEXT, 0, NULL},
	{"created", SK_COLUMN_TIME, SK_COLUMN_READ_ONLY, NULL},
	{"version", SK_COLUMN_INT, SK_COLUMN_READ_ONLY, NULL},
};

const SkTable sk_approval_groups_table = {
	.name = "approval_groups", SK_COLUMNS(columns), .facility = "facility_id", .version = "version"};

int sk_approval_group_create(
	const SkActor *actor, const char *facility, const char *name, char ret_id[SK_ID_SIZE])
{
	int r;

	if (!sk_scope_has_facility(actor->scope, facility))
		return SK_NOT_FOUND;
	r = sk_table_insert(actor->db, &sk_approval_groups_table, actor->scope,
		&(SkWrite){SK_SETS({"facility_id", sk_db_text(facility)}, {"name", sk_db_text(name)},
			{"created", sk_db_int(actor->now)})},
		ret_id);
	if (r < 0)
		return r == -EEXIST ? SK_ALREADY_THERE : r;
	return sk_actor_record(actor, &(SkFact){"approval-group.created", facility, "approval-group", ret_id,
					      json_pack("{s:s}", "name", name)});
}

int sk_approval_group_people(SkDb *db, const char *group, json_t **ret_people)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *people = json_array();
	int r = people ? sk_db_query(db,
				 "SELECT person_id FROM approval_group_members WHERE group_id = $1 ORDER BY "
				 "person_id",
				 SK_DB_ARGS(sk_db_text(group)), &rows)
		       : -ENOMEM;

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(people, json_string(sk_db_get_text(rows, 0)));
	if (r == 0)
		*ret_people = own_take(people);
	return r;
}

static int add_member(const SkActor *actor, const char *group, const char *facility, const char *person)
{
	int64_t roles = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT COUNT(*) FROM person_roles WHERE person_id = $1 AND removed IS NULL AND (facility_id "
		"= "
		"$2 OR facility_id IS NULL)",
		SK_DB_ARGS(sk_db_text(person), sk_db_text(facility)), &roles);

	if (r < 0 || roles == 0)
		return r < 0 ? r : SK_NOT_FOUND;
	return sk_db_exec(actor->db,
		"INSERT INTO approval_group_members (group_id, person_id, facility_id, added, added_by) "
		"VALUES "
		"($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		SK_DB_ARGS(sk_db_text(group), sk_db_text(person), sk_db_text(facility), sk_db_int(actor->now),
			sk_db_text(actor->person)),
		NULL);
}

/* Each step names a group of this clinic that has as many members as it needs. */
static int check_steps(const SkActor *actor, const char *facility, const json_t *rule)
{
	SkApprovalRule parsed;

	if (sk_request_rule_parse(rule, &parsed) < 0)
		return SK_REQUEST_INVALID;
	for (size_t i = 0; i < parsed.n_steps; i++) {
		int64_t members = 0;
		int r;

		if (!*parsed.steps[i].group)
			continue;
		r = sk_db_query_int(actor->db,
			"SELECT COUNT(*) FROM approval_group_members WHERE group_id = $1 AND facility_id = "
			"$2",
			SK_DB_ARGS(sk_db_text(parsed.steps[i].group), sk_db_text(facility)), &members);
		if (r < 0 || members < parsed.steps[i].needed)
			return r < 0 ? r : SK_REQUEST_INVALID;
	}
	return 0;
}

int sk_approval_group_set(const SkActor *actor, const SkRowKey *key, const json_t *people)
{
	json_auto_t *row = NULL, *rule = NULL;
	const char *facility;
	const json_t *person;
	size_t i;
	int r = sk_table_read(actor->db, &sk_approval_groups_table, actor->scope, key->id, &row);

	if (r == 0)
		r = sk_table_update(actor->db, &sk_approval_groups_table, actor->scope, key,
			&(SkWrite){SK_SETS({"name", sk_db_text(sk_row_text(row, "name"))})});
	if (r == 0)
		r = sk_db_exec(actor->db, "DELETE FROM approval_group_members WHERE group_id = $1",
			SK_DB_ARGS(sk_db_text(key->id)), NULL);
	facility = sk_row_text(row, "facility");
	json_array_foreach (people, i, person)
		if (r == 0)
			r = add_member(actor, key->id, facility, json_string_value(person));
	if (r == 0)
		r = sk_approval_rule_read(actor, facility, &rule);
	if (r == 0)
		r = check_steps(actor, facility, rule);
	if (r != 0)
		return r;
	return sk_actor_record(actor, &(SkFact){"approval-group.changed", facility, "approval-group", key->id,
					      json_pack("{s:O}", "people", people)});
}

int sk_approval_rule_read(const SkActor *actor, const char *facility, json_t **ret_rule)
{
	json_auto_t *rule = NULL;
	own_free char *text = NULL;
	int64_t version = 0;
	int r = sk_scope_has_facility(actor->scope, facility) ? 0 : -ENOENT;

	if (r == 0)
		r = sk_request_rule_of_facility(actor->db, facility, &text);
	if (r == 0)
		r = sk_db_query_int(actor->db, "SELECT version FROM facilities WHERE id = $1",
			SK_DB_ARGS(sk_db_text(facility)), &version);
	if (r < 0)
		return r;
	rule = json_loads(text, 0, NULL);
	if (!rule || json_object_set_new(rule, "version", json_integer(version)) < 0)
		return -ENOMEM;
	*ret_rule = own_take(rule);
	return 0;
}

/* As the column has it; NULL: any approver, once. A clinic of one person has no second step to wait for. */
static int format_rule(const SkActor *actor, const SkApprovalSetting *setting, char **ret_text)
{
	json_auto_t *rule = json_pack("{s:O}", "steps", setting->steps);
	int r;

	if (!rule)
		return -ENOMEM;
	*ret_text = NULL;
	if (json_array_size(setting->steps) == 0)
		return 0;
	r = check_steps(actor, setting->facility.id, rule);
	if (r != 0)
		return r;
	*ret_text = json_dumps(rule, JSON_COMPACT);
	return *ret_text ? 0 : -ENOMEM;
}

int sk_approval_rule_set(const SkActor *actor, const SkApprovalSetting *setting)
{
	own_free char *text = NULL;
	int64_t changed = 0;
	int r;

	if (!sk_scope_has_facility(actor->scope, setting->facility.id))
		return SK_NOT_FOUND;
	r = format_rule(actor, setting, &text);
	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE facilities SET approval_rule = $2, single_person = $3, version = version + 1 "
			"WHERE id = $1 AND version = $4",
			SK_DB_ARGS(sk_db_text(setting->facility.id), sk_db_text(text),
				sk_db_int(setting->single), sk_db_int(setting->facility.version)),
			&changed);
	if (r != 0 || changed == 0)
		return r != 0 ? r : -ECANCELED;
	return sk_actor_record(
		actor, &(SkFact){"approval-rule.set", setting->facility.id, "facility", setting->facility.id,
			       json_pack("{s:b, s:O}", "single", setting->single, "steps", setting->steps)});
}
