/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "lib/base/str.h"
#include "policy/parse.h"

static bool parse_fixed(SkParser *parser, const SkPolicyText *argument, SkCondition *condition)
{
	(void)parser;
	(void)argument;
	(void)condition;
	return true;
}

static bool parse_localtime(SkParser *parser, const SkPolicyText *argument, SkCondition *condition)
{
	if (sk_clock_parse_localtime(argument, condition))
		return true;
	return sk_parse_fail(
		parser, argument->data, N_("localtime() needs HH:MM or HH:MM-HH:MM, the earlier time first"));
}

static bool parse_elapsed(SkParser *parser, const SkPolicyText *argument, SkCondition *condition)
{
	if (sk_clock_parse_duration(argument, &condition->number))
		return true;
	return sk_parse_fail(parser, argument->data, N_("the time passed must be HH:MM:SS, HH:MM or SS"));
}

/* What std::stod() takes: the longest number at the start, but none that overflows or underflows. */
static bool parse_random(SkParser *parser, const SkPolicyText *argument, SkCondition *condition)
{
	char *number, *end;
	locale_t locale;

	condition->number = 0.5;
	if (!argument->size)
		return true;
	number = sk_arena_string(parser->arena, argument->data, argument->size);
	/* the decimal point must not depend on the language of the user */
	locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	if (!number || !locale)
		return sk_parse_no_memory(parser);
	errno = 0;
	condition->number = strtod_l(number, &end, locale);
	freelocale(locale);
	if (end == number || errno == ERANGE)
		return sk_parse_fail(
			parser, argument->data, N_("random() needs a probability between 0 and 1"));
	return true;
}

/*
 * The argument is what follows the target of a rule. It cannot hold a further allowed-matches(...) that
 * parses, as the first bare ')' ends the outer one; so this nests once.
 */
static bool parse_allowed_matches(SkParser *parser, const SkPolicyText *argument, SkCondition *condition)
{
	SkParser inner = {
		.arena = parser->arena,
		.report = parser->report,
		.name = parser->name,
		.start = argument->data,
		.at = argument->data,
		.end = argument->data + argument->size,
		.line = parser->line,
		.column_offset = sk_parse_column(parser, argument->data) - 1,
		.query = true,
	};
	SkRule *rule = sk_arena_zero(parser->arena, sizeof(*rule));
	bool ok;

	if (!rule)
		return sk_parse_no_memory(parser);
	if (argument->size && !sk_parse_is_blank(*argument->data)) {
		/* USBGuard puts "allow " before it, so the blank that attributes need is already there */
		char *spaced = sk_arena_alloc(parser->arena, argument->size + 1);

		if (!spaced)
			return sk_parse_no_memory(parser);
		spaced[0] = ' ';
		memcpy(spaced + 1, argument->data, argument->size);
		inner.start = inner.at = spaced;
		inner.end = spaced + argument->size + 1;
		inner.column_offset--;
	}
	if (!argument->size)
		return sk_parse_fail(parser, argument->data, N_("allowed-matches() needs a query"));
	ok = sk_parse_attributes(&inner, rule);
	parser->n_errors += inner.n_errors;
	parser->no_memory |= inner.no_memory;
	sk_parser_free(&inner);
	condition->query.rule = rule;
	return ok;
}

static const struct {
	const char *name;
	SkConditionKind kind;
	bool (*parse)(SkParser *parser, const SkPolicyText *argument, SkCondition *condition);
} conditions[] = {
	{"allowed-matches", SK_CONDITION_ALLOWED_MATCHES, parse_allowed_matches},
	{"localtime", SK_CONDITION_LOCALTIME, parse_localtime},
	{"true", SK_CONDITION_TRUE, parse_fixed},
	{"false", SK_CONDITION_FALSE, parse_fixed},
	{"random", SK_CONDITION_RANDOM, parse_random},
	{"rule-applied", SK_CONDITION_RULE_APPLIED, parse_elapsed},
	{"rule-evaluated", SK_CONDITION_RULE_EVALUATED, parse_elapsed},
};

/* The cursor stands behind a backslash; escapes are checked, not replaced: USBGuard keeps them as written. */
static bool skip_escape(SkParser *parser)
{
	const char *at = parser->at;
	static const char hex[] = "0123456789abcdefABCDEF";

	if (at < parser->end && *at == 'x' && parser->end - at > 2 && at[1] && strchr(hex, at[1]) && at[2] &&
		strchr(hex, at[2])) {
		parser->at += 3;
		return true;
	}
	if (at < parser->end && *at && strchr("0123456789abfnrtv\\')", *at)) {
		parser->at++;
		return true;
	}
	return sk_parse_fail(parser, at - 1, N_("unknown escape in the argument of a condition"));
}

static bool parse_argument(SkParser *parser, SkPolicyText *ret_argument)
{
	const char *open = parser->at++;

	while (parser->at < parser->end && *parser->at != ')') {
		if (*parser->at == '\r')
			return sk_parse_fail(parser, parser->at, N_("a carriage return inside the argument"));
		if (*parser->at++ == '\\' && !skip_escape(parser))
			return false;
	}
	if (parser->at == parser->end)
		return sk_parse_fail(parser, open, N_("the argument that begins here has no closing ')'"));
	ret_argument->data = open + 1;
	ret_argument->size = (size_t)(parser->at - open - 1);
	parser->at++;
	if (!ret_argument->size)
		return sk_parse_fail(parser, open, N_("the argument is empty; leave the parentheses out"));
	return true;
}

static size_t identifier_size(const SkParser *parser)
{
	const char *at = parser->at;

	for (; at < parser->end; at++) {
		bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '-';

		if (!letter && !(at > parser->at && *at >= '0' && *at <= '9'))
			break;
	}
	return (size_t)(at - parser->at);
}

static bool keep_written(SkParser *parser, const char *from, SkCondition *condition)
{
	condition->written = (SkPolicyText){.data = from, .size = (size_t)(parser->at - from)};
	return sk_parse_keep(parser, condition, sizeof(*condition));
}

bool sk_parse_condition_value(SkParser *parser)
{
	char quote[SK_QUOTE_SIZE];
	const char *from = parser->at, *name;
	SkCondition condition = {0};
	SkPolicyText argument = {.size = 0};
	size_t size;

	if (parser->at < parser->end && *parser->at == '!') {
		condition.negated = true;
		parser->at++;
	}
	name = parser->at;
	size = identifier_size(parser);
	parser->at += size;
	argument.data = parser->at;
	if (!size)
		return sk_parse_expected(parser, name, N_("a condition"));
	if (parser->at < parser->end && *parser->at == '(' && !parse_argument(parser, &argument))
		return false;
	for (size_t i = 0; i < SK_ARRAY_SIZE(conditions); i++) {
		if (strlen(conditions[i].name) != size || memcmp(conditions[i].name, name, size) != 0)
			continue;
		condition.kind = conditions[i].kind;
		return conditions[i].parse(parser, &argument, &condition) &&
		       keep_written(parser, from, &condition);
	}
	return sk_parse_fail(parser, name, N_("unknown condition '%s'"), sk_policy_quote(quote, name, size));
}
