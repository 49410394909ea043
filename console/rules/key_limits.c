/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of single media, terminals and persons that differ from the usual ones. */
#include <errno.h>

#include "console/rules/key_use.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY

static const SkColumn limit_columns[] = {
	{"subject_id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, "subject"},
	{"subject_kind", SK_COLUMN_TEXT, R, "kind"},
	{"facility_id", SK_COLUMN_TEXT, R | SK_COLUMN_FILTER, NULL},
	{"per_hour", SK_COLUMN_INT, R, NULL},
	{"per_day", SK_COLUMN_INT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_key_limits_table = {
	.name = "key_limits", SK_COLUMNS(limit_columns), .id = "subject_id", .facility = "facility_id"};

/* The subject belongs to the facility: a person by any role there. */
static int check_subject(const SkActor *actor, const SkKeyLimitOrder *order)
{
	static const struct {
		const char *kind, *sql;
	} subjects[] = {
		{"medium", "SELECT count(*) FROM media WHERE id = $1 AND facility_id = $2"},
		{"terminal", "SELECT count(*) FROM terminals WHERE id = $1 AND facility_id = $2"},
		{"person", "SELECT count(*) FROM person_roles WHERE person_id = $1 AND (facility_id = $2 OR "
			   "facility_id IS NULL) AND removed IS NULL"},
	};
	int64_t there = 0;

	if (!sk_scope_has_facility(actor->scope, order->facility))
		return SK_NOT_FOUND;
	for (size_t i = 0; i < SK_ARRAY_SIZE(subjects); i++)
		if (sk_str_eq(subjects[i].kind, order->kind)) {
			int r = sk_db_query_int(actor->db, subjects[i].sql,
				SK_DB_ARGS(sk_db_text(order->id), sk_db_text(order->facility)), &there);

			return r < 0 ? r : there > 0 ? 0 : SK_NOT_FOUND;
		}
	return -EINVAL;
}

static int record(const SkActor *actor, const SkKeyLimitOrder *order, const char *kind)
{
	return sk_actor_record(actor, &(SkFact){kind, order->facility, order->kind, order->id,
					      json_pack("{s:I, s:I}", "perHour", (json_int_t)order->per_hour,
						      "perDay", (json_int_t)order->per_day)});
}

int sk_key_limit_set(const SkActor *actor, const SkKeyLimitOrder *order)
{
	int r = check_subject(actor, order);

	if (r == 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO key_limits (subject_kind, subject_id, facility_id, per_hour, per_day) "
			"VALUES "
			"($1, $2, $3, $4, $5) ON CONFLICT (subject_kind, subject_id) DO UPDATE SET per_hour "
			"= "
			"excluded.per_hour, per_day = excluded.per_day, version = key_limits.version + 1",
			SK_DB_ARGS(sk_db_text(order->kind), sk_db_text(order->id),
				sk_db_text(order->facility), sk_db_int(order->per_hour),
				sk_db_int(order->per_day)),
			NULL);
	return r != 0 ? r : record(actor, order, "key-limit.set");
}

int sk_key_limit_remove(const SkActor *actor, const SkKeyLimitOrder *order)
{
	int64_t removed = 0;
	int r = check_subject(actor, order);

	if (r == 0)
		r = sk_db_exec(actor->db,
			"DELETE FROM key_limits WHERE subject_kind = $1 AND subject_id = $2 AND facility_id "
			"= $3",
			SK_DB_ARGS(
				sk_db_text(order->kind), sk_db_text(order->id), sk_db_text(order->facility)),
			&removed);
	return r != 0 || removed == 0 ? r : record(actor, order, "key-limit.removed");
}
