/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The questions that USBGuard cannot ask: buses, people, times, the medium.
 */
#include <string.h>

#include "lib/base/str.h"
#include "policy/parse.h"

static bool begin_constraint(SkParser *parser, SkConstraintKind kind)
{
	if (parser->query)
		return sk_parse_fail(parser, parser->at, N_("'%s' cannot be asked inside allowed-matches()"),
			sk_constraint_names[kind]);
	if (parser->seen & 1u << kind)
		return sk_parse_fail(parser, parser->at, N_("'%s' is given twice in this rule"),
			sk_constraint_names[kind]);
	parser->seen |= 1u << kind;
	return true;
}

static bool parse_bus_value(SkParser *parser)
{
	static const char *const names[] = {"", "usb", "sd", "optical", "thunderbolt", "esata"};
	uint32_t bit;
	int index;

	_Static_assert(SK_ARRAY_SIZE(names) == SK_POLICY_BUS_COUNT_, "every bus has a word");
	if (!sk_parse_word_of(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	bit = 1u << index;
	return sk_parse_keep(parser, &bit, sizeof(bit));
}

/* One value at a time can be true of these, so a bare set means one-of. */
static bool normalise_op(SkParser *parser, const char *at, SkSetOperator op, uint8_t *ret_op)
{
	if (op != SK_SET_COUNT_ && op != SK_SET_ONE_OF && op != SK_SET_NONE_OF)
		return sk_parse_fail(parser, at, N_("only one-of and none-of make sense here"));
	*ret_op = op == SK_SET_NONE_OF ? SK_SET_NONE_OF : SK_SET_ONE_OF;
	return true;
}

static bool parse_bus(SkParser *parser)
{
	SkConstraint constraint = {.kind = SK_CONSTRAINT_BUS, .column = sk_parse_column(parser, parser->at)};
	const char *at = parser->at;
	SkSetOperator op;

	if (!begin_constraint(parser, SK_CONSTRAINT_BUS) ||
		!sk_parse_bits(parser, parse_bus_value, &op, &constraint.value) ||
		!normalise_op(parser, at, op, &constraint.op))
		return false;
	return sk_parse_add(parser, constraint);
}

static bool parse_name_value(SkParser *parser)
{
	SkPolicyText text = {0};

	if (!sk_parse_readable(parser, 255, &text.data))
		return false;
	text.size = strlen(text.data);
	return sk_parse_keep(parser, &text, sizeof(text));
}

static bool parse_person(SkParser *parser, SkConstraintKind kind)
{
	SkConstraint constraint = {.kind = (uint8_t)kind, .column = sk_parse_column(parser, parser->at)};
	const char *at = parser->at;
	SkSetOperator op;

	if (!begin_constraint(parser, kind) ||
		!sk_parse_set(parser, parse_name_value, &op, &constraint.count))
		return false;
	if (kind == SK_CONSTRAINT_GROUP && op == SK_SET_ALL_OF)
		constraint.op = SK_SET_ALL_OF;
	else if (!normalise_op(parser, at, op, &constraint.op))
		return false;
	return sk_parse_add(parser, constraint);
}

static bool parse_user(SkParser *parser)
{
	return parse_person(parser, SK_CONSTRAINT_USER);
}

static bool parse_group(SkParser *parser)
{
	return parse_person(parser, SK_CONSTRAINT_GROUP);
}

static bool parse_truth(SkParser *parser, SkConstraintKind kind)
{
	static const char *const names[] = {"", "no", "yes"};
	SkConstraint constraint = {.kind = (uint8_t)kind, .column = sk_parse_column(parser, parser->at)};
	int index;

	if (!begin_constraint(parser, kind) || !sk_parse_word_of(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	constraint.value = (uint32_t)index;
	return sk_parse_add(parser, constraint);
}

static bool parse_screen_locked(SkParser *parser)
{
	return parse_truth(parser, SK_CONSTRAINT_SCREEN_LOCKED);
}

static bool parse_registered(SkParser *parser)
{
	return parse_truth(parser, SK_CONSTRAINT_REGISTERED);
}

static bool parse_approved(SkParser *parser)
{
	return parse_truth(parser, SK_CONSTRAINT_APPROVED);
}

static bool parse_window_value(SkParser *parser)
{
	const char *at = parser->at;
	SkPolicyText text;
	SkTimeWindow window;

	if (!sk_parse_string(parser, &text))
		return false;
	if (!sk_clock_parse_window(&text, &window))
		return sk_parse_fail(parser, at,
			N_("expected a time like \"08:30-18:00\", \"Mon-Fri 08:30-18:00\" or \"Sat,Sun "
			   "22:00-06:00\""));
	return sk_parse_keep(parser, &window, sizeof(window));
}

static bool parse_time(SkParser *parser)
{
	SkConstraint constraint = {.kind = SK_CONSTRAINT_TIME, .column = sk_parse_column(parser, parser->at)};
	const char *at = parser->at;
	SkSetOperator op;

	return begin_constraint(parser, SK_CONSTRAINT_TIME) &&
	       sk_parse_set(parser, parse_window_value, &op, &constraint.count) &&
	       normalise_op(parser, at, op, &constraint.op) && sk_parse_add(parser, constraint);
}

SkAttributeParser sk_parse_find_question(const char *word, size_t size)
{
	static const struct {
		const char *name;
		SkAttributeParser parse;
	} questions[] = {
		{"bus", parse_bus},
		{"user", parse_user},
		{"group", parse_group},
		{"screen-locked", parse_screen_locked},
		{"registered", parse_registered},
		{"approved", parse_approved},
		{"time", parse_time},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(questions); i++)
		if (strlen(questions[i].name) == size && memcmp(questions[i].name, word, size) == 0)
			return questions[i].parse;
	return NULL;
}
