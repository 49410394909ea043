/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/api/validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "console/api/format.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

/* Where we are: a chain on the stack, from which a pointer is written only for a fault. */
typedef struct Place {
	const struct Place *outer;
	const char *name; /* NULL: an item of an array */
	size_t index;
	unsigned depth;
} Place;

typedef struct Writer {
	char *text;
	size_t size, used;
} Writer;

static void put(Writer *writer, const char *piece)
{
	size_t length = strlen(piece);

	if (writer->used + length < writer->size) {
		memcpy(writer->text + writer->used, piece, length + 1);
		writer->used += length;
	}
}

static void put_name(Writer *writer, const char *name)
{
	char shown[96];

	/* Names come from the sender: escaped, and short. */
	sk_utf8_escape(shown, sizeof(shown), name, strlen(name));
	for (const char *c = shown; *c; c++)
		put(writer, *c == '~' ? "~0" : *c == '/' ? "~1" : (char[]){*c, 0});
}

static void put_place(Writer *writer, const Place *place)
{
	char index[24];

	if (!place->outer)
		return;
	put_place(writer, place->outer);
	put(writer, "/");
	if (place->name) {
		put_name(writer, place->name);
	} else {
		sk_str_format(index, sizeof(index), "%zu", place->index);
		put(writer, index);
	}
}

static void add(SkFaults *faults, const char *pointer, const char *format, va_list ap)
{
	char raw[SK_VALIDATE_DETAIL_SIZE];
	SkFault *fault;

	if (faults->count == SK_VALIDATE_MAX)
		return;
	fault = &faults->items[faults->count++];
	if (vsnprintf(raw, sizeof(raw), format, ap) < 0)
		raw[0] = 0;
	sk_str_copy(fault->pointer, sizeof(fault->pointer), pointer);
	sk_utf8_escape(fault->detail, sizeof(fault->detail), raw, strlen(raw));
}

void sk_faults_add(SkFaults *faults, const char *pointer, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(faults, pointer, format, ap);
	va_end(ap);
}

__attribute__((format(printf, 3, 4))) static bool fail(
	SkFaults *faults, const Place *place, const char *format, ...)
{
	char pointer[SK_VALIDATE_POINTER_SIZE] = "";
	Writer writer = {pointer, sizeof(pointer), 0};
	va_list ap;

	put_place(&writer, place);
	va_start(ap, format);
	add(faults, pointer, format, ap);
	va_end(ap);
	return false;
}

static bool check(const SkApiNode *node, const json_t *value, const Place *place, SkFaults *faults);

/* Of any JSON only its depth is looked at, and that no text in it has a 0 character. */
static bool check_any(const SkApiNode *node, const json_t *value, const Place *place, SkFaults *faults)
{
	const char *key;
	json_t *inner;
	size_t i;
	bool good = true;

	if (place->depth >= SK_VALIDATE_DEPTH_MAX)
		return fail(faults, place, "is nested too deeply");
	if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value))
		return fail(faults, place, "has a 0 character");
	json_object_foreach ((json_t *)value, key, inner)
		good &= check_any(node, inner, &(Place){place, key, 0, place->depth + 1}, faults);
	json_array_foreach (value, i, inner)
		good &= check_any(node, inner, &(Place){place, NULL, i, place->depth + 1}, faults);
	return good;
}

static const SkApiField *find_field(const SkApiNode *node, const char *name)
{
	for (size_t i = 0; i < node->n_fields; i++)
		if (sk_str_eq(node->fields[i].name, name))
			return &node->fields[i];
	return NULL;
}

static bool check_object(const SkApiNode *node, const json_t *value, const Place *place, SkFaults *faults)
{
	bool good = true;
	const char *key;
	json_t *inner;

	if (!json_is_object(value))
		return fail(faults, place, "must be an object");
	for (size_t i = 0; i < node->n_fields; i++)
		if (node->fields[i].required && !json_object_get(value, node->fields[i].name))
			good = fail(faults, place, "%s is missing", node->fields[i].name);
	json_object_foreach ((json_t *)value, key, inner) {
		const Place here = {place, key, 0, place->depth + 1};
		const SkApiField *field = find_field(node, key);

		if (!field)
			good = fail(faults, &here, "is not known here");
		else
			good &= check(field->node, inner, &here, faults);
	}
	return good;
}

