/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/screens.h"

#include <errno.h>
#include <string.h>

#include "console/rules/alerts.h"
#include "console/rules/lock_orders.h"
#include "lib/base/str.h"
#include "lib/csv/csv.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn day_columns[] = {
	{"terminal_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"day", SK_COLUMN_TEXT, R | F | SK_COLUMN_SORT, NULL},
	{"locks", SK_COLUMN_INT, R, NULL},
	{"unlocks", SK_COLUMN_INT, R, NULL},
	{"failures", SK_COLUMN_INT, R, NULL},
	{"wrong_passwords", SK_COLUMN_INT, R, NULL},
	{"longest_idle", SK_COLUMN_INT, R, NULL},
	{"told", SK_COLUMN_TIME, R, NULL},
};

const SkTable sk_lock_days_table = {.name = "lock_days",
	SK_COLUMNS(day_columns),
	.id = "day",
	.facility = "facility_id",
	.terminal = "terminal_id"};

/* ---- what a terminal tells ---- */

static SkDbValue number(const json_t *day, const char *member)
{
	return sk_db_int(json_integer_value(json_object_get(day, member)));
}

#define LARGER(column)                                                                                       \
#column " = CASE WHEN excluded." #column " > lock_days." #column " THEN excluded." #column           \
		" ELSE lock_days." #column " END, "

static int put_day(const SkActor *actor, const json_t *day)
{
	return sk_db_exec(actor->db,
		"INSERT INTO lock_days (terminal_id, facility_id, day, locks, unlocks, failures, "
		"wrong_passwords, longest_idle, told) SELECT id, facility_id, $2, $3, $4, $5, $6, $7, $8 "
		"FROM "
		"terminals WHERE id = $1 ON CONFLICT (terminal_id, day) DO UPDATE SET " LARGER(locks)
			LARGER(unlocks) LARGER(failures) LARGER(wrong_passwords)
				LARGER(longest_idle) "told = excluded.told",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_text(sk_row_text(day, "day")),
			number(day, "locks"), number(day, "unlocks"), number(day, "failures"),
			number(day, "wrongPasswords"), number(day, "longestIdleMs"), sk_db_int(actor->now)),
		NULL);
}

typedef struct Screen {
	char facility[SK_ID_SIZE];
	char state[16];
} Screen;

static int read_screen(const SkActor *actor, Screen *screen)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT facility_id, COALESCE(lock_state, '') FROM terminal_status WHERE terminal_id = $1",
		SK_DB_ARGS(sk_db_text(actor->terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	sk_str_copy(screen->facility, sizeof(screen->facility), sk_db_get_text(rows, 0));
	sk_str_copy(screen->state, sizeof(screen->state), sk_db_get_text(rows, 1));
	return 0;
}

static bool is_wrong(const char *state)
{
	return sk_str_eq(state, "stands-open") || sk_str_eq(state, "unwatched");
}

static int put_screen(const SkActor *actor, const json_t *lock, const char *state)
{
	const json_t *since = json_object_get(lock, "since");

	return sk_db_exec(actor->db,
		"UPDATE terminal_status SET lock_state = $2, lock_user = $3, lock_since = $4 WHERE "
		"terminal_id = $1",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_text(state),
			sk_db_text(sk_row_text(lock, "user")),
			since ? sk_db_int(json_integer_value(since) * 1000) : sk_db_null()),
		NULL);
}

int sk_screen_report(const SkActor *actor, const json_t *lock)
{
	const char *state =
		json_is_true(json_object_get(lock, "watched")) ? sk_row_text(lock, "state") : "unwatched";
	const json_t *days = json_object_get(lock, "days"), *order = json_object_get(lock, "order"), *day;
	Screen before;
	size_t i;
	int r = read_screen(actor, &before);

	json_array_foreach (days, i, day) {
		if (r < 0)
			break;
		r = put_day(actor, day);
	}
	if (r == 0 && order)
		r = sk_lock_order_answer(actor, order);
	/* Who does not know says nothing new. */
	if (r < 0 || sk_str_eq(state, "unknown") || sk_str_eq(state, before.state))
		return r;
	r = put_screen(actor, lock, state);
	if (r < 0 || (!is_wrong(state) && !is_wrong(before.state)))
		return r;
	return sk_alerts_look_at_screens(actor, before.facility);
}

/* ---- what people see ---- */

static const SkColumn sum_columns[] = {
	{"terminal_id", SK_COLUMN_TEXT, 0, NULL},
	{"facility_id", SK_COLUMN_TEXT, 0, NULL},
	{"name", SK_COLUMN_TEXT, 0, NULL},
	{"lock_state", SK_COLUMN_TEXT, 0, "screen"},
	{"days", SK_COLUMN_INT, 0, NULL},
	{"locks", SK_COLUMN_INT, 0, NULL},
	{"unlocks", SK_COLUMN_INT, 0, NULL},
	{"failures", SK_COLUMN_INT, 0, NULL},
	{"wrong_passwords", SK_COLUMN_INT, 0, NULL},
	{"longest_idle", SK_COLUMN_INT, 0, NULL},
};

