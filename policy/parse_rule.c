/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USBGuard's grammar is a parsing expression grammar whose alternatives never need more than the next word,
 * so plain recursive descent accepts the same lines. Where it is odd (no blanks before the target or at the
 * end of a line, but blanks before a comment), so are we: a file that works here without our own words works
 * there.
 */
#include <string.h>

#include "lib/base/str.h"
#include "policy/parse.h"

typedef struct Attribute {
	const char *name;
	size_t size;
	SkValueParser value;
	uint8_t kind;
} Attribute;

#define ATTRIBUTE(word, parse, constraint)                                                                   \
	{                                                                                                    \
		word, sizeof(word) - 1, parse, constraint                                                    \
	}

/* The most common ones first. */
static const Attribute usbguard_attributes[] = {
	ATTRIBUTE("id", sk_parse_id_value, SK_POLICY_ID),
	ATTRIBUTE("serial", sk_parse_string_value, SK_POLICY_SERIAL),
	ATTRIBUTE("name", sk_parse_string_value, SK_POLICY_NAME),
	ATTRIBUTE("hash", sk_parse_string_value, SK_POLICY_HASH),
	ATTRIBUTE("parent-hash", sk_parse_string_value, SK_POLICY_PARENT_HASH),
	ATTRIBUTE("via-port", sk_parse_string_value, SK_POLICY_VIA_PORT),
	ATTRIBUTE("with-interface", sk_parse_interface_value, SK_CONSTRAINT_INTERFACE),
	ATTRIBUTE("with-connect-type", sk_parse_string_value, SK_POLICY_WITH_CONNECT_TYPE),
	ATTRIBUTE("if", sk_parse_condition_value, SK_CONSTRAINT_CONDITIONS),
};

static bool parse_usbguard(SkParser *parser, const char *word, const Attribute *attribute)
{
	SkConstraint constraint = {.kind = attribute->kind, .column = sk_parse_column(parser, word)};
	SkSetOperator op;

	if (parser->seen & 1u << constraint.kind)
		return sk_parse_fail(parser, word, N_("'%s' is given twice in this rule"), attribute->name);
	parser->seen |= 1u << constraint.kind;
	if (!sk_parse_set(parser, attribute->value, &op, &constraint.count))
		return false;
	constraint.op = op == SK_SET_COUNT_ ? SK_SET_EQUALS : (uint8_t)op;
	return sk_parse_add(parser, constraint);
}

/* Says nothing about the device, and USBGuard lets it stand more than once. */
static bool parse_label(SkParser *parser)
{
	SkSetOperator op;
	uint32_t count;
	bool ok = sk_parse_set(parser, sk_parse_string_value, &op, &count);

	parser->scratch_used = parser->set_begin;
	return ok;
}

static const Attribute *find_attribute(const char *word, size_t size)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(usbguard_attributes); i++)
		if (usbguard_attributes[i].size == size &&
			memcmp(usbguard_attributes[i].name, word, size) == 0)
			return &usbguard_attributes[i];
	return NULL;
}

static __attribute__((cold)) bool fail_unknown(SkParser *parser, const char *word, size_t size)
{
	char quote[SK_QUOTE_SIZE];

	return size ? sk_parse_fail(
			      parser, word, N_("unknown attribute '%s'"), sk_policy_quote(quote, word, size))
		    : sk_parse_expected(parser, word, N_("an attribute"));
}

static bool parse_attribute(SkParser *parser)
{
	const char *word = parser->at;
	size_t size = sk_parse_word(parser);
	const Attribute *attribute = find_attribute(word, size);
	SkAttributeParser other = NULL;

	if (!attribute && size == strlen("label") && memcmp(word, "label", size) == 0)
		other = parse_label;
	else if (!attribute)
		other = sk_parse_find_extra(word, size);
	if (!attribute && !other)
		return fail_unknown(parser, word, size);
	parser->at += size;
	if (!sk_parse_blanks(parser))
		return sk_parse_expected(parser, parser->at, N_("a blank behind the attribute"));
	if (other)
		return other(parser);
	if (attribute->kind == SK_POLICY_ID && parser->at < parser->end && *parser->at == '"')
		return sk_parse_rule_id(parser);
	return parse_usbguard(parser, word, attribute);
}

/* The constraints and, right behind them, the values of all of them. */
static bool place_constraints(SkParser *parser, SkRule *rule)
{
	size_t size = parser->n_constraints * sizeof(SkConstraint);
	char *block = sk_arena_alloc(parser->arena, size + parser->scratch_used);
	SkConstraint *constraints = (SkConstraint *)block;

	if (!block)
		return false;
	if (size)
		memcpy(block, parser->constraints, size);
	if (parser->scratch_used)
		memcpy(block + size, parser->scratch, parser->scratch_used);
	for (uint32_t i = 0; i < parser->n_constraints; i++)
		constraints[i].items = block + size + (uintptr_t)constraints[i].items;
	rule->constraints = constraints;
	return true;
}

