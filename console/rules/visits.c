/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/visits.h"

#include <errno.h>

#include "console/rules/grants.h"
#include "console/rules/ledger.h"
#include "console/rules/terminals.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define HOUR_MS INT64_C(3600000)

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define C SK_COLUMN_CREATE_ONLY

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, C | F, NULL},
	{"company", SK_COLUMN_TEXT, C, NULL},
	{"visitor", SK_COLUMN_TEXT, C, NULL},
	{"account", SK_COLUMN_TEXT, C, NULL},
	{"purpose", SK_COLUMN_TEXT, C, NULL},
	{"day", SK_COLUMN_TEXT, C | F, NULL},
	{"valid_from", SK_COLUMN_TIME, C | SK_COLUMN_SORT, NULL},
	{"valid_until", SK_COLUMN_TIME, C, NULL},
	{"terminals", SK_COLUMN_JSON, C, NULL},
	{"devices", SK_COLUMN_JSON, C, NULL},
	{"carries_data", SK_COLUMN_BOOL, C, NULL},
	{"data_summary", SK_COLUMN_TEXT, C, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"requester_id", SK_COLUMN_TEXT, R | F, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"decided", SK_COLUMN_TIME, R, NULL},
	{"decided_by", SK_COLUMN_TEXT, R, NULL},
	{"decision_reason", SK_COLUMN_TEXT, R, NULL},
	{"alone", SK_COLUMN_BOOL, R | F, NULL},
	{"opened", SK_COLUMN_TIME, R, NULL},
	{"ended", SK_COLUMN_TIME, R, NULL},
	{"report", SK_COLUMN_TEXT, R, NULL},
	{"reported", SK_COLUMN_TIME, R, NULL},
	{"checked_by", SK_COLUMN_TEXT, R, NULL},
	{"checked", SK_COLUMN_TIME, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_visits_table = {
	.name = "visits", SK_COLUMNS(columns), .facility = "facility_id", .version = "version"};

static int64_t time_of(const json_t *row, const char *field)
{
	int64_t time;

	return sk_time_parse(sk_row_text(row, field), &time) == 0 ? time : 0;
}

static int record(const SkActor *actor, const json_t *row, const char *kind, json_t *body)
{
	return sk_actor_record(
		actor, &(SkFact){kind, sk_row_text(row, "facility"), "visit", sk_row_text(row, "id"), body});
}

static int check_of_facility(const SkActor *actor, const SkTable *table, const char *id, const char *facility)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, table, actor->scope, id, &row);

	if (r == -ENOENT || (r == 0 && !sk_str_eq(sk_row_text(row, "facility"), facility)))
		return SK_VISIT_WRONG;
	return r;
}

static int check_form(const SkActor *actor, const json_t *fields)
{
	int64_t from = time_of(fields, "validFrom"), until = time_of(fields, "validUntil");
	const char *facility = sk_row_text(fields, "facility");
	const json_t *item;
	size_t i;
	int r = 0;

	if (until <= from || until <= actor->now || until - from > SK_VISIT_HOURS_MAX * HOUR_MS)
		return SK_VISIT_WRONG;
	json_array_foreach (json_object_get(fields, "terminals"), i, item) {
		if (r == 0)
			r = check_of_facility(actor, &sk_terminals_table, json_string_value(item), facility);
	}
	json_array_foreach (json_object_get(fields, "devices"), i, item) {
		if (r == 0)
			r = check_of_facility(actor, &sk_media_table, sk_row_text(item, "medium"), facility);
	}
	return r;
}

int sk_visit_create(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE])
{
	json_auto_t *row = NULL;
	int r;

	if (!sk_scope_has_facility(actor->scope, sk_row_text(fields, "facility")))
		return SK_NOT_FOUND;
	r = check_form(actor, fields);
	if (r == 0)
		r = sk_table_insert(actor->db, &sk_visits_table, actor->scope,
			&(SkWrite){.fields = fields,
				SK_SETS({"state", sk_db_text("waiting")},
					{"requester_id", sk_db_text(actor->person)},
					{"created", sk_db_int(actor->now)})},
			ret_id);
	if (r == 0)
		r = sk_table_read(actor->db, &sk_visits_table, actor->scope, ret_id, &row);
	return r != 0 ? r : record(actor, row, "visit.created", json_pack("{s:O}", "form", fields));
}

/* Somebody else; in a clinic of one person the same one, who proved themselves just now. ret_alone */
static int may_decide(const SkActor *actor, const json_t *row, bool *ret_alone)
{
	int64_t single = 0;
	int r;

	*ret_alone = sk_str_eq(sk_row_text(row, "requester"), actor->person ? actor->person : "");
	if (!*ret_alone)
		return 0;
	r = sk_db_query_int(actor->db, "SELECT single_person FROM facilities WHERE id = $1",
		SK_DB_ARGS(sk_db_text(sk_row_text(row, "facility"))), &single);
	if (r < 0 || single == 0)
		return r < 0 ? r : SK_REQUEST_OWN;
	return actor->fresh ? 0 : SK_PROOF_NEEDED;
}