static const SkTable sum_table = {.name = "lock_days", SK_COLUMNS(sum_columns)};

#define SUM(column) "CAST(COALESCE(SUM(l." #column "), 0) AS BIGINT) AS " #column ", "

static int compose(SkDb *db, const SkScope *scope, const SkScreenPeriod *period, SkSql **ret_sql)
{
	SkSql *sql;
	int r = sk_sql_new(db,
		"SELECT t.id AS terminal_id, t.facility_id, t.name, s.lock_state, COUNT(l.day) AS days, " SUM(
			locks) SUM(unlocks) SUM(failures)
			SUM(wrong_passwords) "MAX(l.longest_idle) AS longest_idle FROM terminals t LEFT JOIN "
					     "terminal_status s ON "
					     "s.terminal_id = t.id LEFT JOIN lock_days l ON l.terminal_id = "
					     "t.id AND l.day >= ",
		&sql);

	if (r < 0)
		return r;
	sk_sql_value(sql, sk_db_text(period->from));
	sk_sql_add(sql, " AND l.day <= ");
	sk_sql_value(sql, sk_db_text(period->to));
	sk_sql_add(sql, " WHERE (t.state <> 'retired' OR l.day IS NOT NULL)");
	sk_sql_scope(sql, scope, "t.facility_id", NULL);
	if (period->facility) {
		sk_sql_add(sql, " AND t.facility_id = ");
		sk_sql_value(sql, sk_db_text(period->facility));
	}
	if (period->after) {
		sk_sql_add(sql, " AND t.id > ");
		sk_sql_value(sql, sk_db_text(period->after));
	}
	sk_sql_add(sql, " GROUP BY t.id, t.facility_id, t.name, s.lock_state ORDER BY t.id");
	/* One more than is shown tells whether there is a next page. */
	if (period->limit > 0) {
		sk_sql_add(sql, " LIMIT ");
		sk_sql_value(sql, sk_db_int((int64_t)period->limit + 1));
	}
	*ret_sql = sql;
	return 0;
}

int sk_screen_days(SkDb *db, const SkScope *scope, const SkScreenPeriod *period, json_t **ret_answer)
{
	own_sql SkSql *sql = NULL;
	json_auto_t *items = NULL;
	const char *next = NULL;
	int r = compose(db, scope, period, &sql);

	if (r == 0)
		r = sk_rows_json(&sum_table, sql, &items);
	if (r < 0)
		return r;
	if (json_array_size(items) > period->limit) {
		json_array_remove(items, period->limit);
		next = sk_row_text(json_array_get(items, period->limit - 1), "terminal");
	}
	*ret_answer = json_pack("{s:O, s:s?}", "items", items, "next", next);
	return *ret_answer ? 0 : -ENOMEM;
}

/* The columns of the list, by those of the sums. */
static const struct {
	const char *field, *ja, *en;
} headings[] = {
	{"name", "端末", "Terminal"},
	{"days", "記録のある日数", "Days with records"},
	{"locks", "ロック回数", "Locks"},
	{"unlocks", "ロック解除回数", "Unlocks"},
	{"failures", "ロックの失敗", "Failures to lock"},
	{"wrongPasswords", "パスワードの誤り", "Wrong passwords"},
	{"longestIdle", "無操作で開いていた最長時間(ミリ秒)", "Longest time open and idle (ms)"},
};

static int write_row(const SkDbRows *rows, FILE *out)
{
	json_auto_t *row = NULL;
	int r = sk_row_json(&sum_table, rows, &row);

	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(headings); i++) {
		const json_t *value = json_object_get(row, headings[i].field);
		char text[32] = "";

		if (json_is_integer(value))
			sk_str_format(text, sizeof(text), "%lld", (long long)json_integer_value(value));
		sk_csv_write_cell(out, json_is_string(value) ? json_string_value(value) : text, i == 0);
	}
	sk_csv_write_end(out);
	return r;
}

int sk_screen_days_csv(
	SkDb *db, const SkScope *scope, const SkScreenPeriod *period, const char *language, FILE *out)
{
	own_rows SkDbRows *rows = NULL;
	own_sql SkSql *sql = NULL;
	int r = compose(db, scope, period, &sql);

	if (r == 0)
		r = sk_sql_query(sql, &rows);
	/* Excel takes a file for UTF-8 only by its mark. */
	fputs("\ufeff", out);
	for (size_t i = 0; i < SK_ARRAY_SIZE(headings); i++)
		sk_csv_write_cell(out, sk_str_eq(language, "ja") ? headings[i].ja : headings[i].en, i == 0);
	sk_csv_write_end(out);
	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = write_row(rows, out);
	return r;
}
