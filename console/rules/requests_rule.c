/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/requests_rule.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/reason/reason.h"

int sk_request_rule_parse(const json_t *json, SkApprovalRule *ret_rule)
{
	const json_t *steps = json_object_get(json, "steps");
	SkApprovalRule rule = {.single = json_is_true(json_object_get(json, "single"))};
	const json_t *step;
	size_t i;

	if (json_array_size(steps) > SK_APPROVAL_STEPS_MAX)
		return -EBADMSG;
	json_array_foreach (steps, i, step) {
		const char *group = json_string_value(json_object_get(step, "group"));
		json_int_t needed = json_integer_value(json_object_get(step, "needed"));

		if (needed < 1 || needed > SK_APPROVAL_DECISIONS_MAX)
			return -EBADMSG;
		rule.steps[rule.n_steps++] = (SkApprovalStep){group ? group : "", (unsigned)needed};
	}
	if (!sk_approval_rule_check(&rule))
		return -EBADMSG;
	*ret_rule = rule;
	return 0;
}

/* One step, any approver: what holds where a facility said nothing. */
static json_t *default_rule(void)
{
	return json_pack("{s:[{s:s, s:i}]}", "steps", "group", "", "needed", 1);
}

/* A rule that was stored and cannot be read is an error: the default might ask for less. */
static int load_rule(const char *text, json_t **ret_rule)
{
	json_auto_t *rule = NULL;
	SkApprovalRule parsed;

	if (!text || !*text) {
		*ret_rule = default_rule();
		return *ret_rule ? 0 : -ENOMEM;
	}
	rule = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!rule || sk_request_rule_parse(rule, &parsed) < 0)
		return -EBADMSG;
	*ret_rule = own_take(rule);
	return 0;
}

int sk_request_rule_of_facility(SkDb *db, const char *facility, char **ret_rule)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *rule = NULL;
	int r = sk_db_query(db, "SELECT approval_rule, single_person FROM facilities WHERE id = $1",
		SK_DB_ARGS(sk_db_text(facility)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	/* A clinic of one person has no second step to wait for, whatever was written before. */
	r = load_rule(sk_db_get_int(rows, 1) ? "" : sk_db_get_text(rows, 0), &rule);
	if (r < 0)
		return r;
	if (json_object_set_new(rule, "single", json_boolean(sk_db_get_int(rows, 1))) < 0)
		return -ENOMEM;
	*ret_rule = json_dumps(rule, JSON_COMPACT);
	return *ret_rule ? 0 : -ENOMEM;
}

static int load_groups(SkDb *db, const char *person, const char *facility, SkDecider *decider)
{
	own_rows SkDbRows *rows = NULL;
	size_t n = 0;
	int r = sk_db_query(db,
		"SELECT group_id FROM approval_group_members WHERE person_id = $1 AND facility_id = $2 "
		"ORDER BY group_id LIMIT 16",
		SK_DB_ARGS(sk_db_text(person), sk_db_text(facility)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		json_t *name = json_string(sk_db_get_text(rows, 0));

		if (!name || json_array_append_new(decider->names, name) < 0)
			return -ENOMEM;
		decider->groups[n++] = json_string_value(name);
		r = 0;
	}
	return r;
}

int sk_decider_init(const SkActor *actor, const char *facility, SkDecider *ret_decider)
{
	const char *person = actor->person ? actor->person : "";
	int64_t roles = 0;
	int r;

	*ret_decider = (SkDecider){.names = json_array()};
	if (!ret_decider->names)
		return -ENOMEM;
	r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM person_roles WHERE person_id = $1 AND role = 'approver' AND removed IS "
		"NULL "
		"AND (facility_id = $2 OR facility_id IS NULL)",
		SK_DB_ARGS(sk_db_text(person), sk_db_text(facility)), &roles);
	if (r == 0)
		r = load_groups(actor->db, person, facility, ret_decider);
	ret_decider->approver = (SkApprover){.person = person,
		.is_approver = roles > 0,
		.fresh_second_factor = actor->fresh,
		.groups = ret_decider->groups};
	return r;
}

void sk_decider_deinit(SkDecider *decider)
{
	json_decref(decider->names);
}

int sk_approval_reason(SkApprovalVerdict verdict)
{
	switch (verdict) {
	case SK_APPROVAL_MAY:
	case SK_APPROVAL_MAY_ALONE:
		return 0;
	case SK_APPROVAL_DECIDED:
		return SK_REQUEST_DECIDED;
	case SK_APPROVAL_NOT_APPROVER:
		return SK_ROLE_MISSING;
	case SK_APPROVAL_OWN_REQUEST:
		return SK_REQUEST_OWN;
	case SK_APPROVAL_OTHER_GROUP:
		return SK_REQUEST_OTHER_GROUP;
	case SK_APPROVAL_TWICE:
		return SK_REQUEST_DECIDED_BY_YOU;
	case SK_APPROVAL_SECOND_FACTOR:
		return SK_PROOF_NEEDED;
	}
	return -EINVAL;
}
