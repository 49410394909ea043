/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/ledger.h"

#include <errno.h>
#include <string.h>

#include "console/rules/grants.h"
#include "console/rules/inspection.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define STOCK_DAYS 90 /* as in the schema */

/* One line of the history of handling. */
typedef struct Entry {
	const json_t *medium; /* its row, before */
	const char *action;
	const char *from, *to; /* states; NULL: not a transition */
	const char *reason;    /* NULL: none */
	const char *request;
	const json_t *changes; /* NULL: none */
} Entry;

static int add_history(const SkActor *actor, const Entry *entry)
{
	own_free char *changes = json_dumps(entry->changes, JSON_COMPACT);
	char id[SK_ID_SIZE];
	const SkWrite write = {SK_SETS({"medium_id", sk_db_text(sk_row_text(entry->medium, "id"))},
		{"facility_id", sk_db_text(sk_row_text(entry->medium, "facility"))},
		{"action", sk_db_text(entry->action)}, {"from_state", sk_db_text(entry->from)},
		{"to_state", sk_db_text(entry->to)}, {"at", sk_db_int(actor->now)},
		{"person_id", sk_db_text(actor->person)}, {"second_person_id", sk_db_text(actor->second)},
		{"terminal_id", sk_db_text(actor->terminal)}, {"request_id", sk_db_text(entry->request)},
		{"reason", sk_db_text(entry->reason ? entry->reason : "")},
		{"changes", sk_db_text(changes ? changes : "{}")})};

	return sk_table_insert(actor->db, &sk_media_history_table, actor->scope, &write, id);
}

static int add_record(const SkActor *actor, const Entry *entry)
{
	char kind[64];

	sk_str_format(kind, sizeof(kind), "medium.%s", entry->action);
	return sk_actor_record(
		actor, &(SkFact){.kind = kind,
			       .facility = sk_row_text(entry->medium, "facility"),
			       .subject_kind = "medium",
			       .subject = sk_row_text(entry->medium, "id"),
			       .body = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:O*}", "number",
				       sk_row_text(entry->medium, "number"), "from", entry->from, "to",
				       entry->to, "reason", entry->reason, "request", entry->request,
				       "secondPerson", actor->second, "changes", entry->changes)});
}

static int add_entry(const SkActor *actor, const Entry *entry)
{
	int r = add_history(actor, entry);

	return r < 0 ? r : add_record(actor, entry);
}

/* A statement that fails ends the transaction, and an import wants to go on: so it is asked first. */
static int check_number(SkDb *db, const char *facility, const char *number)
{
	int64_t there;
	int r = sk_db_query_int(db, "SELECT count(*) FROM media WHERE facility_id = $1 AND number = $2",
		SK_DB_ARGS(sk_db_text(facility), sk_db_text(number)), &there);

	return r < 0 ? r : there > 0 ? SK_ALREADY_THERE : 0;
}

int sk_ledger_register(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE])
{
	json_int_t days = json_integer_value(json_object_get(fields, "stockDays"));
	json_auto_t *row = NULL;
	const SkWrite write = {.fields = fields,
		SK_SETS({"state", sk_db_text(sk_medium_state_name(SK_MEDIUM_IN_STOCK))},
			{"state_since", sk_db_int(actor->now)}, {"mode", sk_db_text("none")},
			{"created", sk_db_int(actor->now)}, {"last_seen", sk_db_int(actor->now)},
			{"overdue_from", sk_db_int(actor->now + (days ? days : STOCK_DAYS) * DAY_MS)})};
	int r = check_number(actor->db, sk_row_text(fields, "facility"), sk_row_text(fields, "number"));

	if (r == 0)
		r = sk_table_insert(actor->db, &sk_media_table, actor->scope, &write, ret_id);
	if (r == 0)
		r = sk_table_read(actor->db, &sk_media_table, actor->scope, ret_id, &row);
	if (r != 0)
		return r;
	return add_entry(actor,
		&(Entry){
			.medium = row, .action = "register", .to = sk_medium_state_name(SK_MEDIUM_IN_STOCK)});
}

/* {field: [before, after]} of what differs; what was missing before is null. */
static json_t *differences(const json_t *before, json_t *fields)
{
	json_t *changes = json_object();
	const char *name;
	json_t *after;

	json_object_foreach (fields, name, after) {
		json_t *old = json_object_get(before, name);

		if (sk_str_eq(name, "version") || (old && json_equal(old, after)))
			continue;
		json_object_set_new(changes, name, json_pack("[O?, O]", old, after));
	}
	return changes;
}

static int update_overdue(SkDb *db, const char *medium)
{
	return sk_db_exec(db,
		"UPDATE media SET overdue_from = last_seen + stock_days * 86400000 "
		"WHERE id = $1 AND last_seen IS NOT NULL",
		SK_DB_ARGS(sk_db_text(medium)), NULL);
}

