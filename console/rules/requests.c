/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking: the form is checked, the media are reserved.
 */
#include "console/rules/requests_inner.h"

#include <errno.h>

#include "console/rules/ledger.h"
#include "console/rules/requests_rule.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

int64_t sk_request_time(const json_t *row, const char *field)
{
	int64_t time;

	return sk_time_parse(sk_row_text(row, field), &time) == 0 ? time : 0;
}

int sk_request_record(const SkActor *actor, const json_t *row, const char *kind, json_t *extra)
{
	json_t *body = json_pack("{s:s}", "number", sk_row_text(row, "number"));

	if (body && extra && json_object_update(body, extra) < 0) {
		json_decref(body);
		body = NULL;
	}
	json_decref(extra);
	return sk_actor_record(actor,
		&(SkFact){kind, sk_row_text(row, "facility"), "request", sk_row_text(row, "id"), body});
}

static int check_period(const SkActor *actor, const json_t *fields)
{
	int64_t from = sk_request_time(fields, "outFrom"), due = sk_request_time(fields, "due");
	int64_t lease = sk_request_time(fields, "leaseUntil");

	if (due <= from || due <= actor->now || due - from > SK_REQUEST_DAYS_MAX * DAY_MS)
		return SK_REQUEST_PERIOD_WRONG;
	/* A lease ends with the request: nothing works away from the network for longer than it was asked
	 * for. */
	return lease > due ? SK_REQUEST_PERIOD_WRONG : 0;
}

/* An archive goes onto a medium that is not encrypted itself, and that is made anew for it; all else onto one
 * that was prepared. */
static int check_mode(const char *kind, const char *mode)
{
	bool plain = sk_str_eq(mode, "none") || sk_str_eq(mode, SK_REQUEST_KIND_HAND_OVER);

	if (sk_str_eq(kind, SK_REQUEST_KIND_HAND_OVER) || sk_str_eq(kind, SK_REQUEST_KIND_OPTICAL))
		return plain ? 0 : SK_MEDIUM_FOR_CARRY_OUT;
	return plain ? SK_MEDIUM_NOT_ENCRYPTED : 0;
}

/* A disc takes one burning and nothing else; that it was tried is known by its manifest, whole or not. */
static int check_disc(const SkActor *actor, const char *kind, const json_t *medium)
{
	bool disc = sk_str_eq(sk_row_text(medium, "kind"), "optical");
	int64_t written = 0;
	int r;

	if (sk_str_eq(kind, SK_REQUEST_KIND_HAND_OVER))
		return disc ? SK_MEDIUM_NO_DISC : 0;
	if (!sk_str_eq(kind, SK_REQUEST_KIND_OPTICAL))
		return 0;
	if (!disc)
		return SK_MEDIUM_NO_DISC;
	r = sk_db_query_int(actor->db, "SELECT count(*) FROM manifests WHERE medium_id = $1",
		SK_DB_ARGS(sk_db_text(sk_row_text(medium, "id"))), &written);
	return r < 0 ? r : written > 0 ? SK_DISC_WRITTEN_BEFORE : 0;
}

/* The medium is of this facility, fit for this kind of request, and free. */
static int check_medium(const SkActor *actor, const json_t *form, const char *medium)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, medium, &row);

	if (r == -ENOENT ||
		(r == 0 && !sk_str_eq(sk_row_text(row, "facility"), sk_row_text(form, "facility"))))
		return SK_NOT_FOUND;
	if (r == 0)
		r = check_mode(sk_row_text(form, "kind"), sk_row_text(row, "mode"));
	if (r == 0)
		r = check_disc(actor, sk_row_text(form, "kind"), row);
	if (r != 0)
		return r;
	return sk_str_eq(sk_row_text(row, "state"), "in-stock") ? 0 : SK_REQUEST_MEDIUM_TAKEN;
}

