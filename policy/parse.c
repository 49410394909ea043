/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "policy/parse.h"

#define ERRORS_MAX 50
#define RULES_MIN 64

static const char *const mode_names[] = {"learn", "warn", "enforce"};

void sk_policy_device_set(SkPolicyDevice *device, SkPolicyAttribute attribute, const char *value)
{
	device->own_[attribute] = (SkPolicyText){.data = value, .size = strlen(value)};
	device->text[attribute] = (SkPolicyValues){.items = &device->own_[attribute], .count = 1};
}

void sk_policy_file_free(SkPolicyFile *file)
{
	if (!file)
		return;
	free(file->rules);
	sk_arena_free(&file->arena);
	free(file);
}

static SkPolicyFile *new_file(const char *name)
{
	own_policy_file SkPolicyFile *file = calloc(1, sizeof(*file));
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	size_t size = strlen(base);

	if (!file)
		return NULL;
	if (size > strlen(".rules") && sk_str_eq(base + size - strlen(".rules"), ".rules"))
		size -= strlen(".rules");
	file->name = sk_arena_string(&file->arena, name, strlen(name));
	file->base_name = sk_arena_string(&file->arena, base, size);
	if (!file->name || !file->base_name)
		return NULL;
	return own_take(file);
}

/* BASENAME:LINE, made here so that a decision only has to point to it. */
static const char *name_rule(SkParser *parser, const SkPolicyFile *file, const SkRule *rule)
{
	char digits[12];
	size_t n = sizeof(digits), base = strlen(file->base_name);
	char *id;

	if (rule->effects && rule->effects->id)
		return rule->effects->id;
	digits[--n] = 0;
	for (uint32_t line = rule->line; line; line /= 10)
		digits[--n] = (char)('0' + line % 10);
	digits[--n] = ':';
	id = sk_arena_alloc(parser->arena, base + sizeof(digits) - n);
	if (!id)
		return NULL;
	memcpy(id, file->base_name, base);
	memcpy(id + base, digits + n, sizeof(digits) - n);
	return id;
}

static bool keep_rule(SkParser *parser, SkPolicyFile *file, const SkRule *rule)
{
	if (file->n_rules == file->rules_size) {
		size_t larger = file->rules_size ? 2 * file->rules_size : RULES_MIN;
		SkRule *rules = reallocarray(file->rules, larger, sizeof(*rules));

		if (!rules)
			return sk_parse_no_memory(parser);
		file->rules = rules;
		file->rules_size = larger;
	}
	file->rules[file->n_rules] = *rule;
	file->rules[file->n_rules].id = name_rule(parser, file, rule);
	return file->rules[file->n_rules++].id || sk_parse_no_memory(parser);
}

/* "mode learn" and nothing else but a comment; before the first rule, so that it is seen. */
static bool parse_mode(SkParser *parser, SkPolicyFile *file)
{
	const char *word;
	size_t size;
	int mode;

	parser->at += strlen("mode");
	sk_parse_blanks(parser);
	word = parser->at;
	size = sk_parse_word(parser);
	mode = sk_name_find(mode_names, SK_ARRAY_SIZE(mode_names), word, size);
	if (mode < 0)
		return sk_parse_expected(parser, word, N_("mode learn, warn or enforce"));
	if (file->has_mode || file->n_rules)
		return sk_parse_fail(parser, parser->start,
			N_("the mode of a file is stated once, before its first rule"));
	parser->at += size;
	sk_parse_blanks(parser);
	if (parser->at < parser->end && *parser->at != '#')
		return sk_parse_expected(parser, parser->at, N_("the end of the line"));
	file->has_mode = true;
	file->mode = (SkPolicyMode)mode;
	return true;
}

static bool is_mode(const SkParser *parser)
{
	size_t size = strlen("mode");

	return (size_t)(parser->end - parser->at) > size && memcmp(parser->at, "mode", size) == 0 &&
	       sk_parse_is_blank(parser->at[size]);
}

static bool parse_line(SkParser *parser, SkPolicyFile *file)
{
	size_t blanks = sk_parse_blanks(parser);
	SkRule rule = {.file = file};

	if (parser->at < parser->end && *parser->at == '#')
		return true;
	if (parser->at == parser->end && !blanks)
		return true;
	if (parser->at == parser->end)
		return sk_parse_fail(
			parser, parser->start, N_("a line with nothing but blanks; leave it empty"));
	if (blanks)
		return sk_parse_fail(parser, parser->start, N_("blanks before the rule"));
	if (is_mode(parser))
		return parse_mode(parser, file);
	return sk_parse_rule(parser, &rule) && keep_rule(parser, file, &rule);
}

static void parse_lines(SkParser *parser, SkPolicyFile *file, const char *text, size_t size)
{
	const char *end = text + size;

	while (text < end && parser->n_errors < ERRORS_MAX && !parser->no_memory) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));

		parser->line++;
		parser->start = parser->at = text;
		parser->end = feed ? feed : end;
		parse_line(parser, file);
		text = parser->end + 1;
	}
}

int sk_policy_parse(const char *text, size_t size, const char *name, const SkPolicyReport *report,
	SkPolicyFile **ret_file)
{
	own_policy_file SkPolicyFile *file = NULL;
	SkParser parser = {.report = report, .name = name};
	int r;

	if (size > SK_POLICY_FILE_SIZE_MAX)
		return -EFBIG;
	r = sk_policy_check_encoding(report, name, text, size);
	if (r < 0)
		return r;
	file = new_file(name);
	if (!file)
		return -ENOMEM;
	parser.arena = &file->arena;
	/* values point into this copy */
	text = sk_arena_copy(&file->arena, text, size);
	if (!text)
		return -ENOMEM;
	parse_lines(&parser, file, text, size);
	sk_parser_free(&parser);
	if (parser.no_memory)
		return -ENOMEM;
	if (parser.n_errors)
		return -EINVAL;
	*ret_file = own_take(file);
	return 0;
}
