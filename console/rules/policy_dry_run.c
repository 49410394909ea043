/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policy_dry_run.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "console/rules/policy_replay.h"
#include "console/store/time.h"
#include "lib/base/str.h"

#define R SK_COLUMN_READ_ONLY
#define PAGE 1000
#define KEY_SIZE 400
/* Bounds of memory: a device on a rule, a terminal under one of these, each some 200 bytes. */
#define DEVICES_MAX 20000
#define PAIRS_MAX 200000
/* Listed; the others are in the sums. */
#define DEVICES_SHOWN 500
#define TERMINALS_SHOWN 500
#define RULES_SHOWN 200

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

/* Whatever is counted: a change, a device of it, a rule of it, a terminal. */
typedef struct Count {
	char key[KEY_SIZE];
	uint64_t records, devices, terminals;
	uint64_t by_change[SK_REPLAY_CHANGES]; /* of a terminal */
	int64_t last;
	json_t *shown; /* a device, as the answer has it; else NULL */
	UT_hash_handle hh;
} Count;

typedef struct Pair {
	UT_hash_handle hh;
	char key[];
} Pair;

typedef struct Run {
	const SkPolicySnapshot *snapshot;
	SkPolicyMode mode;
	uint64_t records, same, unknown[SK_REPLAY_WHYS], left_off;
	Count sums[SK_REPLAY_CHANGES];
	Count *devices, *rules, *terminals;
	Pair *pairs;
} Run;

static void counts_free(Count **counts)
{
	Count *count, *next;

	HASH_ITER (hh, *counts, count, next) {
		HASH_DEL(*counts, count);
		json_decref(count->shown);
		free(count);
	}
}

static void run_deinit(Run *run)
{
	Pair *pair, *next;

	counts_free(&run->devices);
	counts_free(&run->rules);
	counts_free(&run->terminals);
	HASH_ITER (hh, run->pairs, pair, next) {
		HASH_DEL(run->pairs, pair);
		free(pair);
	}
}

/* Return: 1 it is new, 0 it was there (or there is no more room), -ENOMEM. */
static int add_pair(Run *run, const char *kind, const char *first, const char *second)
{
	char key[2 * KEY_SIZE];
	Pair *pair;
	size_t size;

	sk_str_format(key, sizeof(key), "%s\n%s\n%s", kind, first, second);
	size = strlen(key);
	HASH_FIND(hh, run->pairs, key, size, pair);
	if (pair || HASH_COUNT(run->pairs) >= PAIRS_MAX)
		return 0;
	pair = malloc(sizeof(*pair) + size + 1);
	if (!pair)
		return -ENOMEM;
	memcpy(pair->key, key, size + 1);
	HASH_ADD_KEYPTR(hh, run->pairs, pair->key, size, pair);
	return 1;
}

/* The count of the key, made when there is room for it. Return: NULL without room or memory. */
static Count *find_count(Count **counts, const char *key, bool *ret_new)
{
	Count *count;

	HASH_FIND_STR(*counts, key, count);
	*ret_new = !count;
	if (count || HASH_COUNT(*counts) >= DEVICES_MAX)
		return count;
	count = calloc(1, sizeof(*count));
	if (!count)
		return NULL;
	sk_str_copy(count->key, sizeof(count->key), key);
	HASH_ADD_STR(*counts, key, count);
	return count;
}

typedef struct Found {
	const char *terminal;
	int64_t at;
	SkReplayDevice device;
	SkReplayed replayed;
} Found;

static json_t *show_device(const Found *found)
{
	const SkReplayDevice *device = &found->device;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "change",
		sk_replay_change_name(found->replayed.change), "id", device->id, "name", device->name,
		"serial", device->serial, "hash", device->hash, "before", device->rule, "rule",
		found->replayed.rule, "file", found->replayed.file, "line", (json_int_t)found->replayed.line);
}

static json_t *show_rule(const Found *found)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "change", sk_replay_change_name(found->replayed.change),
		"rule", found->replayed.rule, "file", found->replayed.file, "line",
		(json_int_t)found->replayed.line);
}

