/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/review.h"

#include <errno.h>
#include <string.h>

#include "console/rules/alerts.h"
#include "console/rules/calendar.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define DUE_DAYS 14
#define DAY_MS INT64_C(86400000)
#define KINDS_MAX 100

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"valid_from", SK_COLUMN_TIME, R, "from"},
	{"valid_until", SK_COLUMN_TIME, R, "until"},
	{"due", SK_COLUMN_TIME, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"summary", SK_COLUMN_JSON, R, NULL},
	{"reviewer_id", SK_COLUMN_TEXT, R, NULL},
	{"done", SK_COLUMN_TIME, R, NULL},
	{"finding", SK_COLUMN_TEXT, R, NULL},
	{"action", SK_COLUMN_TEXT, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_reviews_table = {
	.name = "reviews", SK_COLUMNS(columns), .facility = "facility_id", .version = "version"};

/* The month before the day of now, in Japan. */
typedef struct Period {
	int64_t from, until, due;
} Period;

static Period period_of(int64_t now)
{
	SkDate today = sk_date_of(sk_day_of(now));
	int64_t first = sk_day_from(today.year, today.month, 1), before;

	before = today.month == 1 ? sk_day_from(today.year - 1, 12, 1)
				  : sk_day_from(today.year, today.month - 1, 1);
	return (Period){.from = sk_day_end(before - 1) + 1,
		.until = sk_day_end(first - 1) + 1,
		.due = sk_day_end(first - 1 + DUE_DAYS)};
}

/* One whose facility was there in that month. */
static int find_facility(const SkActor *actor, const Period *period, char ret_id[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT f.id FROM facilities f WHERE f.state = 'active' AND f.created < $1 AND NOT EXISTS "
		"(SELECT 1 FROM "
		"reviews v WHERE v.facility_id = f.id AND v.valid_until >= $1) ORDER BY f.id LIMIT 1",
		SK_DB_ARGS(sk_db_int(period->until)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_str_copy(ret_id, SK_ID_SIZE, sk_db_get_text(rows, 0)) ? 0 : -EUCLEAN;
}

/* What a summary counts: a number for each word. */
static const struct {
	const char *member, *sql;
} counts[] = {
	{"records", "SELECT kind, COUNT(*) FROM records WHERE facility_id = $1 AND at >= $2 AND at < $3 "
		    "GROUP BY kind "
		    "ORDER BY COUNT(*) DESC, kind LIMIT $4"},
	{"console", "SELECT kind, COUNT(*) FROM console_records WHERE facility_id = $1 AND at >= $2 AND at < "
		    "$3 GROUP BY "
		    "kind ORDER BY COUNT(*) DESC, kind LIMIT $4"},
	{"alerts", "SELECT kind, COUNT(*) FROM alerts WHERE facility_id = $1 AND first >= $2 AND first < $3 "
		   "GROUP BY kind "
		   "ORDER BY kind LIMIT $4"},
	{"chainAlarms", "SELECT kind, COUNT(*) FROM chain_alarms WHERE facility_id = $1 AND at >= $2 AND at "
			"< $3 GROUP BY "
			"kind ORDER BY kind LIMIT $4"},
	{"requests", "SELECT state, COUNT(*) FROM requests WHERE facility_id = $1 AND created >= $2 AND "
		     "created < $3 GROUP "
		     "BY state ORDER BY state LIMIT $4"},
	{"incidents", "SELECT kind, COUNT(*) FROM incidents WHERE facility_id = $1 AND created >= $2 AND "
		      "created < $3 GROUP "
		      "BY kind ORDER BY kind LIMIT $4"},
};

static int count_one(
	const SkActor *actor, const char *facility, const Period *period, const char *sql, json_t *into)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db, sql,
		SK_DB_ARGS(sk_db_text(facility), sk_db_int(period->from), sk_db_int(period->until),
			sk_db_int(KINDS_MAX)),
		&rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_object_set_new(into, sk_db_get_text(rows, 0), json_integer(sk_db_get_int(rows, 1))) <
				    0
			    ? -ENOMEM
			    : 0;
	return r;
}

static int summarise(const SkActor *actor, const char *facility, const Period *period, json_t *summary)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(counts); i++) {
		json_t *into = json_object();

		r = json_object_set_new(summary, counts[i].member, into) < 0 ? -ENOMEM : 0;
		if (r == 0)
			r = count_one(actor, facility, period, counts[i].sql, into);
	}
	return r;
}

static int insert(const SkActor *actor, const char *facility, const Period *period, const json_t *summary)
{
	own_free char *text = json_dumps(summary, JSON_COMPACT);
	char id[SK_ID_SIZE];
	int r;

	if (!text)
		return -ENOMEM;
	sk_id_new(id);
	r = sk_db_exec(actor->db,
		"INSERT INTO reviews (id, facility_id, valid_from, valid_until, due, summary, created) "
		"VALUES ($1, $2, $3, "
		"$4, $5, $6, $7)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(facility), sk_db_int(period->from),
			sk_db_int(period->until), sk_db_int(period->due), sk_db_text(text),
			sk_db_int(actor->now)),
		NULL);
	return r < 0 ? r
		     : sk_actor_record(
			       actor, &(SkFact){"review.opened", facility, "review", id,
					      json_pack("{s:I}", "until", (json_int_t)period->until)});
}

int sk_review_open(const SkActor *actor, int64_t *ret_count)
{
	const Period period = period_of(actor->now);
	json_auto_t *summary = json_object();
	char facility[SK_ID_SIZE];
	int r = summary ? find_facility(actor, &period, facility) : -ENOMEM;

	*ret_count = r == 0;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = summarise(actor, facility, &period, summary);
	return r < 0 ? r : insert(actor, facility, &period, summary);
}

int sk_review_finish(const SkActor *actor, const SkReviewResult *result)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_reviews_table, actor->scope, result->key.id, &row);

	if (r < 0)
		return r;
	if (sk_str_eq(sk_row_text(row, "state"), "done"))
		return SK_REVIEW_DONE;
	r = sk_table_update(actor->db, &sk_reviews_table, actor->scope, &result->key,
		&(SkWrite){SK_SETS({"state", sk_db_text("done")}, {"done", sk_db_int(actor->now)},
			{"reviewer_id", sk_db_text(actor->person)}, {"finding", sk_db_text(result->finding)},
			{"action", sk_db_text(result->action)})});
	if (r == 0)
		r = sk_alert_settle(actor, "review-overdue", "review", result->key.id);
	if (r < 0)
		return r;
	return sk_actor_record(actor,
		&(SkFact){"review.done", sk_row_text(row, "facility"), "review", result->key.id,
			json_pack("{s:s, s:s}", "finding", result->finding, "action", result->action)});
}
