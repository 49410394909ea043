/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policy_dry_run_counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "console/store/time.h"
#include "lib/base/str.h"

#define KEY_SIZE 400
/* Bounds of memory: a device on a rule, a terminal under one of these, each some 200 bytes. */
#define DEVICES_MAX 20000
#define PAIRS_MAX 200000
/* Listed; the others are in the sums. */
#define DEVICES_SHOWN 500
#define TERMINALS_SHOWN 500
#define RULES_SHOWN 200

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

struct SkDryRunCounts {
	uint64_t records, same, unknown[SK_REPLAY_WHYS], left_off;
	Count sums[SK_REPLAY_CHANGES];
	Count *devices, *rules, *terminals;
	Pair *pairs;
};

static void counts_free(Count **counts)
{
	Count *count, *next;

	HASH_ITER (hh, *counts, count, next) {
		HASH_DEL(*counts, count);
		json_decref(count->shown);
		free(count);
	}
}

SkDryRunCounts *sk_dry_run_counts_new(void)
{
	return calloc(1, sizeof(SkDryRunCounts));
}

void sk_dry_run_counts_free(SkDryRunCounts *counts)
{
	Pair *pair, *next;

	if (!counts)
		return;
	counts_free(&counts->devices);
	counts_free(&counts->rules);
	counts_free(&counts->terminals);
	HASH_ITER (hh, counts->pairs, pair, next) {
		HASH_DEL(counts->pairs, pair);
		free(pair);
	}
	free(counts);
}

/* Return: 1 it is new, 0 it was there (or there is no more room), -ENOMEM. */
static int add_pair(SkDryRunCounts *counts, const char *kind, const char *first, const char *second)
{
	char key[2 * KEY_SIZE];
	Pair *pair;
	size_t size;

	sk_str_format(key, sizeof(key), "%s\n%s\n%s", kind, first, second);
	size = strlen(key);
	HASH_FIND(hh, counts->pairs, key, size, pair);
	if (pair)
		return 0;
	if (HASH_COUNT(counts->pairs) >= PAIRS_MAX) {
		counts->left_off++;
		return 0;
	}
	pair = malloc(sizeof(*pair) + size + 1);
	if (!pair)
		return -ENOMEM;
	memcpy(pair->key, key, size + 1);
	HASH_ADD_KEYPTR(hh, counts->pairs, pair->key, size, pair);
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

static json_t *show_device(const SkDryRunFound *found)
{
	const SkReplayDevice *device = &found->device;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "change",
		sk_replay_change_name(found->replayed.change), "id", device->id, "name", device->name,
		"serial", device->serial, "hash", device->hash, "before", device->rule, "rule",
		found->replayed.rule, "file", found->replayed.file, "line", (json_int_t)found->replayed.line);
}

static json_t *show_rule(const SkDryRunFound *found)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "change", sk_replay_change_name(found->replayed.change),
		"rule", found->replayed.rule, "file", found->replayed.file, "line",
		(json_int_t)found->replayed.line);
}