static int count_rule(Run *run, const Found *found, const char *key)
{
	bool is_new, new_device = add_pair(run, "rule-device", key, found->device.hash) == 1;
	int new_terminal = add_pair(run, "rule", key, found->terminal);
	Count *rule = find_count(&run->rules, key, &is_new);

	if (new_terminal < 0)
		return new_terminal;
	if (!rule)
		return 0;
	if (is_new)
		rule->shown = show_rule(found);
	rule->records++;
	rule->devices += new_device;
	rule->terminals += new_terminal == 1;
	return 0;
}

static int count_device(Run *run, const Found *found, const char *rule_key)
{
	char key[KEY_SIZE];
	bool is_new;
	Count *device;
	int new_terminal;

	if (!sk_str_format(key, sizeof(key), "%s\n%s", rule_key, found->device.hash))
		return 0;
	new_terminal = add_pair(run, "device", key, found->terminal);
	if (new_terminal < 0)
		return new_terminal;
	device = find_count(&run->devices, key, &is_new);
	if (!device) {
		run->left_off++;
		return 0;
	}
	if (is_new)
		device->shown = show_device(found);
	device->records++;
	device->terminals += new_terminal == 1;
	device->last = found->at > device->last ? found->at : device->last;
	return 0;
}

static int count_change(Run *run, const Found *found)
{
	const char *change = sk_replay_change_name(found->replayed.change);
	Count *sum = &run->sums[found->replayed.change], *terminal;
	int new_device = add_pair(run, "change-device", change, found->device.hash);
	int new_terminal = add_pair(run, "change", change, found->terminal);
	char rule_key[KEY_SIZE];
	bool is_new;
	int r = new_device < 0 ? new_device : new_terminal < 0 ? new_terminal : 0;

	sum->records++;
	sum->devices += new_device == 1;
	sum->terminals += new_terminal == 1;
	terminal = find_count(&run->terminals, found->terminal, &is_new);
	if (terminal)
		terminal->by_change[found->replayed.change]++;
	sk_str_format(rule_key, sizeof(rule_key), "%s\n%s", change, found->replayed.rule);
	if (r == 0)
		r = count_rule(run, found, rule_key);
	return r < 0 ? r : count_device(run, found, rule_key);
}