/* Reserves each medium: it belongs to this request, or to none. */
static int add_media(const SkActor *actor, const char *request, const json_t *form, const json_t *media)
{
	const char *facility = sk_row_text(form, "facility");
	const json_t *item;
	size_t i;

	json_array_foreach (media, i, item) {
		const char *medium = json_string_value(item);
		int r = check_medium(actor, form, medium);

		if (r == 0)
			r = sk_db_exec(actor->db,
				"INSERT INTO request_media (request_id, medium_id, facility_id) VALUES ($1, "
				"$2, $3)",
				SK_DB_ARGS(sk_db_text(request), sk_db_text(medium), sk_db_text(facility)),
				NULL);
		if (r == 0)
			r = sk_ledger_step(actor, &(SkMediumStep){.key = {.id = medium},
							  .action = SK_MEDIUM_REQUEST,
							  .request = request});
		if (r != 0)
			return r == -EEXIST ? SK_REQUEST_MEDIUM_TAKEN : r;
	}
	return 0;
}

static int insert(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE])
{
	const char *facility = sk_row_text(fields, "facility");
	own_free char *rule = NULL;
	char number[SK_NUMBER_SIZE];
	int r = sk_request_rule_of_facility(actor->db, facility, &rule);

	if (r == 0)
		r = sk_actor_number(actor, "requests", "", facility, number);
	if (r < 0)
		return r;
	return sk_table_insert(actor->db, &sk_requests_table, actor->scope,
		&(SkWrite){.fields = fields,
			SK_SETS({"number", sk_db_text(number)}, {"state", sk_db_text("waiting")},
				{"requester_id", sk_db_text(actor->person)}, {"rule", sk_db_text(rule)},
				{"created", sk_db_int(actor->now)})},
		ret_id);
}

int sk_request_create(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE])
{
	json_auto_t *form = json_copy(fields), *row = NULL, *media = NULL;
	int r = check_period(actor, fields);

	if (r != 0)
		return r;
	if (sk_str_eq(sk_row_text(fields, "kind"), SK_REQUEST_KIND_OPTICAL) &&
		!*sk_row_text(fields, "terminal"))
		return SK_REQUEST_NO_TERMINAL;
	media = json_incref(json_object_get(fields, "media"));
	if (!form || !media || json_object_del(form, "media") < 0)
		return -EINVAL;
	r = insert(actor, form, ret_id);
	if (r == 0)
		r = add_media(actor, ret_id, fields, media);
	if (r == 0)
		r = sk_table_read(actor->db, &sk_requests_table, actor->scope, ret_id, &row);
	if (r != 0)
		return r;
	return sk_request_record(actor, row, "request.created", json_pack("{s:O}", "media", media));
}

int sk_request_media(const SkActor *actor, const char *request, json_t **ret_media)
{
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(actor->db, "SELECT ", &sql);

	if (r < 0)
		return r;
	sk_table_columns(&sk_media_table, "m", sql);
	sk_sql_add(sql, " FROM media m JOIN request_media rm ON rm.medium_id = m.id WHERE rm.request_id = ");
	sk_sql_value(sql, sk_db_text(request));
	sk_sql_scope(sql, actor->scope, "m.facility_id", NULL);
	return sk_rows_json(&sk_media_table, sql, ret_media);
}

/* What was lost on the way stays where it is; it has an incident of its own. */
static bool left_the_request(const json_t *medium, const char *request)
{
	const char *state = sk_row_text(medium, "state");

	return !sk_str_eq(sk_row_text(medium, "request"), request) || sk_str_eq(state, "lost") ||
	       sk_str_eq(state, "revoked");
}

int sk_request_move_media(
	const SkActor *actor, const char *request, SkMediumAction action, const char *reason)
{
	json_auto_t *media = NULL;
	const json_t *medium;
	size_t i;
	int r = sk_request_media(actor, request, &media);

	if (r < 0)
		return r;
	json_array_foreach (media, i, medium) {
		if (left_the_request(medium, request))
			continue;
		r = sk_ledger_step(actor, &(SkMediumStep){.key = {.id = sk_row_text(medium, "id")},
						  .action = action,
						  .reason = reason,
						  .request = request});
		if (r != 0)
			return r;
	}
	return 0;
}
