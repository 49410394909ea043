/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policy_diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "console/rules/policy_check.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/conf/ini.h"

#define NONE SIZE_MAX

typedef struct Rule {
	const char *file;
	int line;
	const char *text; /* not terminated */
	size_t size;
	size_t other;  /* the same rule in the other version, or NONE */
	bool in_order; /* and the ones around it stand around it there, too */
	size_t next;   /* the next rule of the same text that nobody has taken yet */
	UT_hash_handle hh;
} Rule;

typedef struct Rules {
	Rule *items;
	size_t count, room;
} Rules;

static void rules_deinit(Rules *rules)
{
	free(rules->items);
}

static int add_rule(Rules *rules, const Rule *rule)
{
	if (rules->count == rules->room) {
		size_t room = rules->room ? 2 * rules->room : 256;
		Rule *grown = reallocarray(rules->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		rules->items = grown;
		rules->room = room;
	}
	rules->items[rules->count++] = *rule;
	return 0;
}

static int read_file(Rules *rules, const char *name, const char *text)
{
	int r = 0;

	for (int line = 1; r == 0 && *text; line++) {
		size_t size = strcspn(text, "\n"), start = strspn(text, " \t");
		Rule rule = {.file = name, .line = line, .text = text, .size = size, .other = NONE};

		if (start < size && text[start] != '#')
			r = add_rule(rules, &rule);
		text += size + (text[size] == '\n');
	}
	return r;
}

static int read_rules(const json_t *files, Rules *rules)
{
	size_t i;
	json_t *file;
	int r = 0;

	json_array_foreach (files, i, file) {
		const char *name = json_string_value(json_object_get(file, "name"));

		if (r == 0 && !sk_str_eq(name, SK_POLICY_SETTINGS_FILE))
			r = read_file(rules, name, json_string_value(json_object_get(file, "text")));
	}
	return r;
}

/* Equal texts are the same rule, the first with the first and so on. */
static void match_equal(Rules *before, Rules *after)
{
	Rule *heads = NULL, *head;

	for (size_t i = after->count; i-- > 0;) {
		Rule *rule = &after->items[i];

		HASH_FIND(hh, heads, rule->text, rule->size, head);
		rule->next = head ? (size_t)(head - after->items) : NONE;
		if (head)
			HASH_DEL(heads, head);
		HASH_ADD_KEYPTR(hh, heads, rule->text, rule->size, rule);
	}
	for (size_t i = 0; i < before->count; i++) {
		Rule *rule = &before->items[i];

		HASH_FIND(hh, heads, rule->text, rule->size, head);
		if (!head)
			continue;
		rule->other = (size_t)(head - after->items);
		head->other = i;
		HASH_DEL(heads, head);
		if (head->next != NONE) {
			head = &after->items[head->next];
			HASH_ADD_KEYPTR(hh, heads, head->text, head->size, head);
		}
	}
	HASH_CLEAR(hh, heads);
}

/* The longest run of rules that stand in the same order in both: all others were moved. */
static int find_order(Rules *before, Rules *after)
{
	own_free size_t *tails = calloc(before->count + 1, sizeof(*tails));
	own_free size_t *previous = calloc(before->count + 1, sizeof(*previous));
	size_t length = 0, at;

	if (!tails || !previous)
		return -ENOMEM;
	for (size_t i = 0; i < before->count; i++) {
		size_t low = 0, high = length, other = before->items[i].other;

		if (other == NONE)
			continue;
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (before->items[tails[middle]].other < other)
				low = middle + 1;
			else
				high = middle;
		}
		previous[i] = low > 0 ? tails[low - 1] : NONE;
		tails[low] = i;
		length = low == length ? length + 1 : length;
	}
	for (at = length > 0 ? tails[length - 1] : NONE; at != NONE; at = previous[at]) {
		before->items[at].in_order = true;
		after->items[before->items[at].other].in_order = true;
	}
	return 0;
}

/* The answer while it is written. */
typedef struct Diff {
	json_t *rules, *settings;
	FILE *text;
	int left_off;
} Diff;

static json_t *rule_json(const Rule *rule)
{
	return rule ? json_pack("{s:s, s:i, s:s%}", "file", rule->file, "line", rule->line, "text",
			      rule->text, rule->size)
		    : json_null();
}

static void write_rule(const Diff *diff, char mark, const Rule *rule)
{
	if (rule)
		fprintf(diff->text, "%c %s:%d: %.*s\n", mark, rule->file, rule->line, (int)rule->size,
			rule->text);
}

static void tell(Diff *diff, const char *change, const Rule *before, const Rule *after)
{
	if (json_array_size(diff->rules) >= SK_POLICY_DIFF_MAX) {
		diff->left_off++;
		return;
	}
	json_array_append_new(diff->rules, json_pack("{s:s, s:o, s:o}", "change", change, "before",
						   rule_json(before), "after", rule_json(after)));
	if (before && after && before->size == after->size &&
		memcmp(before->text, after->text, before->size) == 0) {
		fprintf(diff->text, "> %s:%d -> %s:%d: %.*s\n", before->file, before->line, after->file,
			after->line, (int)after->size, after->text);
		return;
	}
	write_rule(diff, '-', before);
	write_rule(diff, '+', after);
}

