/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/api/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

int sk_route_decode(char *text, bool plus_is_blank)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (*in == '%') {
			int high = sk_hex_digit(in[1]), low = high < 0 ? -1 : sk_hex_digit(in[2]);

			if (low < 0 || (high == 0 && low == 0))
				return -EINVAL;
			*out++ = (char)(high << 4 | low);
			in += 2;
		} else {
			*out++ = *in == '+' && plus_is_blank ? ' ' : *in;
		}
	}
	*out = 0;
	return sk_utf8_check(text, (size_t)(out - text)) ? 0 : -EINVAL;
}

typedef struct Path {
	char text[SK_ROUTE_PATH_MAX + 1];
	char *segments[SK_ROUTE_SEGMENTS_MAX];
	size_t count; /* SK_ROUTE_SEGMENTS_MAX + 1: more than any operation has */
} Path;

static int split(const char *path, Path *ret_path)
{
	char *next;

	if (path[0] != '/' || !sk_str_copy(ret_path->text, sizeof(ret_path->text), path + 1))
		return -EINVAL;
	ret_path->count = 0;
	for (char *at = ret_path->text; at; at = next) {
		next = strchr(at, '/');
		if (next)
			*next++ = 0;
		if (sk_route_decode(at, false) < 0)
			return -EINVAL;
		if (ret_path->count < SK_ROUTE_SEGMENTS_MAX)
			ret_path->segments[ret_path->count] = at;
		ret_path->count++;
	}
	return 0;
}

static bool matches(const SkApiOperation *operation, const Path *path)
{
	if (operation->n_segments != path->count)
		return false;
	for (size_t i = 0; i < path->count; i++) {
		const char *wanted = operation->segments[i];

		if (wanted[0] == '{' ? path->segments[i][0] == 0 : !sk_str_eq(wanted, path->segments[i]))
			return false;
	}
	return true;
}

static bool offered(const SkApiOperation *operation, SkApiAudience audience)
{
	return operation->audience == SK_API_PUBLIC || operation->audience == audience;
}

/* A literal path wins over one with parameters: how many of its segments are literal. */
static size_t literals(const SkApiOperation *operation)
{
	size_t count = 0;

	for (size_t i = 0; i < operation->n_segments; i++)
		count += operation->segments[i][0] != '{';
	return count;
}

static int take_values(const SkApiOperation *operation, const Path *path, SkRoute *route)
{
	for (size_t i = 0; i < path->count; i++) {
		route->values[i][0] = 0;
		if (operation->segments[i][0] == '{' &&
			!sk_str_copy(route->values[i], sizeof(route->values[i]), path->segments[i]))
			return -EINVAL;
	}
	return 0;
}

int sk_route_find(SkApiMethod method, const char *path, SkApiAudience audience, SkRoute *ret_route)
{
	Path split_path;
	size_t best = 0;

	ret_route->operation = NULL;
	ret_route->allowed = 0;
	if (split(path, &split_path) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sk_api_operations_size; i++) {
		const SkApiOperation *operation = &sk_api_operations[i];
		bool wanted = operation->method == method ||
			      (method == SK_API_HEAD && operation->method == SK_API_GET);

		if (!offered(operation, audience) || !matches(operation, &split_path))
			continue;
		ret_route->allowed |= 1u << operation->method;
		if (operation->method == SK_API_GET)
			ret_route->allowed |= 1u << SK_API_HEAD;
		if (wanted && literals(operation) >= best) {
			best = literals(operation);
			ret_route->operation = operation;
		}
	}
	return ret_route->operation ? take_values(ret_route->operation, &split_path, ret_route) : 0;
}

int sk_route_query(char *query, SkQueryPair *ret_pairs, size_t max, size_t *ret_count)
{
	size_t count = 0;
	char *next;

	if (query && strlen(query) > SK_ROUTE_QUERY_MAX)
		return -EINVAL;
	for (char *at = query; at; at = next) {
		char *value;

		next = strchr(at, '&');
		if (next)
			*next++ = 0;
		if (!*at)
			continue;
		value = strchr(at, '=');
		if (value)
			*value++ = 0;
		if (count == max || sk_route_decode(at, true) < 0 ||
			(value && sk_route_decode(value, true) < 0))
			return -EINVAL;
		ret_pairs[count++] = (SkQueryPair){at, value};
	}
	*ret_count = count;
	return 0;
}

