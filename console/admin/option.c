/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/admin/option.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

void admin_option_name(const char *member, char ret_name[ADMIN_OPTION_SIZE])
{
	size_t used = 0;

	for (; *member && used + 2 < ADMIN_OPTION_SIZE; member++) {
		bool large = *member >= 'A' && *member <= 'Z';

		if (large)
			ret_name[used++] = '-';
		ret_name[used++] = (char)(large ? *member - 'A' + 'a' : *member);
	}
	ret_name[used] = 0;
}

size_t admin_body_fields(const SkApiOperation *operation, const SkApiField **ret_fields)
{
	if (!operation->body || operation->body->type != SK_API_OBJECT)
		return 0;
	*ret_fields = operation->body->fields;
	return operation->body->n_fields;
}

static int wrong(const char *name, const char *text)
{
	fprintf(stderr, "sekisho-admin: --%s: %s\n", name, text);
	return -EINVAL;
}

/* Return: NULL after having said why. */
static json_t *read_value(const SkApiNode *node, const char *name, const char *text)
{
	uint64_t number;
	bool minus = text[0] == '-';
	json_t *value;

	switch (node->type) {
	case SK_API_STRING:
		value = json_string(text);
		if (!value)
			wrong(name, _("is no UTF-8"));
		return value;
	case SK_API_INTEGER:
		if (sk_num_parse(text + minus, 10, INT64_MAX, &number) == 0)
			return json_integer(minus ? -(json_int_t)number : (json_int_t)number);
		wrong(name, _("is no whole number"));
		return NULL;
	case SK_API_BOOLEAN:
		if (sk_str_eq(text, "true") || sk_str_eq(text, "false"))
			return json_boolean(text[0] == 't');
		wrong(name, _("is true or false"));
		return NULL;
	default:
		value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
		if (!value)
			wrong(name, _("is no JSON"));
		return value;
	}
}

static bool is_list(const SkApiNode *node)
{
	return node->type == SK_API_ARRAY && node->items->type != SK_API_OBJECT &&
	       node->items->type != SK_API_ARRAY && node->items->type != SK_API_ANY;
}

static int add_value(json_t *object, const SkApiField *field, const char *name, const char *text)
{
	json_t *list = json_object_get(object, field->name), *value;

	if (!is_list(field->node)) {
		if (list)
			return wrong(name, _("is there twice"));
		value = read_value(field->node, name, text);
		return value && json_object_set_new(object, field->name, value) == 0 ? 0 : -EINVAL;
	}
	if (!list) {
		list = json_array();
		if (json_object_set_new(object, field->name, list) < 0)
			return -ENOMEM;
	}
	value = read_value(field->node->items, name, text);
	return value && json_array_append_new(list, value) == 0 ? 0 : -EINVAL;
}

typedef struct Target {
	const SkApiField *field;
	json_t *object;
} Target;

static bool find_in(const SkApiField *fields, size_t count, const char *name, const SkApiField **ret_field)
{
	char option[ADMIN_OPTION_SIZE];

	for (size_t i = 0; i < count; i++) {
		admin_option_name(fields[i].name, option);
		if (sk_str_eq(option, name)) {
			*ret_field = &fields[i];
			return true;
		}
	}
	return false;
}

static bool find(const SkApiOperation *operation, AdminOptions *options, const char *name, Target *ret_target)
{
	const SkApiField *body = NULL;
	size_t n_body = admin_body_fields(operation, &body);

	ret_target->object = options->values;
	if (find_in(operation->path_fields, operation->n_path_fields, name, &ret_target->field) ||
		find_in(operation->query, operation->n_query, name, &ret_target->field))
		return true;
	ret_target->object = options->body;
	return find_in(body, n_body, name, &ret_target->field);
}

static int take_common(AdminOptions *options, const char *name, const char *value, bool *ret_takes_value)
{
	*ret_takes_value = true;
	if (sk_str_eq(name, "body"))
		options->body_file = value;
	else if (sk_str_eq(name, "output"))
		options->output = value;
	else {
		*ret_takes_value = false;
		if (sk_str_eq(name, "json"))
			options->json = true;
		else if (sk_str_eq(name, "help"))
			options->help = true;
		else
			return -ENOENT;
		return 0;
	}
	return value ? 0 : wrong(name, _("needs a value"));
}

/* One option. Return: how many words it took, or -EINVAL. */
static int take(const SkApiOperation *operation, AdminOptions *options, char **argv, int argc)
{
	own_free char *name = strdup(argv[0] + 2);
	char *equals = name ? strchr(name, '=') : NULL;
	const char *value = equals ? equals + 1 : argc > 1 ? argv[1] : NULL;
	Target target;
	bool takes_value;
	int r;

	if (!name)
		return -ENOMEM;
	if (equals)
		*equals = 0;
	if (find(operation, options, name, &target)) {
		if (!value)
			return wrong(name, _("needs a value"));
		r = add_value(target.object, target.field, name, value);
		return r < 0 ? r : equals ? 1 : 2;
	}
	if (sk_str_starts(name, "no-") && find(operation, options, name + 3, &target))
		return json_object_set_new(target.object, target.field->name, json_null()) < 0 ? -ENOMEM : 1;
	r = take_common(options, name, equals ? argv[0] + 2 + (value - name) : value, &takes_value);
	if (r == -ENOENT)
		return wrong(name, _("is no option of this command; --help lists them"));
	return r < 0 ? r : takes_value && !equals ? 2 : 1;
}

/* A word alone is the next parameter of the path. */
static int take_word(const SkApiOperation *operation, AdminOptions *options, const char *word)
{
	for (size_t i = 0; i < operation->n_path_fields; i++)
		if (!json_object_get(options->values, operation->path_fields[i].name))
			return add_value(options->values, &operation->path_fields[i],
				       operation->path_fields[i].name, word) < 0
				       ? -EINVAL
				       : 1;
	fprintf(stderr, _("sekisho-admin: '%s' is one word too many\n"), word);
	return -EINVAL;
}

int admin_options_parse(const SkApiOperation *operation, int argc, char **argv, AdminOptions *ret_options)
{
	AdminOptions options = {.values = json_object(), .body = json_object()};
	int r = options.values && options.body ? 0 : -ENOMEM;

	for (int i = 0; r >= 0 && i < argc; i += r)
		r = sk_str_starts(argv[i], "--") ? take(operation, &options, argv + i, argc - i)
						 : take_word(operation, &options, argv[i]);
	if (r < 0) {
		admin_options_deinit(&options);
		return r;
	}
	*ret_options = options;
	return 0;
}

void admin_options_deinit(AdminOptions *options)
{
	json_decref(options->values);
	json_decref(options->body);
	*options = (AdminOptions){.values = NULL};
}
