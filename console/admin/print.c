/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers for people: a list as a table, a thing as lines. What the console sends is foreign text to a
 * terminal. */
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "console/admin/admin.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define CELL_MAX 400
#define COLUMNS_MAX 24

static void show(const json_t *value, char cell[CELL_MAX])
{
	char *text;

	cell[0] = 0;
	if (json_is_string(value)) {
		sk_utf8_escape(cell, CELL_MAX, json_string_value(value), json_string_length(value));
	} else if (!json_is_null(value) && value) {
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		if (text)
			sk_utf8_escape(cell, CELL_MAX, text, strlen(text));
		free(text);
	}
}

/* Columns of the terminal: kana and kanji take two. */
static int width_of(const char *text)
{
	wchar_t wide[CELL_MAX];
	size_t count = mbstowcs(wide, text, CELL_MAX - 1);
	int width = count == (size_t)-1 ? -1 : wcswidth(wide, count);

	return width < 0 ? (int)strlen(text) : width;
}

static void print_cell(const char *text, int width, bool last)
{
	fputs(text, stdout);
	if (!last)
		printf("%*s", width - width_of(text) + 2, "");
}

static bool is_cell(const json_t *value)
{
	return !json_is_object(value) && !json_is_array(value);
}

static size_t find_columns(const json_t *items, const char *names[COLUMNS_MAX])
{
	size_t count = 0, i;
	const char *key;
	json_t *item, *value;

	json_array_foreach (items, i, item)
		json_object_foreach (item, key, value) {
			bool known = !is_cell(value);

			for (size_t k = 0; k < count && !known; k++)
				known = sk_str_eq(names[k], key);
			if (!known && count < COLUMNS_MAX)
				names[count++] = key;
		}
	return count;
}

static void print_table(const json_t *items)
{
	const char *names[COLUMNS_MAX];
	size_t count = find_columns(items, names), i;
	int widths[COLUMNS_MAX];
	char cell[CELL_MAX];
	json_t *item;

	for (size_t k = 0; k < count; k++) {
		widths[k] = width_of(names[k]);
		json_array_foreach (items, i, item) {
			show(json_object_get(item, names[k]), cell);
			if (width_of(cell) > widths[k])
				widths[k] = width_of(cell);
		}
	}
	for (size_t k = 0; k < count; k++)
		print_cell(names[k], widths[k], k + 1 == count);
	putchar('\n');
	json_array_foreach (items, i, item) {
		for (size_t k = 0; k < count; k++) {
			show(json_object_get(item, names[k]), cell);
			print_cell(cell, widths[k], k + 1 == count);
		}
		putchar('\n');
	}
}

static void print_lines(const json_t *object, int indent)
{
	const char *key;
	char cell[CELL_MAX];
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		if (json_is_object(value)) {
			printf("%*s%s:\n", indent, "", key);
			print_lines(value, indent + 2);
			continue;
		}
		show(value, cell);
		printf("%*s%s: %s\n", indent, "", key, cell);
	}
}

void admin_print(const json_t *answer)
{
	const json_t *items = json_object_get(answer, "items"), *next = json_object_get(answer, "next");

	if (!json_is_array(items)) {
		print_lines(answer, 0);
		return;
	}
	if (json_array_size(items) > 0)
		print_table(items);
	if (json_is_string(next))
		printf(_("more: --after %s\n"), json_string_value(next));
}

static void say(const char *text)
{
	char shown[1200];

	if (!text)
		return;
	sk_utf8_escape(shown, sizeof(shown), text, strlen(text));
	fprintf(stderr, "%s\n", shown);
}

int admin_explain(const AdminAnswer *answer)
{
	const char *code = json_string_value(json_object_get(answer->json, "code"));
	const json_t *errors = json_object_get(answer->json, "errors");
	char line[1200];
	json_t *error;
	size_t i;

	if (!code) {
		fprintf(stderr, _("sekisho-admin: the server answered %ld and is perhaps no console\n"),
			answer->status);
		return ADMIN_ERROR;
	}
	sk_str_format(line, sizeof(line), "%s: %s", code,
		json_string_value(json_object_get(answer->json, "title")));
	say(line);
	say(json_string_value(json_object_get(answer->json, "detail")));
	json_array_foreach (errors, i, error) {
		sk_str_format(line, sizeof(line), "  %s %s",
			json_string_value(json_object_get(error, "pointer")),
			json_string_value(json_object_get(error, "detail")));
		say(line);
	}
	say(json_string_value(json_object_get(answer->json, "next")));
	if (answer->status == 401)
		return ADMIN_NOT_SIGNED_IN;
	return answer->status >= 500 ? ADMIN_ERROR : ADMIN_REFUSED;
}