static json_t *boolean_of(const char *text)
{
	if (sk_str_eq(text, "true"))
		return json_true();
	return sk_str_eq(text, "false") ? json_false() : json_string_nocheck(text);
}

/* What cannot be read stays text, which the check of types then refuses. */
static json_t *integer_of(const char *text)
{
	bool minus = text[0] == '-';
	uint64_t number;

	if (sk_num_parse(text + minus, 10, INT64_MAX, &number) < 0)
		return json_string_nocheck(text);
	return json_integer(minus ? -(json_int_t)number : (json_int_t)number);
}

static json_t *value_of(const SkApiNode *node, const char *text)
{
	if (node->type == SK_API_BOOLEAN)
		return boolean_of(text);
	if (node->type == SK_API_INTEGER)
		return integer_of(text);
	return json_string_nocheck(text);
}

static int add_path(const SkRoute *route, json_t *values, SkFaults *faults)
{
	const SkApiOperation *operation = route->operation;

	for (size_t i = 0; i < operation->n_segments; i++) {
		const char *segment = operation->segments[i];

		for (size_t k = 0; segment[0] == '{' && k < operation->n_path_fields; k++) {
			const SkApiField *field = &operation->path_fields[k];
			size_t length = strlen(field->name);

			if (strncmp(segment + 1, field->name, length) == 0 && segment[length + 1] == '}' &&
				json_object_set_new(
					values, field->name, value_of(field->node, route->values[i])) < 0)
				return -ENOMEM;
		}
	}
	for (size_t k = 0; k < operation->n_path_fields; k++) {
		const json_t *value = json_object_get(values, operation->path_fields[k].name);

		if (!value || !sk_validate(operation->path_fields[k].node, value, faults))
			return -ENOENT;
	}
	return 0;
}

static const SkApiField *find_field(const SkApiOperation *operation, const char *name)
{
	for (size_t i = 0; i < operation->n_query; i++)
		if (sk_str_eq(operation->query[i].name, name))
			return &operation->query[i];
	return NULL;
}

static int add_pair(
	const SkApiOperation *operation, const SkQueryPair *pair, json_t *values, SkFaults *faults)
{
	const SkApiField *field = find_field(operation, pair->name);
	char pointer[SK_VALIDATE_POINTER_SIZE], shown[128];
	SkFaults inner = {0};
	json_t *value;

	sk_utf8_escape(shown, sizeof(shown), pair->name, strlen(pair->name));
	sk_str_format(pointer, sizeof(pointer), "?%s", shown);
	if (!field) {
		sk_faults_add(faults, pointer, "is not known here");
		return 0;
	}
	if (json_object_get(values, field->name)) {
		sk_faults_add(faults, pointer, "is there twice");
		return 0;
	}
	value = value_of(field->node, pair->value ? pair->value : "");
	if (json_object_set_new(values, field->name, value) < 0)
		return -ENOMEM;
	if (!sk_validate(field->node, value, &inner))
		sk_faults_add(faults, pointer, "%s", inner.items[0].detail);
	return 0;
}

static int add_defaults(const SkApiOperation *operation, json_t *values, SkFaults *faults)
{
	char pointer[SK_VALIDATE_POINTER_SIZE];

	for (size_t i = 0; i < operation->n_query; i++) {
		const SkApiField *field = &operation->query[i];

		if (json_object_get(values, field->name))
			continue;
		if (field->required) {
			sk_str_format(pointer, sizeof(pointer), "?%s", field->name);
			sk_faults_add(faults, pointer, "is missing");
		} else if (field->node->fallback &&
			   json_object_set_new(
				   values, field->name, value_of(field->node, field->node->fallback)) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

int sk_route_parameters(
	const SkRoute *route, const SkQueryPair *pairs, size_t n_pairs, json_t **ret_values, SkFaults *faults)
{
	json_auto_t *values = json_object();
	SkFaults ignored = {0};
	int r = values ? add_path(route, values, &ignored) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n_pairs; i++)
		r = add_pair(route->operation, &pairs[i], values, faults);
	if (r == 0)
		r = add_defaults(route->operation, values, faults);
	if (r == 0)
		*ret_values = own_take(values);
	return r;
}