/* What the device tells is asked first: it is cheap, and conditions are only asked where it fits. */
static bool finish(SkParser *parser, SkRule *ret_rule)
{
	SkConstraint *constraints = parser->constraints;

	for (uint32_t i = 1; i < parser->n_constraints; i++) {
		SkConstraint moved = constraints[i];
		uint32_t at = i;

		for (; at && constraints[at - 1].kind > moved.kind; at--)
			constraints[at] = constraints[at - 1];
		constraints[at] = moved;
	}
	ret_rule->line = parser->line;
	ret_rule->n_constraints = parser->n_constraints;
	ret_rule->dynamic = parser->n_constraints &&
			    constraints[parser->n_constraints - 1].kind >= SK_CONSTRAINT_FIRST_DYNAMIC;
	if (parser->has_effects)
		ret_rule->effects = sk_arena_copy(parser->arena, &parser->effects, sizeof(parser->effects));
	if (!place_constraints(parser, ret_rule) || (parser->has_effects && !ret_rule->effects))
		return sk_parse_no_memory(parser);
	return true;
}

bool sk_parse_target(SkParser *parser, SkPolicyTarget *ret_target)
{
	for (SkPolicyTarget target = SK_POLICY_ALLOW; target <= SK_POLICY_DEVICE; target++) {
		const char *name = sk_policy_target_name(target);
		size_t size = strlen(name);

		if ((size_t)(parser->end - parser->at) >= size && memcmp(name, parser->at, size) == 0) {
			parser->at += size;
			*ret_target = target;
			return true;
		}
	}
	return false;
}

/*
 * USBGuard reads "any number of rules" from a line into one rule: `allowblock` is block, and an id behind the
 * second target takes the place of the first one's.
 */
static bool parse_again(SkParser *parser, const char *at, SkRule *rule)
{
	if (!sk_parse_target(parser, &rule->target))
		return sk_parse_expected(parser, at, N_("a blank or the end of the line"));
	sk_policy_report(parser->report,
		&(SkPlace){SK_POLICY_WARNING, parser->name, parser->line, sk_parse_column(parser, at)},
		N_("a second target in the same rule replaces the first; is a line end missing?"));
	return true;
}

static bool parse_bare_id(SkParser *parser)
{
	SkConstraint *known = NULL;

	for (uint32_t i = 0; i < parser->n_constraints; i++)
		if (parser->constraints[i].kind == SK_POLICY_ID)
			known = &parser->constraints[i];
	if (!known)
		return parse_usbguard(parser, parser->at, &usbguard_attributes[0]);
	if (known->count > 1)
		return sk_parse_fail(parser, parser->at, N_("this rule has a set of ids already"));
	parser->set_begin = parser->scratch_used = (parser->scratch_used + 7) & ~(size_t)7;
	known->items = (const void *)(uintptr_t)parser->set_begin;
	return sk_parse_id_value(parser);
}

static void begin_rule(SkParser *parser)
{
	parser->n_constraints = 0;
	parser->seen = 0;
	parser->scratch_used = 0;
	parser->has_effects = false;
	parser->effects = (SkEffects){0};
}

bool sk_parse_attributes(SkParser *parser, SkRule *rule)
{
	bool after_target = true;

	begin_rule(parser);
	for (;;) {
		const char *blanks = parser->at;
		size_t n_blanks = sk_parse_blanks(parser);
		bool ok;

		if (parser->at < parser->end && *parser->at == '#')
			break;
		if (parser->at == parser->end && n_blanks)
			return sk_parse_fail(parser, blanks, N_("blanks at the end of the line"));
		if (parser->at == parser->end)
			break;
		if (!n_blanks)
			ok = parse_again(parser, blanks, rule);
		else if (after_target && sk_parse_looks_like_id(parser))
			ok = parse_bare_id(parser);
		else
			ok = parse_attribute(parser);
		if (!ok)
			return false;
		after_target = !n_blanks;
	}
	return finish(parser, rule);
}

/* A refused device has no media and no interfaces: such words there are a mistake worth an error. */
static bool check_effects(SkParser *parser, SkPolicyTarget target)
{
	const SkEffects *effects = &parser->effects;

	if (parser->has_effects && target >= SK_POLICY_MATCH)
		return sk_parse_fail(parser, parser->start,
			N_("'%s' decides nothing and takes only what USBGuard knows"),
			sk_policy_target_name(target));
	if (target != SK_POLICY_ALLOW &&
		(effects->n_grants || effects->media || effects->scan || effects->import ||
			effects->allow_types || effects->refuse_types))
		return sk_parse_fail(parser, parser->start,
			N_("interfaces, media, scan, import and types belong to allow, not to %s"),
			sk_policy_target_name(target));
	return true;
}

bool sk_parse_rule(SkParser *parser, SkRule *ret_rule)
{
	if (!sk_parse_target(parser, &ret_rule->target))
		return sk_parse_expected(parser, parser->at, N_("allow, block or reject"));
	if (!sk_parse_attributes(parser, ret_rule))
		return false;
	return check_effects(parser, ret_rule->target);
}
