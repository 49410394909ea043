/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attributes that USBGuard does not know. It refuses every one of them, so a file without them means the
 * same to both.
 */
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "policy/parse.h"

#define RULE_ID_SIZE_MAX 64
#define MESSAGE_SIZE_MAX 1000

/* Bits of SkParser.seen behind those of the constraints. */
enum {
	SEEN_GRANTS = SK_CONSTRAINT_COUNT_,
	SEEN_MEDIA,
	SEEN_SCAN,
	SEEN_IMPORT,
	SEEN_ALLOW_TYPES,
	SEEN_REFUSE_TYPES,
	SEEN_MESSAGE,
	SEEN_MESSAGE_JA,
	SEEN_ID,
	SEEN_COUNT_,
};

_Static_assert(SEEN_COUNT_ <= 32, "SkParser.seen has 32 bits");

/* Counts the attribute and refuses a second one. Return: the effects, or NULL. */
static SkEffects *begin_effect(SkParser *parser, unsigned bit, const char *name)
{
	if (parser->query) {
		sk_parse_fail(parser, parser->at, "'%s' cannot be asked inside allowed-matches()", name);
		return NULL;
	}
	if (parser->seen & 1u << bit) {
		sk_parse_fail(parser, parser->at, "'%s' is given twice in this rule", name);
		return NULL;
	}
	parser->seen |= 1u << bit;
	parser->has_effects = true;
	return &parser->effects;
}

static bool begin_constraint(SkParser *parser, SkConstraintKind kind)
{
	if (parser->query)
		return sk_parse_fail(parser, parser->at, "'%s' cannot be asked inside allowed-matches()",
			sk_constraint_names[kind]);
	if (parser->seen & 1u << kind)
		return sk_parse_fail(
			parser, parser->at, "'%s' is given twice in this rule", sk_constraint_names[kind]);
	parser->seen |= 1u << kind;
	return true;
}

static bool parse_word(SkParser *parser, const char *const *names, size_t n, int *ret_index)
{
	char known[160] = "one of ";
	const char *separator = "";
	size_t size = sk_parse_word(parser);
	int index = sk_name_find(names, n, parser->at, size);

	if (index < 0 || !*names[index]) {
		/* some lists leave their first word out, as it cannot be asked for */
		for (size_t i = 0; i < n; i++) {
			size_t used = strlen(known);

			if (*names[i])
				sk_str_format(known + used, sizeof(known) - used, "%s%s", separator, names[i]);
			separator = *names[i] ? ", " : separator;
		}
		return sk_parse_expected(parser, parser->at, known);
	}
	parser->at += size;
	*ret_index = index;
	return true;
}

static bool parse_grants(SkParser *parser)
{
	SkEffects *effects = begin_effect(parser, SEEN_GRANTS, "interfaces");
	const char *at = parser->at;
	SkSetOperator op;

	if (!effects || !sk_parse_set(parser, sk_parse_interface_value, &op, &effects->n_grants))
		return false;
	if (op != SK_SET_COUNT_)
		return sk_parse_fail(parser, at, "'interfaces' lists what may be used and takes no '%s'",
			sk_set_names[op]);
	effects->grants = sk_parse_take_set(parser);
	return effects->grants != NULL;
}

