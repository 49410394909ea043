/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policy_dry_run.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "console/rules/policy_dry_run_counts.h"
#include "console/store/time.h"
#include "lib/base/str.h"

#define R SK_COLUMN_READ_ONLY
#define PAGE 1000

static const SkColumn run_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | SK_COLUMN_FILTER, NULL},
	{"policy_version_id", SK_COLUMN_TEXT, R | SK_COLUMN_FILTER, NULL},
	{"mode", SK_COLUMN_TEXT, R, NULL},
	{"valid_from", SK_COLUMN_TIME, R, NULL},
	{"valid_until", SK_COLUMN_TIME, R, NULL},
	{"state", SK_COLUMN_TEXT, R, NULL},
	{"result", SK_COLUMN_JSON, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
};

const SkTable sk_dry_runs_table = {.name = "dry_runs", SK_COLUMNS(run_columns), .facility = "facility_id"};

typedef struct Run {
	SkReplayRules rules;
	SkDryRunCounts *counts;
} Run;

/* The line of an agent whose record cannot be read again is one that cannot be judged. */
static int judge(const Run *run, const SkDbRows *rows)
{
	const char *line = sk_db_get_text(rows, 3);
	SkDryRunFound found = {.terminal = sk_db_get_text(rows, 0), .at = sk_db_get_int(rows, 2)};
	json_auto_t *body = NULL;
	int r = sk_replay_read(line, strlen(line), &body);

	found.replayed = (SkReplayed){.change = SK_REPLAY_UNKNOWN, .why = SK_REPLAY_OLD_AGENT};
	if (r == 0 && sk_replay_device(body, &found.device))
		r = sk_replay(&run->rules, body, &found.replayed);
	return r == -ENOMEM ? r : sk_dry_run_count(run->counts, &found);
}

/* Where the next page begins: behind the last row, in the order of the index. */
typedef struct Place {
	int64_t at, seq;
	char terminal[SK_ID_SIZE];
} Place;

static int open_page(SkDb *db, const SkDryRunOrder *order, const Place *place, SkDbRows **ret_rows)
{
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(db,
		"SELECT r.terminal_id, r.seq, r.at, r.line FROM records r JOIN terminals t ON t.id = "
		"r.terminal_id WHERE r.kind = 'device.decided' AND r.facility_id = ",
		&sql);

	if (r < 0)
		return r;
	sk_sql_value(sql, sk_db_text(order->facility));
	sk_sql_add(sql, " AND r.at >= ");
	sk_sql_value(sql, sk_db_int(order->from));
	sk_sql_add(sql, " AND r.at <= ");
	sk_sql_value(sql, sk_db_int(place->at));
	sk_sql_add(sql, " AND (r.at < ");
	sk_sql_value(sql, sk_db_int(place->at));
	sk_sql_add(sql, " OR r.terminal_id < ");
	sk_sql_value(sql, sk_db_text(place->terminal));
	sk_sql_add(sql, " OR (r.terminal_id = ");
	sk_sql_value(sql, sk_db_text(place->terminal));
	sk_sql_add(sql, " AND r.seq < ");
	sk_sql_value(sql, sk_db_int(place->seq));
	sk_sql_add(sql, "))");
	if (order->group) {
		sk_sql_add(sql, " AND t.group_id = ");
		sk_sql_value(sql, sk_db_text(order->group));
	}
	sk_sql_add(sql, " ORDER BY r.at DESC, r.terminal_id DESC, r.seq DESC LIMIT ");
	sk_sql_value(sql, sk_db_int(PAGE));
	return sk_sql_query(sql, ret_rows);
}

/* Return: how many rows there were, or negative errno. */
static int read_page(SkDb *db, const SkDryRunOrder *order, Place *place, const Run *run)
{
	own_rows SkDbRows *rows = NULL;
	int r = open_page(db, order, place, &rows), count = 0;

	if (r < 0)
		return r;
	while ((r = sk_db_next(rows)) == 1) {
		r = judge(run, rows);
		if (r < 0)
			return r;
		place->at = sk_db_get_int(rows, 2);
		place->seq = sk_db_get_int(rows, 1);
		sk_str_copy(place->terminal, sizeof(place->terminal), sk_db_get_text(rows, 0));
		count++;
	}
	return r < 0 ? r : count;
}

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static SkPolicyMode mode_of(const char *mode)
{
	return sk_str_eq(mode, "enforcing") ? SK_POLICY_ENFORCE
	       : sk_str_eq(mode, "warning") ? SK_POLICY_WARN
					    : SK_POLICY_LEARN;
}

static json_t *result_json(const Run *run, bool complete, int64_t covered_from)
{
	json_t *result = sk_dry_run_counts_json(run->counts);
	char covered[SK_TIME_SIZE];

	sk_time_format(covered, covered_from);
	json_object_set_new(result, "complete", json_boolean(complete));
	json_object_set_new(result, "coveredFrom", json_string(covered));
	return result;
}

int sk_dry_run(SkDb *db, const SkPolicySnapshot *snapshot, const SkDryRunOrder *order, json_t **ret_result)
{
	own_dry_run_counts SkDryRunCounts *counts = sk_dry_run_counts_new();
	const SkPolicyTried *tried = order->tried;
	const Run run = {.rules = {.snapshot = snapshot,
				 .mode = mode_of(order->mode),
				 .types = tried && tried->has_types ? &tried->types : NULL},
		.counts = counts};
	/* Behind the newest one: names of terminals are not compared yet. */
	Place place = {.at = order->until + 1, .seq = INT64_MAX, .terminal = ""};
	int64_t end = monotonic_ms() + order->work_ms;
	int count;

	if (!counts)
		return -ENOMEM;
	do
		count = read_page(db, order, &place, &run);
	while (count == PAGE && monotonic_ms() < end);
	if (count < 0)
		return count;
	*ret_result = result_json(&run, count < PAGE, count < PAGE ? order->from : place.at);
	if (!*ret_result)
		return -ENOMEM;
	return json_object_set_new(
		*ret_result, "untried", tried ? json_incref(tried->untried) : json_array());
}

int sk_dry_run_store(const SkActor *actor, const char *version, const SkDryRunOrder *order,
	const json_t *result, char ret_id[SK_ID_SIZE])
{
	own_free char *text = json_dumps(result, JSON_COMPACT);
	int r = text ? sk_table_insert(actor->db, &sk_dry_runs_table, actor->scope,
			       &(SkWrite){SK_SETS({"facility_id", sk_db_text(order->facility)},
				       {"policy_version_id", sk_db_text(version)},
				       {"mode", sk_db_text(order->mode)},
				       {"valid_from", sk_db_int(order->from)},
				       {"valid_until", sk_db_int(order->until)},
				       {"state", sk_db_text("done")}, {"result", sk_db_text(text)},
				       {"created", sk_db_int(actor->now)},
				       {"created_by", sk_db_text(actor->person)})},
			       ret_id)
		     : -ENOMEM;

	return r < 0 ? r
		     : sk_actor_record(
			       actor, &(SkFact){"policy.tried", order->facility, "policy-version", version,
					      json_pack("{s:s, s:O, s:O}", "mode", order->mode, "records",
						      json_object_get(result, "records"), "refused",
						      json_object_get(result, "refused"))});
}
