/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moving through a line, sets of values, and telling what is wrong. Whatever formats a message is out of the
 * way of what runs for every byte.
 */
#include <stdarg.h>
#include <string.h>

#include "lib/base/str.h"
#include "policy/parse.h"

#define SCRATCH_SIZE_MIN 1024

void sk_parser_free(SkParser *parser)
{
	free(parser->scratch);
	parser->scratch = NULL;
}

uint32_t sk_parse_column(const SkParser *parser, const char *at)
{
	return (uint32_t)(at - parser->start) + 1 + parser->column_offset;
}

bool sk_parse_fail(SkParser *parser, const char *at, const char *format, ...)
{
	char text[384];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), sk_policy_words(parser->report, format), arguments);
	va_end(arguments);
	parser->n_errors++;
	sk_policy_report(parser->report,
		&(SkPlace){SK_POLICY_ERROR, parser->name, parser->line, sk_parse_column(parser, at)}, "%s",
		text);
	return false;
}

bool sk_parse_no_memory(SkParser *parser)
{
	parser->no_memory = true;
	return false;
}

bool sk_parse_expected(SkParser *parser, const char *at, const char *wanted)
{
	const char *what = sk_policy_words(parser->report, wanted);
	char shown[SK_QUOTE_SIZE];
	size_t size = 1;

	if (at == parser->end)
		return sk_parse_fail(parser, at, N_("expected %s, not the end of the line"), what);
	if (*at == '\r')
		return sk_parse_fail(parser, at,
			N_("expected %s, not a carriage return (save the file with Unix line ends)"), what);
	while (at + size < parser->end && ((unsigned char)at[size] & 0xC0) == 0x80 && size < 4)
		size++;
	if (*at >= 'a' && *at <= 'z')
		while (at + size < parser->end && ((at[size] >= 'a' && at[size] <= 'z') || at[size] == '-'))
			size++;
	return sk_parse_fail(parser, at, N_("expected %s, not '%s'"), what, sk_policy_quote(shown, at, size));
}

bool sk_parse_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

size_t sk_parse_blanks(SkParser *parser)
{
	const char *from = parser->at;

	while (parser->at < parser->end && sk_parse_is_blank(*parser->at))
		parser->at++;
	return (size_t)(parser->at - from);
}

size_t sk_parse_word(const SkParser *parser)
{
	const char *at = parser->at;

	while (at < parser->end && ((*at >= 'a' && *at <= 'z') || *at == '-'))
		at++;
	return (size_t)(at - parser->at);
}

static __attribute__((cold)) bool grow_scratch(SkParser *parser)
{
	size_t larger = parser->scratch_size ? 2 * parser->scratch_size : SCRATCH_SIZE_MIN;
	char *scratch = realloc(parser->scratch, larger);

	if (!scratch)
		return sk_parse_no_memory(parser);
	parser->scratch = scratch;
	parser->scratch_size = larger;
	return true;
}

bool sk_parse_keep(SkParser *parser, const void *item, size_t size)
{
	/* no item is as large as the smallest scratch, so growing once is enough */
	if (size > parser->scratch_size - parser->scratch_used && !grow_scratch(parser))
		return false;
	memcpy(parser->scratch + parser->scratch_used, item, size);
	parser->scratch_used += size;
	return true;
}

void *sk_parse_take_set(SkParser *parser)
{
	void *copy = sk_arena_copy(
		parser->arena, parser->scratch + parser->set_begin, parser->scratch_used - parser->set_begin);

	parser->scratch_used = parser->set_begin;
	if (!copy)
		sk_parse_no_memory(parser);
	return copy;
}

static bool parse_braces(SkParser *parser, SkValueParser value, uint32_t *ret_count)
{
	uint32_t count = 0;

	parser->at++;
	sk_parse_blanks(parser);
	for (;;) {
		if (parser->at < parser->end && *parser->at == '}' && count) {
			parser->at++;
			*ret_count = count;
			return true;
		}
		if (!value(parser))
			return false;
		count++;
		if (!sk_parse_blanks(parser) && (parser->at == parser->end || *parser->at != '}'))
			return sk_parse_expected(parser, parser->at, N_("a blank or '}'"));
	}
}

bool sk_parse_set(SkParser *parser, SkValueParser value, SkSetOperator *ret_op, uint32_t *ret_count)
{
	const char *word = parser->at;
	size_t size = sk_parse_word(parser);
	int op = size >= strlen("all-of") ? sk_name_find(sk_set_names, SK_SET_COUNT_, word, size) : -1;

	/* what a set holds may begin with a pointer */
	parser->scratch_used = parser->set_begin = (parser->scratch_used + 7) & ~(size_t)7;
	*ret_op = SK_SET_COUNT_;
	if (op >= 0) {
		parser->at += size;
		if (!sk_parse_blanks(parser) || parser->at == parser->end || *parser->at != '{')
			return sk_parse_fail(parser, parser->at, N_("'%s' needs a set behind it: { ... }"),
				sk_set_names[op]);
		*ret_op = (SkSetOperator)op;
	}
	if (parser->at < parser->end && *parser->at == '{')
		return parse_braces(parser, value, ret_count);
	*ret_count = 1;
	return value(parser);
}

bool sk_parse_add(SkParser *parser, SkConstraint constraint)
{
	constraint.items = (const void *)(uintptr_t)parser->set_begin;
	parser->constraints[parser->n_constraints++] = constraint;
	return true;
}
