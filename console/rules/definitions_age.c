/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How old the definitions of terminals are: what warns first and refuses then is in the policy of each. */
#include <errno.h>
#include <string.h>

#include "console/rules/definitions.h"
#include "console/rules/policy_check.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/conf/settings.h"

#define DAY_MS INT64_C(86400000)
#define NO_DIRECTORY "/nonexistent/sekisho"

/* The two limits of a version, in days; 0: none. files NULL: those of the defaults. */
typedef struct Limits {
	int64_t warn, refuse;
} Limits;

static int limits_of(const json_t *files, Limits *ret_limits)
{
	const char *text = files ? sk_policy_file_text(files, SK_POLICY_SETTINGS_FILE) : NULL;
	const SkSettingsOverlay overlay = {SK_POLICY_SETTINGS_FILE, text, text ? strlen(text) : 0};
	own_settings SkSettings *settings = NULL;
	own_free char *errors = NULL;
	int r = sk_settings_load_overlaid(NO_DIRECTORY, text ? &overlay : NULL, &settings, &errors);

	if (r == -EINVAL)
		r = sk_settings_new(&settings);
	if (r < 0)
		return r;
	*ret_limits = (Limits){(int64_t)settings->scan.definitions_warn_days,
		(int64_t)settings->scan.definitions_refuse_days};
	return 0;
}

/* Each version of a page is looked at once. versions: id -> {warn, refuse}. */
static int find_limits(SkDb *db, json_t *versions, const char *version, Limits *ret_limits)
{
	const json_t *known = json_object_get(versions, version);
	own_rows SkDbRows *rows = NULL;
	json_auto_t *files = NULL;
	int r = 0;

	if (known) {
		*ret_limits = (Limits){json_integer_value(json_object_get(known, "warn")),
			json_integer_value(json_object_get(known, "refuse"))};
		return 0;
	}
	if (*version)
		r = sk_db_query(db, "SELECT files FROM policy_versions WHERE id = $1",
			SK_DB_ARGS(sk_db_text(version)), &rows);
	if (r == 0 && rows && (r = sk_db_next(rows)) == 1)
		files = json_loads(sk_db_get_text(rows, 0), 0, NULL);
	if (r >= 0)
		r = limits_of(files, ret_limits);
	if (r < 0)
		return r;
	return json_object_set_new(versions, version,
		json_pack("{s:I, s:I}", "warn", (json_int_t)ret_limits->warn, "refuse",
			(json_int_t)ret_limits->refuse));
}

static const char *judge(int64_t days, const Limits *limits)
{
	if (limits->refuse > 0 && days >= limits->refuse)
		return "refusing";
	return limits->warn > 0 && days >= limits->warn ? "ageing" : "current";
}

static json_t *row_json(const json_t *row, const Limits *limits, int64_t now)
{
	const json_t *built = json_object_get(row, "definitionsTime");
	int64_t time = 0, days;
	bool known = json_is_string(built) && sk_time_parse(json_string_value(built), &time) == 0;

	days = known && now > time ? (now - time) / DAY_MS : 0;
	return json_pack("{s:O, s:O, s:O, s:O, s:o, s:s, s:I, s:I}", "terminal",
		json_object_get(row, "terminal"), "facility", json_object_get(row, "facility"), "built",
		built, "lastContact", json_object_get(row, "lastContact"), "days",
		known ? json_integer((json_int_t)days) : json_null(), "state",
		known ? judge(days, limits) : "unknown", "warnDays", (json_int_t)limits->warn, "refuseDays",
		(json_int_t)limits->refuse);
}

static const SkColumn status_columns[] = {
	{"terminal_id", SK_COLUMN_TEXT, 0, NULL},
	{"facility_id", SK_COLUMN_TEXT, 0, NULL},
	{"definitions_time", SK_COLUMN_TIME, 0, NULL},
	{"last_contact", SK_COLUMN_TIME, 0, NULL},
	{"policy_version_id", SK_COLUMN_TEXT, 0, NULL},
};

static const SkTable status_table = {.name = "terminal_status",
	SK_COLUMNS(status_columns),
	.id = "terminal_id",
	.facility = "facility_id"};

static int read_page(SkDb *db, const SkScope *scope, const SkAgesPage *page, json_t **ret_rows)
{
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(db, "SELECT ", &sql);

	if (r < 0)
		return r;
	sk_table_columns(&status_table, "s", sql);
	sk_sql_add(sql,
		" FROM terminal_status s JOIN terminals t ON t.id = s.terminal_id AND t.state = 'enrolled' "
		"WHERE s.terminal_id > ");
	sk_sql_value(sql, sk_db_text(page->after));
	sk_sql_scope(sql, scope, "s.facility_id", NULL);
	sk_sql_add(sql, " ORDER BY s.terminal_id LIMIT ");
	sk_sql_value(sql, sk_db_int(page->limit));
	return sk_rows_json(&status_table, sql, ret_rows);
}

int sk_definitions_ages(SkDb *db, const SkScope *scope, const SkAgesPage *page, json_t **ret_rows)
{
	json_auto_t *list = NULL, *versions = json_object(), *ages = json_array();
	const json_t *row;
	Limits limits = {0, 0};
	size_t i;
	int r = read_page(db, scope, page, &list);

	json_array_foreach (list, i, row) {
		if (r == 0)
			r = find_limits(db, versions, sk_row_text(row, "policyVersion"), &limits);
		if (r == 0)
			r = json_array_append_new(ages, row_json(row, &limits, page->now)) < 0 ? -ENOMEM : 0;
	}
	if (r < 0)
		return r;
	*ret_rows = json_incref(ages);
	return 0;
}
