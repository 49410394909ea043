/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/json_check.h"

#include <string.h>

#include "lib/base/utf8.h"

typedef struct Scan {
	const unsigned char *p;
	const unsigned char *end;
} Scan;

static bool take(Scan *s, unsigned char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex4(Scan *s, unsigned *ret_unit)
{
	unsigned unit = 0;

	if (s->end - s->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		int value = hex_value(*s->p++);

		if (value < 0)
			return false;
		unit = unit << 4 | (unsigned)value;
	}
	*ret_unit = unit;
	return true;
}

/* Behind the backslash. */
static bool skip_escape(Scan *s)
{
	unsigned unit, low;

	if (s->p == s->end)
		return false;
	if (*s->p != 'u')
		return *s->p != 0 && strchr("\"\\/bfnrt", *s->p++) != NULL;
	s->p++;
	if (!take_hex4(s, &unit) || unit == 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
		return false;
	if (unit < 0xD800 || unit > 0xDBFF)
		return true;
	return take(s, '\\') && take(s, 'u') && take_hex4(s, &low) && low >= 0xDC00 && low <= 0xDFFF;
}

/* ASCII that stands for itself in a string. One look into a table a byte is what most of verification costs.
 */
static const bool plain[256] = {
	[' ' ... '!'] = true,
	['#' ... '['] = true,
	[']' ... 0x7F] = true,
};

static bool skip_string(Scan *s)
{
	const unsigned char *begin = s->p + 1;
	bool has_high = false;

	if (!take(s, '"'))
		return false;
	for (;;) {
		while (s->p < s->end && plain[*s->p])
			s->p++;
		if (s->p == s->end || *s->p < 0x20)
			return false;
		if (*s->p == '"')
			break;
		if (*s->p >= 0x80) {
			has_high = true;
			s->p++;
		} else if (!take(s, '\\') || !skip_escape(s)) {
			return false;
		}
	}
	s->p++;
	return !has_high || sk_utf8_check((const char *)begin, (size_t)(s->p - begin) - 1);
}

static size_t skip_digits(Scan *s)
{
	const unsigned char *begin = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - begin);
}

static bool skip_number(Scan *s)
{
	const unsigned char *begin;
	size_t digits;

	take(s, '-');
	begin = s->p;
	digits = skip_digits(s);
	if (digits == 0 || digits > 18 || (digits > 1 && *begin == '0'))
		return false;
	if (take(s, '.') && skip_digits(s) == 0)
		return false;
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		s->p++;
		if (!take(s, '+'))
			take(s, '-');
		digits = skip_digits(s);
		return digits == 1 || digits == 2;
	}
	return true;
}

static bool skip_word(Scan *s, const char *word)
{
	size_t size = strlen(word);

	if ((size_t)(s->end - s->p) < size || memcmp(s->p, word, size) != 0)
		return false;
	s->p += size;
	return true;
}

/* One that holds no others. */
static bool skip_scalar(Scan *s)
{
	if (s->p == s->end)
		return false;
	switch (*s->p) {
	case '"':
		return skip_string(s);
	case 't':
		return skip_word(s, "true");
	case 'f':
		return skip_word(s, "false");
	case 'n':
		return skip_word(s, "null");
	default:
		return skip_number(s);
	}
}

static bool skip_key(Scan *s)
{
	return skip_string(s) && take(s, ':');
}

static bool skip_value(Scan *s, unsigned depth)
{
	bool object;
	unsigned char close;

	if (s->p == s->end || (*s->p != '{' && *s->p != '['))
		return skip_scalar(s);
	if (depth == SK_JSON_DEPTH_MAX)
		return false;
	object = *s->p++ == '{';
	close = object ? '}' : ']';
	if (take(s, close))
		return true;
	do {
		if (object && !skip_key(s))
			return false;
		if (!skip_value(s, depth + 1))
			return false;
	} while (take(s, ','));
	return take(s, close);
}

bool sk_json_skip_value(const char **text, const char *end)
{
	Scan s = {(const unsigned char *)*text, (const unsigned char *)end};

	if (!skip_value(&s, 0))
		return false;
	*text = (const char *)s.p;
	return true;
}

bool sk_json_skip_string(const char **text, const char *end)
{
	Scan s = {(const unsigned char *)*text, (const unsigned char *)end};

	if (!skip_string(&s))
		return false;
	*text = (const char *)s.p;
	return true;
}