static bool parse_media(SkParser *parser)
{
	static const char *const names[] = {"", "refuse", "read-only", "carry-out"};
	SkEffects *effects = begin_effect(parser, SEEN_MEDIA, "media");
	int index;

	if (!effects || !parse_word(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	effects->media = (SkPolicyMedia)index;
	return true;
}

static bool parse_scan(SkParser *parser)
{
	static const char *const names[] = {"", "required", "off"};
	SkEffects *effects = begin_effect(parser, SEEN_SCAN, "scan");
	int index;

	if (!effects || !parse_word(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	effects->scan = (SkPolicyScan)index;
	return true;
}

static bool parse_import(SkParser *parser)
{
	static const char *const names[] = {"", "direct", "copy"};
	SkEffects *effects = begin_effect(parser, SEEN_IMPORT, "import");
	int index;

	if (!effects || !parse_word(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	effects->import = (SkPolicyImport)index;
	return true;
}

static bool parse_type_value(SkParser *parser)
{
	static const char *const names[] = {"program", "script", "macro-document", "encrypted-archive"};
	uint32_t bit;
	int index;

	if (!parse_word(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	bit = 1u << index;
	return sk_parse_keep(parser, &bit, sizeof(bit));
}

/* A set of words, each kept as one bit. */
static bool parse_bits(SkParser *parser, SkValueParser value, SkSetOperator *ret_op, uint32_t *ret_bits)
{
	uint32_t count, bits = 0;

	if (!sk_parse_set(parser, value, ret_op, &count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t bit;

		memcpy(&bit, parser->scratch + parser->set_begin + i * sizeof(bit), sizeof(bit));
		bits |= bit;
	}
	parser->scratch_used = parser->set_begin;
	*ret_bits = bits;
	return true;
}

static bool parse_types(SkParser *parser, uint32_t *types)
{
	const char *at = parser->at;
	SkSetOperator op;

	if (!parse_bits(parser, parse_type_value, &op, types))
		return false;
	if (op != SK_SET_COUNT_)
		return sk_parse_fail(parser, at, "types are listed without '%s'", sk_set_names[op]);
	if (parser->effects.allow_types & parser->effects.refuse_types)
		return sk_parse_fail(parser, at, "the same type is both allowed and refused");
	return true;
}

static bool parse_allow_types(SkParser *parser)
{
	SkEffects *effects = begin_effect(parser, SEEN_ALLOW_TYPES, "allow-types");

	return effects && parse_types(parser, &effects->allow_types);
}

static bool parse_refuse_types(SkParser *parser)
{
	SkEffects *effects = begin_effect(parser, SEEN_REFUSE_TYPES, "refuse-types");

	return effects && parse_types(parser, &effects->refuse_types);
}

/* Text that people will read: UTF-8 without 0 bytes. */
static bool parse_readable(SkParser *parser, size_t max, const char **ret_string)
{
	const char *at = parser->at;
	SkPolicyText text;

	if (!sk_parse_string(parser, &text))
		return false;
	if (!sk_utf8_check(text.data, text.size) || memchr(text.data, 0, text.size))
		return sk_parse_fail(parser, at, "this text is not UTF-8");
	if (!text.size || text.size > max)
		return sk_parse_fail(parser, at, "this text must have 1 to %zu bytes", max);
	*ret_string = sk_arena_string(parser->arena, text.data, text.size);
	return *ret_string || sk_parse_no_memory(parser);
}

static bool parse_message(SkParser *parser)
{
	SkEffects *effects = begin_effect(parser, SEEN_MESSAGE, "message");

	return effects && parse_readable(parser, MESSAGE_SIZE_MAX, &effects->message);
}

static bool parse_message_ja(SkParser *parser)
{
	SkEffects *effects = begin_effect(parser, SEEN_MESSAGE_JA, "message-ja");

	return effects && parse_readable(parser, MESSAGE_SIZE_MAX, &effects->message_ja);
}

bool sk_parse_rule_id(SkParser *parser)
{
	SkEffects *effects = begin_effect(parser, SEEN_ID, "id \"...\"");
	const char *at = parser->at;

	if (!effects || !parse_readable(parser, RULE_ID_SIZE_MAX, &effects->id))
		return false;
	for (const char *c = effects->id; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == ':')
			return sk_parse_fail(parser, at,
				"the name of a rule has only printable ASCII without blanks and ':'");
	return true;
}

static bool parse_bus_value(SkParser *parser)
{
	static const char *const names[] = {"", "usb", "sd", "optical", "thunderbolt", "esata"};
	uint32_t bit;
	int index;

	_Static_assert(SK_ARRAY_SIZE(names) == SK_POLICY_BUS_COUNT_, "every bus has a word");
	if (!parse_word(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	bit = 1u << index;
	return sk_parse_keep(parser, &bit, sizeof(bit));
}

/* One value at a time can be true of these, so a bare set means one-of. */
static bool normalise_op(SkParser *parser, const char *at, SkSetOperator op, uint8_t *ret_op)
{
	if (op != SK_SET_COUNT_ && op != SK_SET_ONE_OF && op != SK_SET_NONE_OF)
		return sk_parse_fail(parser, at, "only one-of and none-of make sense here");
	*ret_op = op == SK_SET_NONE_OF ? SK_SET_NONE_OF : SK_SET_ONE_OF;
	return true;
}

static bool parse_bus(SkParser *parser)
{
	SkConstraint constraint = {.kind = SK_CONSTRAINT_BUS, .column = sk_parse_column(parser, parser->at)};
	const char *at = parser->at;
	SkSetOperator op;

	if (!begin_constraint(parser, SK_CONSTRAINT_BUS) ||
		!parse_bits(parser, parse_bus_value, &op, &constraint.value) ||
		!normalise_op(parser, at, op, &constraint.op))
		return false;
	return sk_parse_add(parser, constraint);
}

static bool parse_name_value(SkParser *parser)
{
	SkPolicyText text = {0};

	if (!parse_readable(parser, 255, &text.data))
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

	if (!begin_constraint(parser, kind) || !parse_word(parser, names, SK_ARRAY_SIZE(names), &index))
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
			"expected a time like \"08:30-18:00\", \"Mon-Fri 08:30-18:00\" or \"Sat,Sun "
			"22:00-06:00\"");
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

SkAttributeParser sk_parse_find_extra(const char *word, size_t size)
{
	static const struct {
		const char *name;
		SkAttributeParser parse;
	} extras[] = {
		{"interfaces", parse_grants},
		{"media", parse_media},
		{"scan", parse_scan},
		{"import", parse_import},
		{"allow-types", parse_allow_types},
		{"refuse-types", parse_refuse_types},
		{"message", parse_message},
		{"message-ja", parse_message_ja},
		{"bus", parse_bus},
		{"user", parse_user},
		{"group", parse_group},
		{"screen-locked", parse_screen_locked},
		{"registered", parse_registered},
		{"approved", parse_approved},
		{"time", parse_time},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(extras); i++)
		if (strlen(extras[i].name) == size && memcmp(extras[i].name, word, size) == 0)
			return extras[i].parse;
	return NULL;
}