/* The line of an agent whose record cannot be read again is one that cannot be judged. */
static int judge(Run *run, const SkDbRows *rows)
{
	const char *line = sk_db_get_text(rows, 3);
	Found found = {.terminal = sk_db_get_text(rows, 0), .at = sk_db_get_int(rows, 2)};
	json_auto_t *body = NULL;
	int r = sk_replay_read(line, strlen(line), &body);

	if (r == -ENOMEM)
		return r;
	run->records++;
	if (r < 0 || !sk_replay_device(body, &found.device)) {
		run->unknown[SK_REPLAY_OLD_AGENT]++;
		return 0;
	}
	r = sk_replay(run->snapshot, run->mode, body, &found.replayed);
	if (r < 0)
		return r;
	if (found.replayed.change == SK_REPLAY_SAME)
		run->same++;
	else if (found.replayed.change == SK_REPLAY_UNKNOWN)
		run->unknown[found.replayed.why]++;
	else
		return count_change(run, &found);
	return 0;
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
static int read_page(SkDb *db, const SkDryRunOrder *order, Place *place, Run *run)
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

static int by_terminals(Count *a, Count *b)
{
	if (a->terminals != b->terminals)
		return a->terminals < b->terminals ? 1 : -1;
	if (a->records != b->records)
		return a->records < b->records ? 1 : -1;
	return strcmp(a->key, b->key);
}

static int by_refused(Count *a, Count *b)
{
	if (a->by_change[SK_REPLAY_REFUSED] != b->by_change[SK_REPLAY_REFUSED])
		return a->by_change[SK_REPLAY_REFUSED] < b->by_change[SK_REPLAY_REFUSED] ? 1 : -1;
	return strcmp(a->key, b->key);
}

static void set_count(json_t *object, const char *name, uint64_t number)
{
	json_object_set_new(object, name, json_integer((json_int_t)number));
}

static json_t *sum_json(const Count *sum)
{
	json_t *object = json_object();

	set_count(object, "records", sum->records);
	set_count(object, "devices", sum->devices);
	set_count(object, "terminals", sum->terminals);
	return object;
}

static json_t *devices_json(Run *run)
{
	json_t *list = json_array();
	char last[SK_TIME_SIZE];

	HASH_SORT(run->devices, by_terminals);
	for (Count *device = run->devices; device; device = device->hh.next) {
		if (json_array_size(list) >= DEVICES_SHOWN) {
			run->left_off++;
			continue;
		}
		set_count(device->shown, "records", device->records);
		set_count(device->shown, "terminals", device->terminals);
		sk_time_format(last, device->last);
		json_object_set_new(device->shown, "last", json_string(last));
		json_array_append(list, device->shown);
	}
	return list;
}

static json_t *rules_json(Run *run)
{
	json_t *list = json_array(), *sum;

	HASH_SORT(run->rules, by_terminals);
	for (Count *rule = run->rules; rule && json_array_size(list) < RULES_SHOWN; rule = rule->hh.next) {
		sum = sum_json(rule);
		json_object_update(rule->shown, sum);
		json_decref(sum);
		json_array_append(list, rule->shown);
	}
	return list;
}

static json_t *terminals_json(Run *run)
{
	json_t *list = json_array(), *row;

	HASH_SORT(run->terminals, by_refused);
	for (Count *terminal = run->terminals; terminal && json_array_size(list) < TERMINALS_SHOWN;
		terminal = terminal->hh.next) {
		row = json_pack("{s:s}", "terminal", terminal->key);
		for (SkReplayChange change = SK_REPLAY_REFUSED; change <= SK_REPLAY_ALLOWED; change++)
			set_count(row, sk_replay_change_name(change), terminal->by_change[change]);
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *unknown_json(const Run *run)
{
	json_t *list = json_array();

	for (SkReplayWhy why = 0; why < SK_REPLAY_WHYS; why++)
		if (run->unknown[why] > 0)
			json_array_append_new(list, json_pack("{s:s, s:I}", "why", sk_replay_why_name(why),
							    "records", (json_int_t)run->unknown[why]));
	return list;
}

static json_t *result_json(Run *run, bool complete, int64_t covered_from)
{
	json_t *result = json_object();
	char covered[SK_TIME_SIZE];

	sk_time_format(covered, covered_from);
	set_count(result, "records", run->records);
	set_count(result, "same", run->same);
	for (SkReplayChange change = SK_REPLAY_REFUSED; change <= SK_REPLAY_ALLOWED; change++)
		json_object_set_new(result, sk_replay_change_name(change), sum_json(&run->sums[change]));
	json_object_set_new(result, "unknown", unknown_json(run));
	json_object_set_new(result, "complete", json_boolean(complete));
	json_object_set_new(result, "coveredFrom", json_string(covered));
	json_object_set_new(result, "rules", rules_json(run));
	json_object_set_new(result, "devices", devices_json(run));
	json_object_set_new(result, "terminals", terminals_json(run));
	set_count(result, "leftOff", run->left_off);
	return result;
}

static SkPolicyMode mode_of(const char *mode)
{
	return sk_str_eq(mode, "enforcing") ? SK_POLICY_ENFORCE
	       : sk_str_eq(mode, "warning") ? SK_POLICY_WARN
					    : SK_POLICY_LEARN;
}

int sk_dry_run(SkDb *db, const SkPolicySnapshot *snapshot, const SkDryRunOrder *order, json_t **ret_result)
{
	own_(run_deinit) Run run = {.snapshot = snapshot, .mode = mode_of(order->mode)};
	Place place = {.at = order->until, .seq = INT64_MAX, .terminal = "~"};
	int64_t end = monotonic_ms() + order->work_ms;
	int count;

	do
		count = read_page(db, order, &place, &run);
	while (count == PAGE && monotonic_ms() < end);
	if (count < 0)
		return count;
	*ret_result = result_json(&run, count < PAGE, count < PAGE ? order->from : place.at);
	return *ret_result ? 0 : -ENOMEM;
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