int sk_visit_decide(const SkActor *actor, const char *visit, bool approved, const char *reason)
{
	json_auto_t *row = NULL;
	bool alone = false;
	int r = sk_table_read(actor->db, &sk_visits_table, actor->scope, visit, &row);

	if (r < 0)
		return r;
	if (!sk_str_eq(sk_row_text(row, "state"), "waiting") || time_of(row, "validUntil") <= actor->now)
		return SK_VISIT_NOT_POSSIBLE;
	if (!approved && !(reason && *reason))
		return SK_MEDIUM_REASON_NEEDED;
	r = may_decide(actor, row, &alone);
	if (r == 0)
		r = sk_table_update(actor->db, &sk_visits_table, actor->scope, &(SkRowKey){.id = visit},
			&(SkWrite){SK_SETS({"state", sk_db_text(approved ? "approved" : "refused")},
				{"decided", sk_db_int(actor->now)}, {"decided_by", sk_db_text(actor->person)},
				{"decision_reason", sk_db_text(reason ? reason : "")},
				{"alone", sk_db_int(alone)})});
	return r != 0 ? r
		      : record(actor, row, approved ? "visit.approved" : "visit.refused",
				json_pack("{s:s, s:b}", "reason", reason ? reason : "", "alone", alone));
}

/* Each medium at each terminal, for the visitor's account, until the visit's time is over. */
static int grant_all(const SkActor *actor, const SkSigning *signing, const json_t *row)
{
	const json_t *device, *terminal;
	size_t i, j;

	json_array_foreach (json_object_get(row, "devices"), i, device) {
		json_array_foreach (json_object_get(row, "terminals"), j, terminal) {
			int r = sk_grant_for_visit(actor, signing,
				&(SkVisitGrant){.medium = sk_row_text(device, "medium"),
					.terminal = json_string_value(terminal),
					.mode = sk_row_text(device, "mode"),
					.user = sk_row_text(row, "account"),
					.until = time_of(row, "validUntil"),
					.visit = sk_row_text(row, "id")});

			if (r != 0)
				return r;
		}
	}
	return 0;
}

/* One way of a visit after it was made. */
typedef struct Way {
	const char *from[2]; /* states */
	const char *to, *kind;
	const char *time, *person; /* columns that get the time, and who; NULL: none */
} Way;

static const Way ways[] = {
	[SK_VISIT_WITHDRAW] = {{"waiting", "approved"}, "withdrawn", "visit.withdrawn", NULL, NULL},
	[SK_VISIT_OPEN] = {{"approved", "approved"}, "open", "visit.opened", "opened", NULL},
	[SK_VISIT_END] = {{"open", "open"}, "ended", "visit.ended", "ended", NULL},
	[SK_VISIT_CLOSE] = {{"ended", "ended"}, "closed", "visit.closed", "checked", "checked_by"},
};

static int check_way(const SkActor *actor, const json_t *row, SkVisitAction action, const char *text)
{
	const char *state = sk_row_text(row, "state");
	bool own = sk_str_eq(sk_row_text(row, "requester"), actor->person ? actor->person : "");

	if (!sk_str_eq(state, ways[action].from[0]) && !sk_str_eq(state, ways[action].from[1]))
		return SK_VISIT_NOT_POSSIBLE;
	if (action == SK_VISIT_OPEN &&
		(time_of(row, "validFrom") > actor->now || time_of(row, "validUntil") <= actor->now))
		return SK_VISIT_NOT_POSSIBLE;
	if (action == SK_VISIT_END && !(text && *text))
		return SK_MEDIUM_REASON_NEEDED;
	if (action == SK_VISIT_WITHDRAW && !own)
		return SK_REQUEST_NOT_YOURS;
	/* Who did it alone from the beginning may close it alone: that is marked in the row. */
	return action == SK_VISIT_CLOSE && own && !json_is_true(json_object_get(row, "alone"))
		       ? SK_NOT_BY_YOURSELF
		       : 0;
}

static int write_way(const SkActor *actor, const char *visit, SkVisitAction action, const char *text)
{
	const Way *way = &ways[action];
	SkSet sets[5] = {{"state", sk_db_text(way->to)}};
	size_t n = 1;

	if (way->time)
		sets[n++] = (SkSet){way->time, sk_db_int(actor->now)};
	if (way->person)
		sets[n++] = (SkSet){way->person, sk_db_text(actor->person)};
	if (action == SK_VISIT_END) {
		sets[n++] = (SkSet){"report", sk_db_text(text)};
		sets[n++] = (SkSet){"reported", sk_db_int(actor->now)};
	}
	return sk_table_update(actor->db, &sk_visits_table, actor->scope, &(SkRowKey){.id = visit},
		&(SkWrite){.sets = sets, .n_sets = n});
}

int sk_visit_act(const SkActor *actor, const SkSigning *signing, const char *visit, SkVisitAction action,
	const char *text)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_visits_table, actor->scope, visit, &row);

	if (r == 0)
		r = check_way(actor, row, action, text);
	if (r == 0)
		r = write_way(actor, visit, action, text);
	if (r == 0 && action == SK_VISIT_OPEN)
		r = grant_all(actor, signing, row);
	if (r == 0 && action == SK_VISIT_END)
		r = sk_grants_end_visit(actor, visit);
	return r != 0 ? r
		      : record(actor, row, ways[action].kind, json_pack("{s:s}", "text", text ? text : ""));
}