int sk_ledger_change(const SkActor *actor, const SkRowKey *key, json_t *fields)
{
	json_auto_t *before = NULL, *changes = NULL;
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, key->id, &before);

	if (r < 0)
		return r;
	changes = differences(before, fields);
	if (!changes)
		return -ENOMEM;
	if (json_object_get(changes, "number"))
		r = check_number(actor->db, sk_row_text(before, "facility"), sk_row_text(fields, "number"));
	if (r == 0)
		r = sk_table_update(
			actor->db, &sk_media_table, actor->scope, key, &(SkWrite){.fields = fields});
	if (r == 0 && json_object_get(changes, "stockDays"))
		r = update_overdue(actor->db, key->id);
	if (r != 0 || json_object_size(changes) == 0)
		return r;
	return add_entry(actor, &(Entry){.medium = before, .action = "change", .changes = changes});
}

/* What the transition asks for and was not given, or 0. */
static int check_asked(const SkActor *actor, const SkMediumStep *step, unsigned asks)
{
	if (asks & SK_LIFE_REQUEST && !step->request)
		return SK_MEDIUM_IN_REQUEST;
	if (asks & SK_LIFE_REASON && !(step->reason && *step->reason))
		return SK_MEDIUM_REASON_NEEDED;
	if (asks & SK_LIFE_SECOND &&
		!(actor->second && !sk_str_eq(actor->second, actor->person ? actor->person : "")))
		return SK_SECOND_PERSON_NEEDED;
	if (asks & SK_LIFE_CERTIFICATE && !step->certified)
		return SK_MEDIUM_CERTIFICATE_NEEDED;
	if (asks & SK_LIFE_KEY_GONE && !step->key_gone)
		return SK_MEDIUM_NOT_POSSIBLE;
	return asks & SK_LIFE_KEY_LIVES && step->key_gone ? SK_MEDIUM_KEY_DEAD : 0;
}

/* Who has it now, in which request, until when: known while it is out, and gone when it is back. */
static int write_state(const SkActor *actor, const SkMediumStep *step, SkMediumState to)
{
	bool in_request = to == SK_MEDIUM_REQUESTED || to == SK_MEDIUM_APPROVED || to == SK_MEDIUM_OUT;
	const SkWrite moved = {SK_SETS(
		{"state", sk_db_text(sk_medium_state_name(to))}, {"state_since", sk_db_int(actor->now)})};
	const SkWrite entered = {SK_SETS({"state", sk_db_text(sk_medium_state_name(to))},
		{"state_since", sk_db_int(actor->now)}, {"request_id", sk_db_text(step->request)})};
	const SkWrite left = {SK_SETS({"state", sk_db_text(sk_medium_state_name(to))},
		{"state_since", sk_db_int(actor->now)}, {"request_id", sk_db_null()},
		{"holder_id", sk_db_null()}, {"due", sk_db_null()})};

	if (in_request)
		return sk_table_update(actor->db, &sk_media_table, actor->scope, &step->key, &entered);
	/* What is lost keeps saying who had it. */
	if (to == SK_MEDIUM_LOST || to == SK_MEDIUM_REVOKED)
		return sk_table_update(actor->db, &sk_media_table, actor->scope, &step->key, &moved);
	return sk_table_update(actor->db, &sk_media_table, actor->scope, &step->key, &left);
}

int sk_ledger_step(const SkActor *actor, const SkMediumStep *step)
{
	const SkMediumTransition *transition;
	json_auto_t *row = NULL, *inspection = NULL, *changes = NULL;
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, step->key.id, &row);
	int state;

	if (r < 0)
		return r;
	state = sk_medium_state_parse(sk_row_text(row, "state"));
	transition = state < 0 ? NULL : sk_medium_transition((SkMediumState)state, step->action);
	if (!transition)
		return SK_MEDIUM_NOT_POSSIBLE;
	r = check_asked(actor, step, transition->asks);
	if (r == 0 && step->action == SK_MEDIUM_INSPECT)
		r = sk_inspection_check(actor, row, &inspection);
	if (r == 0)
		r = write_state(actor, step, transition->to);
	if (r == 0)
		r = sk_grants_follow(actor, row, transition->to, step->reason);
	if (r != 0)
		return r;
	/* What was found stands beside who accepted it. */
	if (inspection)
		changes = json_pack("{s:[n, O]}", "inspection", inspection);
	return add_entry(actor, &(Entry){.medium = row,
					.changes = changes,
					.action = sk_medium_action_name(step->action),
					.from = sk_medium_state_name((SkMediumState)state),
					.to = sk_medium_state_name(transition->to),
					.reason = step->reason,
					.request = step->request});
}

int sk_ledger_see(const SkActor *actor, const char *medium, const char *by)
{
	const SkWrite write = {
		SK_SETS({"last_seen", sk_db_int(actor->now)}, {"last_seen_by", sk_db_text(by)})};
	int r = sk_table_update(actor->db, &sk_media_table, actor->scope, &(SkRowKey){.id = medium}, &write);

	return r < 0 ? r : update_overdue(actor->db, medium);
}
