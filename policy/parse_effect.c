/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows when a rule applies, in words that USBGuard does not know. It refuses every one of them, so a
 * file without them means the same to both.
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
		sk_parse_fail(parser, parser->at, N_("'%s' cannot be asked inside allowed-matches()"), name);
		return NULL;
	}
	if (parser->seen & 1u << bit) {
		sk_parse_fail(parser, parser->at, N_("'%s' is given twice in this rule"), name);
		return NULL;
	}
	parser->seen |= 1u << bit;
	parser->has_effects = true;
	return &parser->effects;
}

bool sk_parse_word_of(SkParser *parser, const char *const *names, size_t n, int *ret_index)
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
				sk_str_format(
					known + used, sizeof(known) - used, "%s%s", separator, names[i]);
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
		return sk_parse_fail(parser, at, N_("'interfaces' lists what may be used and takes no '%s'"),
			sk_set_names[op]);
	effects->grants = sk_parse_take_set(parser);
	return effects->grants != NULL;
}

static bool parse_media(SkParser *parser)
{
	static const char *const names[] = {"", "refuse", "read-only", "carry-out"};
	SkEffects *effects = begin_effect(parser, SEEN_MEDIA, "media");
	int index;

	if (!effects || !sk_parse_word_of(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	effects->media = (SkPolicyMedia)index;
	return true;
}

static bool parse_scan(SkParser *parser)
{
	static const char *const names[] = {"", "required", "off"};
	SkEffects *effects = begin_effect(parser, SEEN_SCAN, "scan");
	int index;

	if (!effects || !sk_parse_word_of(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	effects->scan = (SkPolicyScan)index;
	return true;
}

static bool parse_import(SkParser *parser)
{
	static const char *const names[] = {"", "direct", "copy"};
	SkEffects *effects = begin_effect(parser, SEEN_IMPORT, "import");
	int index;

	if (!effects || !sk_parse_word_of(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	effects->import = (SkPolicyImport)index;
	return true;
}

static bool parse_type_value(SkParser *parser)
{
	static const char *const names[] = {"program", "script", "macro-document", "encrypted-archive"};
	uint32_t bit;
	int index;

	if (!sk_parse_word_of(parser, names, SK_ARRAY_SIZE(names), &index))
		return false;
	bit = 1u << index;
	return sk_parse_keep(parser, &bit, sizeof(bit));
}

/* A set of words, each kept as one bit. */
bool sk_parse_bits(SkParser *parser, SkValueParser value, SkSetOperator *ret_op, uint32_t *ret_bits)
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

	if (!sk_parse_bits(parser, parse_type_value, &op, types))
		return false;
	if (op != SK_SET_COUNT_)
		return sk_parse_fail(parser, at, N_("types are listed without '%s'"), sk_set_names[op]);
	if (parser->effects.allow_types & parser->effects.refuse_types)
		return sk_parse_fail(parser, at, N_("the same type is both allowed and refused"));
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
bool sk_parse_readable(SkParser *parser, size_t max, const char **ret_string)
{
	const char *at = parser->at;
	SkPolicyText text;

	if (!sk_parse_string(parser, &text))
		return false;
	if (!sk_utf8_check(text.data, text.size) || memchr(text.data, 0, text.size))
		return sk_parse_fail(parser, at, N_("this text is not UTF-8"));
	if (!text.size || text.size > max)
		return sk_parse_fail(parser, at, N_("this text must have 1 to %zu bytes"), max);
	*ret_string = sk_arena_string(parser->arena, text.data, text.size);
	return *ret_string || sk_parse_no_memory(parser);
}

static bool parse_message(SkParser *parser)
{
	SkEffects *effects = begin_effect(parser, SEEN_MESSAGE, "message");

	return effects && sk_parse_readable(parser, MESSAGE_SIZE_MAX, &effects->message);
}

static bool parse_message_ja(SkParser *parser)
{
	SkEffects *effects = begin_effect(parser, SEEN_MESSAGE_JA, "message-ja");

	return effects && sk_parse_readable(parser, MESSAGE_SIZE_MAX, &effects->message_ja);
}

bool sk_parse_rule_id(SkParser *parser)
{
	SkEffects *effects = begin_effect(parser, SEEN_ID, "id \"...\"");
	const char *at = parser->at;

	if (!effects || !sk_parse_readable(parser, RULE_ID_SIZE_MAX, &effects->id))
		return false;
	for (const char *c = effects->id; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == ':')
			return sk_parse_fail(parser, at,
				N_("the name of a rule has only printable ASCII without blanks and ':'"));
	return true;
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
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(extras); i++)
		if (strlen(extras[i].name) == size && memcmp(extras[i].name, word, size) == 0)
			return extras[i].parse;
	return sk_parse_find_question(word, size);
}