static int count_rule(SkDryRunCounts *counts, const SkDryRunFound *found, const char *key)
{
	bool is_new, new_device = add_pair(counts, "rule-device", key, found->device.hash) == 1;
	int new_terminal = add_pair(counts, "rule", key, found->terminal);
	Count *rule = find_count(&counts->rules, key, &is_new);

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

static int count_device(SkDryRunCounts *counts, const SkDryRunFound *found, const char *rule_key)
{
	char key[KEY_SIZE];
	bool is_new;
	Count *device;
	int new_terminal;

	if (!sk_str_format(key, sizeof(key), "%s\n%s", rule_key, found->device.hash))
		return 0;
	new_terminal = add_pair(counts, "device", key, found->terminal);
	if (new_terminal < 0)
		return new_terminal;
	device = find_count(&counts->devices, key, &is_new);
	if (!device) {
		counts->left_off++;
		return 0;
	}
	if (is_new)
		device->shown = show_device(found);
	device->records++;
	device->terminals += new_terminal == 1;
	device->last = found->at > device->last ? found->at : device->last;
	return 0;
}

static int count_change(SkDryRunCounts *counts, const SkDryRunFound *found)
{
	const char *change = sk_replay_change_name(found->replayed.change);
	Count *sum = &counts->sums[found->replayed.change], *terminal;
	int new_device = add_pair(counts, "change-device", change, found->device.hash);
	int new_terminal = add_pair(counts, "change", change, found->terminal);
	char rule_key[KEY_SIZE];
	bool is_new;
	int r = new_device < 0 ? new_device : new_terminal < 0 ? new_terminal : 0;

	sum->records++;
	sum->devices += new_device == 1;
	sum->terminals += new_terminal == 1;
	terminal = find_count(&counts->terminals, found->terminal, &is_new);
	if (terminal)
		terminal->by_change[found->replayed.change]++;
	sk_str_format(rule_key, sizeof(rule_key), "%s\n%s", change, found->replayed.rule);
	if (r == 0)
		r = count_rule(counts, found, rule_key);
	return r < 0 ? r : count_device(counts, found, rule_key);
}

int sk_dry_run_count(SkDryRunCounts *counts, const SkDryRunFound *found)
{
	counts->records++;
	if (found->replayed.change == SK_REPLAY_SAME)
		counts->same++;
	else if (found->replayed.change == SK_REPLAY_UNKNOWN)
		counts->unknown[found->replayed.why]++;
	else
		return count_change(counts, found);
	return 0;
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

static json_t *devices_json(SkDryRunCounts *counts)
{
	json_t *list = json_array();
	char last[SK_TIME_SIZE];

	HASH_SORT(counts->devices, by_terminals);
	for (Count *device = counts->devices; device; device = device->hh.next) {
		if (json_array_size(list) >= DEVICES_SHOWN) {
			counts->left_off++;
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

static json_t *rules_json(SkDryRunCounts *counts)
{
	json_t *list = json_array(), *sum;

	HASH_SORT(counts->rules, by_terminals);
	for (Count *rule = counts->rules; rule && json_array_size(list) < RULES_SHOWN; rule = rule->hh.next) {
		sum = sum_json(rule);
		json_object_update(rule->shown, sum);
		json_decref(sum);
		json_array_append(list, rule->shown);
	}
	return list;
}

static json_t *terminals_json(SkDryRunCounts *counts)
{
	json_t *list = json_array(), *row;

	HASH_SORT(counts->terminals, by_refused);
	for (Count *terminal = counts->terminals; terminal && json_array_size(list) < TERMINALS_SHOWN;
		terminal = terminal->hh.next) {
		row = json_pack("{s:s}", "terminal", terminal->key);
		for (SkReplayChange change = SK_REPLAY_REFUSED; change <= SK_REPLAY_ALLOWED; change++)
			set_count(row, sk_replay_change_name(change), terminal->by_change[change]);
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *unknown_json(const SkDryRunCounts *counts)
{
	json_t *list = json_array();

	for (SkReplayWhy why = 0; why < SK_REPLAY_WHYS; why++)
		if (counts->unknown[why] > 0)
			json_array_append_new(list, json_pack("{s:s, s:I}", "why", sk_replay_why_name(why),
							    "records", (json_int_t)counts->unknown[why]));
	return list;
}

json_t *sk_dry_run_counts_json(SkDryRunCounts *counts)
{
	json_t *result = json_object();

	set_count(result, "records", counts->records);
	set_count(result, "same", counts->same);
	for (SkReplayChange change = SK_REPLAY_REFUSED; change <= SK_REPLAY_ALLOWED; change++)
		json_object_set_new(result, sk_replay_change_name(change), sum_json(&counts->sums[change]));
	json_object_set_new(result, "unknown", unknown_json(counts));
	json_object_set_new(result, "rules", rules_json(counts));
	json_object_set_new(result, "devices", devices_json(counts));
	json_object_set_new(result, "terminals", terminals_json(counts));
	set_count(result, "leftOff", counts->left_off);
	return result;
}