static bool check_array(const SkApiNode *node, const json_t *value, const Place *place, SkFaults *faults)
{
	size_t count = json_array_size(value), i;
	bool good = true;
	json_t *inner;

	if (!json_is_array(value))
		return fail(faults, place, "must be an array");
	if (count < (size_t)node->min || count > (size_t)node->max)
		return fail(faults, place, "has %zu items; %lld to %lld are allowed", count,
			(long long)node->min, (long long)node->max);
	json_array_foreach (value, i, inner)
		good &= check(node->items, inner, &(Place){place, NULL, i, place->depth + 1}, faults);
	return good;
}

static bool check_word(const SkApiNode *node, const char *text, const Place *place, SkFaults *faults)
{
	char list[SK_VALIDATE_DETAIL_SIZE - 32] = "";
	Writer writer = {list, sizeof(list), 0};

	for (const char *const *word = node->words; *word; word++) {
		if (sk_str_eq(*word, text))
			return true;
		put(&writer, word == node->words ? "" : ", ");
		put(&writer, *word);
	}
	return fail(faults, place, "must be one of: %s", list);
}

static bool check_string(const SkApiNode *node, const json_t *value, const Place *place, SkFaults *faults)
{
	const char *text = json_string_value(value);
	size_t size, length;

	if (!text)
		return fail(faults, place, "must be a string");
	size = json_string_length(value);
	if (strlen(text) != size)
		return fail(faults, place, "has a 0 character");
	if (node->words)
		return check_word(node, text, place, faults);
	length = sk_format_length(text, size);
	if (length < (size_t)node->min || length > (size_t)node->max)
		return fail(faults, place, "has %zu characters; %lld to %lld are allowed", length,
			(long long)node->min, (long long)node->max);
	if (!sk_format_check(node->format, text, size))
		return fail(faults, place, "must be %s", sk_format_describe(node->format));
	return true;
}

static bool check_integer(const SkApiNode *node, const json_t *value, const Place *place, SkFaults *faults)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value))
		return fail(faults, place, "must be a whole number");
	if (number < node->min || number > node->max)
		return fail(
			faults, place, "must be %lld to %lld", (long long)node->min, (long long)node->max);
	return true;
}

static bool check_boolean(const SkApiNode *node, const json_t *value, const Place *place, SkFaults *faults)
{
	(void)node;
	return json_is_boolean(value) || fail(faults, place, "must be true or false");
}

static bool check(const SkApiNode *node, const json_t *value, const Place *place, SkFaults *faults)
{
	static bool (*const checks[])(const SkApiNode *, const json_t *, const Place *, SkFaults *) = {
		[SK_API_ANY] = check_any,
		[SK_API_OBJECT] = check_object,
		[SK_API_ARRAY] = check_array,
		[SK_API_STRING] = check_string,
		[SK_API_INTEGER] = check_integer,
		[SK_API_BOOLEAN] = check_boolean,
	};

	if (json_is_null(value) && node->nullable)
		return true;
	return checks[node->type](node, value, place, faults);
}

bool sk_validate(const SkApiNode *node, const json_t *value, SkFaults *faults)
{
	return check(node, value, &(Place){0}, faults);
}

/* Nodes nest as deep as the contract says, whatever the value does. */
void sk_prune(const SkApiNode *node, json_t *value)
{
	json_t *inner;
	const char *key;
	void *next;
	size_t i;

	if (node->type == SK_API_OBJECT)
		json_object_foreach_safe(value, next, key, inner)
		{
			const SkApiField *field = find_field(node, key);

			if (field)
				sk_prune(field->node, inner);
			else
				json_object_del(value, key);
		}
	else if (node->type == SK_API_ARRAY)
		json_array_foreach (value, i, inner)
			sk_prune(node->items, inner);
}

json_t *sk_faults_to_json(const SkFaults *faults)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < faults->count; i++)
		if (json_array_append_new(list, json_pack("{s:s, s:s}", "pointer", faults->items[i].pointer,
							"detail", faults->items[i].detail)) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}
