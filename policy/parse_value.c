/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "policy/parse.h"

static int hex_byte(const char *at, const char *end)
{
	int high, low;

	if (end - at < 2)
		return -1;
	high = sk_hex_digit(at[0]);
	low = sk_hex_digit(at[1]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* The cursor stands behind a backslash. USBGuard's grammar names more escapes, but its reader refuses them.
 */
static bool unescape(SkParser *parser, char *ret_char)
{
	const char *at = parser->at;
	int byte;

	if (at < parser->end && (*at == '"' || *at == '\\')) {
		*ret_char = *at;
		parser->at++;
		return true;
	}
	if (at == parser->end || *at != 'x')
		return sk_parse_fail(parser, at - 1, N_("unknown escape; there are \\\", \\\\ and \\xHH"));
	byte = hex_byte(at + 1, parser->end);
	if (byte < 0)
		return sk_parse_fail(parser, at - 1, N_("\\x needs two hexadecimal digits"));
	*ret_char = (char)byte;
	parser->at += 3;
	return true;
}

/* The cursor stands behind the opening quote, and there is at least one backslash. */
static bool read_escaped(SkParser *parser, const char *open, SkPolicyText *ret_text)
{
	char *text = sk_arena_alloc(parser->arena, (size_t)(parser->end - parser->at) + 1), *to = text;

	if (!text)
		return sk_parse_no_memory(parser);
	while (parser->at < parser->end && *parser->at != '"') {
		if (*parser->at == '\r')
			return sk_parse_fail(parser, parser->at, N_("a carriage return inside the text"));
		if (*parser->at++ != '\\')
			*to++ = parser->at[-1];
		else if (!unescape(parser, to++))
			return false;
	}
	if (parser->at == parser->end)
		return sk_parse_fail(parser, open, N_("the text that begins here has no closing \""));
	parser->at++;
	*ret_text = (SkPolicyText){.data = text, .size = (size_t)(to - text)};
	return true;
}

bool sk_parse_string(SkParser *parser, SkPolicyText *ret_text)
{
	const char *open = parser->at, *close;
	size_t size;

	if (open == parser->end || *open != '"')
		return sk_parse_expected(parser, open, N_("text in \"\""));
	parser->at++;
	close = memchr(parser->at, '"', (size_t)(parser->end - parser->at));
	size = close ? (size_t)(close - parser->at) : 0;
	if (!close || memchr(parser->at, '\\', size) || memchr(parser->at, '\r', size))
		return read_escaped(parser, open, ret_text);
	*ret_text = (SkPolicyText){.data = parser->at, .size = size};
	parser->at = close + 1;
	return true;
}

bool sk_parse_string_value(SkParser *parser)
{
	SkPolicyText text;

	return sk_parse_string(parser, &text) && sk_parse_keep(parser, &text, sizeof(text));
}

/* Length of "hhhh" or "*" at this place, 0 for neither. */
static size_t id_part(const char *at, const char *end)
{
	if (at < end && *at == '*')
		return 1;
	return hex_byte(at, end) >= 0 && hex_byte(at + 2, end) >= 0 ? 4 : 0;
}

static size_t id_length(const SkParser *parser)
{
	const char *at = parser->at;
	size_t vendor = id_part(at, parser->end), product;

	if (!vendor || at + vendor == parser->end || at[vendor] != ':')
		return 0;
	product = id_part(at + vendor + 1, parser->end);
	return product ? vendor + 1 + product : 0;
}

bool sk_parse_looks_like_id(const SkParser *parser)
{
	return id_length(parser) != 0;
}

bool sk_parse_id_value(SkParser *parser)
{
	const char *at = parser->at;
	size_t size = id_length(parser);
	SkPolicyText text = {.data = at, .size = size};

	if (!size)
		return sk_parse_fail(parser, at,
			N_("expected a device id: vvvv:pppp, vvvv:* or *:* with four hexadecimal digits "
			   "each"));
	if (at[0] == '*' && at[2] != '*')
		return sk_parse_fail(
			parser, at, N_("a product without its vendor (*:%.4s) is no device id"), at + 2);
	parser->at += size;
	return sk_parse_keep(parser, &text, sizeof(text));
}

/* ":hh" or ":*" */
static bool interface_part(const char **at, const char *end, uint8_t *ret_value, bool *ret_any)
{
	int byte;

	if (*at == end || **at != ':')
		return false;
	++*at;
	*ret_any = *at < end && **at == '*';
	if (*ret_any) {
		++*at;
		return true;
	}
	byte = hex_byte(*at, end);
	if (byte < 0)
		return false;
	*ret_value = (uint8_t)byte;
	*at += 2;
	return true;
}

bool sk_parse_interface_value(SkParser *parser)
{
	const char *at = parser->at;
	SkPolicyInterface interface = {0};
	bool any_subclass = false, any_protocol = false;
	int base_class = hex_byte(at, parser->end);

	at += 2;
	if (base_class < 0 || !interface_part(&at, parser->end, &interface.subclass, &any_subclass) ||
		!interface_part(&at, parser->end, &interface.protocol, &any_protocol))
		return sk_parse_fail(parser, parser->at,
			N_("expected an interface: cc:ss:pp, cc:ss:* or cc:*:* with two hexadecimal digits "
			   "each"));
	if (any_subclass && !any_protocol)
		return sk_parse_fail(parser, parser->at,
			N_("an interface with any subclass must have any protocol too: cc:*:*"));
	interface.base_class = (uint8_t)base_class;
	interface.any = (uint8_t)((any_subclass ? SK_POLICY_ANY_SUBCLASS : 0) |
				  (any_protocol ? SK_POLICY_ANY_PROTOCOL : 0));
	parser->at = at;
	return sk_parse_keep(parser, &interface, sizeof(interface));
}