/* What stands between two rules that stayed, in both: one for one it was changed, the rest came or went. */
static void tell_gap(Diff *diff, const Rules *before, size_t *from, const Rules *after, size_t *to)
{
	size_t i = *from, k = *to;

	for (;;) {
		const Rule *old = NULL, *new = NULL;

		for (; i < before->count && !before->items[i].in_order && !old; i++)
			if (before->items[i].other == NONE)
				old = &before->items[i];
		for (; k < after->count && !after->items[k].in_order && !new; k++) {
			if (after->items[k].other == NONE)
				new = &after->items[k];
			else
				tell(diff, "moved", &before->items[after->items[k].other], &after->items[k]);
		}
		if (!old && !new)
			break;
		tell(diff, old && new ? "changed" : old ? "removed" : "added", old, new);
	}
	*from = i;
	*to = k;
}

static void tell_rules(Diff *diff, const Rules *before, const Rules *after)
{
	size_t i = 0, k = 0;

	do {
		tell_gap(diff, before, &i, after, &k);
		/* Both stand at the same rule now, or at the end. */
		if (i < before->count && k < after->count &&
			!sk_str_eq(before->items[i].file, after->items[k].file))
			tell(diff, "moved", &before->items[i], &after->items[k]);
		i++;
		k++;
	} while (i <= before->count || k <= after->count);
}

/* "Section/Key" -> value. */
static json_t *read_settings(const json_t *files)
{
	const char *text = sk_policy_file_text(files, SK_POLICY_SETTINGS_FILE);
	json_t *values = json_object();
	char name[256];
	SkIni ini;
	int item;

	if (!text)
		return values;
	sk_ini_init(&ini, text, strlen(text));
	while ((item = sk_ini_next(&ini)) != SK_INI_END)
		if (item == SK_INI_SETTING &&
			sk_str_format(name, sizeof(name), "%.*s/%.*s", (int)ini.section.size,
				ini.section.text ? ini.section.text : "", (int)ini.key.size, ini.key.text))
			json_object_set_new(values, name, json_stringn(ini.value.text, ini.value.size));
	return values;
}

static void tell_setting(Diff *diff, const char *name, const json_t *before, const json_t *after)
{
	size_t section = strcspn(name, "/");

	if (json_equal(before, after))
		return;
	json_array_append_new(diff->settings, json_pack("{s:s, s:s%, s:s, s:O?, s:O?}", "change",
						      before && after ? "changed"
						      : before	      ? "removed"
								      : "added",
						      "section", name, section, "key", name + section + 1,
						      "before", before, "after", after));
	if (before)
		fprintf(diff->text, "- [%.*s] %s=%s\n", (int)section, name, name + section + 1,
			json_string_value(before));
	if (after)
		fprintf(diff->text, "+ [%.*s] %s=%s\n", (int)section, name, name + section + 1,
			json_string_value(after));
}

static int tell_settings(Diff *diff, const json_t *before, const json_t *after)
{
	json_auto_t *old = read_settings(before), *new = read_settings(after);
	const char *name;
	json_t *value;

	if (!old || !new)
		return -ENOMEM;
	json_object_foreach (old, name, value)
		tell_setting(diff, name, value, json_object_get(new, name));
	json_object_foreach (new, name, value)
		if (!json_object_get(old, name))
			tell_setting(diff, name, NULL, value);
	return 0;
}

static int compare(Diff *diff, const json_t *before, const json_t *after)
{
	own_(rules_deinit) Rules old = {NULL}, new = {NULL};
	int r = read_rules(before, &old);

	if (r == 0)
		r = read_rules(after, &new);
	if (r < 0)
		return r;
	match_equal(&old, &new);
	r = find_order(&old, &new);
	if (r < 0)
		return r;
	tell_rules(diff, &old, &new);
	return tell_settings(diff, before, after);
}

int sk_policy_diff(const json_t *before, const json_t *after, json_t **ret_diff)
{
	own_free char *text = NULL;
	size_t size = 0;
	json_auto_t *rules = json_array(), *settings = json_array();
	Diff diff = {rules, settings, open_memstream(&text, &size), 0};
	int r = diff.text && rules && settings ? 0 : -ENOMEM;

	if (r == 0)
		r = compare(&diff, before, after);
	if (diff.text && fclose(diff.text) != 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret_diff = json_pack("{s:O, s:O, s:s, s:i}", "rules", rules, "settings", settings, "text", text,
		"leftOff", diff.left_off);
	return *ret_diff ? 0 : -ENOMEM;
}
