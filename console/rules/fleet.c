/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/fleet.h"

#include <errno.h>
#include <string.h>

#include "console/rules/calendar.h"
#include "console/store/table.h"
#include "console/store/time.h"
#include "lib/base/str.h"

#define DAYS 7

/* What of a query's row goes into the answer, in the order of the statement. */
static const SkColumn columns[] = {
	{"terminal_id", SK_COLUMN_TEXT, 0, NULL},
	{"facility_id", SK_COLUMN_TEXT, 0, NULL},
	{"group_id", SK_COLUMN_TEXT, 0, NULL},
	{"name", SK_COLUMN_TEXT, 0, NULL},
	{"state", SK_COLUMN_TEXT, 0, NULL},
	{"last_contact", SK_COLUMN_TIME, 0, NULL},
	{"software", SK_COLUMN_TEXT, 0, NULL},
	{"mode", SK_COLUMN_TEXT, 0, NULL},
	{"policy_version_id", SK_COLUMN_TEXT, 0, NULL},
	{"revision", SK_COLUMN_INT, 0, NULL},
	{"definitions_time", SK_COLUMN_TIME, 0, NULL},
	{"disk_free", SK_COLUMN_INT, 0, "freeBytes"},
	{"clock_state", SK_COLUMN_TEXT, 0, "clock"},
	{"clock_offset", SK_COLUMN_INT, 0, NULL},
	{"posture", SK_COLUMN_JSON, 0, NULL},
	{"longest_idle", SK_COLUMN_INT, 0, NULL},
	{"alerts", SK_COLUMN_INT, 0, NULL},
};

static const SkTable table = {.name = "terminals", SK_COLUMNS(columns)};

/* The days before today, in Japan. */
static void first_day(char ret_day[16])
{
	SkDate date = sk_date_of(sk_day_of(sk_time_now()) - DAYS);

	sk_str_format(ret_day, 16, "%04d-%02d-%02d", date.year, date.month, date.day);
}

static int compose(SkSql *sql, const SkScope *scope, const SkFleetPage *page, const char *day)
{
	sk_sql_value(sql, sk_db_text(day));
	sk_sql_add(sql, ") AS longest_idle, (SELECT COUNT(*) FROM alerts a WHERE a.state <> 'closed' AND "
			"a.subject_kind = "
			"'terminal' AND a.subject_id = t.id) AS alerts FROM terminals t LEFT JOIN "
			"terminal_status s ON "
			"s.terminal_id = t.id WHERE t.state <> 'retired'");
	sk_sql_scope(sql, scope, "t.facility_id", NULL);
	if (page->facility) {
		sk_sql_add(sql, " AND t.facility_id = ");
		sk_sql_value(sql, sk_db_text(page->facility));
	}
	if (page->after) {
		sk_sql_add(sql, " AND t.id > ");
		sk_sql_value(sql, sk_db_text(page->after));
	}
	/* One more than is shown tells whether there is a next page. */
	sk_sql_add(sql, " ORDER BY t.id LIMIT ");
	sk_sql_value(sql, sk_db_int((int64_t)page->limit + 1));
	return 0;
}

int sk_fleet_list(SkDb *db, const SkScope *scope, const SkFleetPage *page, json_t **ret_answer)
{
	own_sql SkSql *sql = NULL;
	json_auto_t *items = NULL;
	const char *next = NULL;
	char day[16];
	int r;

	first_day(day);
	r = sk_sql_new(db,
		"SELECT t.id AS terminal_id, t.facility_id, t.group_id, t.name, t.state, s.last_contact, "
		"s.software, s.mode, s.policy_version_id, s.revision, s.definitions_time, s.disk_free, "
		"s.clock_state, s.clock_offset, COALESCE(s.posture, '{}') AS posture, (SELECT "
		"MAX(l.longest_idle) "
		"FROM lock_days l WHERE l.terminal_id = t.id AND l.day >= ",
		&sql);
	if (r == 0)
		r = compose(sql, scope, page, day);
	if (r == 0)
		r = sk_rows_json(&table, sql, &items);
	if (r < 0)
		return r;
	if (json_array_size(items) > page->limit) {
		json_array_remove(items, page->limit);
		next = sk_row_text(json_array_get(items, page->limit - 1), "terminal");
	}
	*ret_answer = json_pack("{s:O, s:s?}", "items", items, "next", next);
	return *ret_answer ? 0 : -ENOMEM;
}
