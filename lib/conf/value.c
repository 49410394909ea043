/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf/value.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/conf/hours.h"

typedef struct Unit {
	const char *name;
	uint64_t factor;
} Unit;

/* The largest first: messages name a limit in the largest unit that divides it. */
static const Unit duration_units[] = {
	{"d", 86400}, {"h", 3600}, {"min", 60}, {"m", 60}, {"s", 1}, {"", 1}, {0}};
static const Unit size_units[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {0}};
static const Unit no_units[] = {{"", 1}, {0}};

__attribute__((format(printf, 3, 4))) static int fail(
	SkValueError *ret_error, size_t offset, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(ret_error->text, sizeof(ret_error->text), format, ap) < 0)
		ret_error->text[0] = 0;
	va_end(ap);
	ret_error->offset = offset;
	return -EINVAL;
}

static void format_amount(char *dst, size_t size, uint64_t value, const Unit *units)
{
	while (units[1].name && (value == 0 || value % units->factor != 0))
		units++;
	sk_str_format(dst, size, "%llu%s", (unsigned long long)(value / units->factor), units->name);
}

static void list_units(char *dst, size_t size, const Unit *units)
{
	dst[0] = 0;
	for (; units->name; units++)
		if (*units->name) {
			strncat(dst, *dst ? ", " : "", size - strlen(dst) - 1);
			strncat(dst, units->name, size - strlen(dst) - 1);
		}
}

static int parse_amount(const SkValueRule *rule, const Unit *units, const char *text, SkValue *ret_value,
	SkValueError *ret_error)
{
	size_t digits = strspn(text, "0123456789");
	char number[24], min[32], max[32], known[64];
	const Unit *unit = units;
	uint64_t value;

	if (digits == 0)
		return fail(ret_error, 0, "expected a number");
	while (unit->name && !sk_str_eq(unit->name, text + digits))
		unit++;
	list_units(known, sizeof(known), units);
	if (!unit->name && !*known)
		return fail(ret_error, digits, "expected a number without a unit");
	if (!unit->name)
		return fail(ret_error, digits, "unknown unit; known are %s", known);
	format_amount(min, sizeof(min), rule->min, units);
	format_amount(max, sizeof(max), rule->max, units);
	if (digits >= sizeof(number))
		return fail(ret_error, 0, "out of range: %s to %s", min, max);
	memcpy(number, text, digits);
	number[digits] = 0;
	if (sk_num_parse(number, 10, UINT64_MAX, &value) < 0 ||
		__builtin_mul_overflow(value, unit->factor, &value) || value < rule->min || value > rule->max)
		return fail(ret_error, 0, "out of range: %s to %s", min, max);
	ret_value->number = value;
	return 0;
}

static const SkWord *find_word(const SkWord *words, const char *text, size_t size)
{
	for (; words->name; words++)
		if (strlen(words->name) == size && memcmp(words->name, text, size) == 0)
			return words;
	return NULL;
}

static int fail_word(SkValueError *ret_error, size_t offset, const SkWord *words, bool set)
{
	char known[384] = "";

	for (; words->name; words++) {
		strncat(known, *known ? ", " : "", sizeof(known) - strlen(known) - 1);
		strncat(known, words->name, sizeof(known) - strlen(known) - 1);
	}
	return fail(ret_error, offset, "expected %s %s%s", set ? "words of" : "one of", known,
		set ? ", or none" : "");
}

static int parse_word(const SkWord *words, const char *text, SkValue *ret_value, SkValueError *ret_error)
{
	const SkWord *word = find_word(words, text, strlen(text));

	if (!word)
		return fail_word(ret_error, 0, words, false);
	ret_value->number = word->value;
	return 0;
}

static int parse_word_set(const SkWord *words, const char *text, SkValue *ret_value, SkValueError *ret_error)
{
	uint32_t bits = 0;

	if (sk_str_eq(text, "none")) {
		ret_value->number = 0;
		return 0;
	}
	for (const char *p = text; *p;) {
		size_t size = strcspn(p, " \t");
		const SkWord *word = find_word(words, p, size);

		if (!word)
			return fail_word(ret_error, (size_t)(p - text), words, true);
		bits |= word->value;
		p += size;
		p += strspn(p, " \t");
	}
	ret_value->number = bits;
	return 0;
}

static bool is_dots(const char *name, size_t size)
{
	return size == 0 || (size == 1 && name[0] == '.') || (size == 2 && name[0] == '.' && name[1] == '.');
}

static int parse_path(const char *text, SkValue *ret_value, SkValueError *ret_error)
{
	if (text[0] != '/')
		return fail(ret_error, 0, "expected an absolute path, one that begins with /");
	if (strlen(text) >= PATH_MAX / 4)
		return fail(ret_error, 0, "the path is too long");
	for (const char *p = text; *p;) {
		size_t size = strcspn(p + 1, "/");

		if (is_dots(p + 1, size))
			return fail(ret_error, (size_t)(p - text),
				"a path here has no trailing or double /, no . and no ..");
		p += 1 + size;
	}
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			return fail(ret_error, (size_t)(p - text), "a control character in a path");
	ret_value->path = strdup(text);
	return ret_value->path ? 0 : -ENOMEM;
}

static int parse_text(const char *text, SkValue *ret_value, SkValueError *ret_error)
{
	if (strlen(text) > 500)
		return fail(ret_error, 500, "longer than 500 bytes");
	if (!sk_utf8_check(text, strlen(text)))
		return fail(ret_error, 0, "no UTF-8");
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			return fail(ret_error, (size_t)(p - text), "a control character");
	ret_value->path = strdup(sk_str_eq(text, "none") ? "" : text);
	return ret_value->path ? 0 : -ENOMEM;
}

/* What libcurl takes as a proxy; who signs in there is written into the URL as usual. */
static int parse_proxy(const char *text, SkValue *ret_value, SkValueError *ret_error)
{
	static const char *const schemes[] = {"http://", "https://", "socks5h://"};
	const char *host = NULL;

	for (size_t i = 0; i < SK_ARRAY_SIZE(schemes); i++)
		if (sk_str_starts(text, schemes[i]))
			host = text + strlen(schemes[i]);
	if (!host && !sk_str_eq(text, "none"))
		return fail(ret_error, 0, "expected http://, https:// or socks5h://, or none");
	if (host && (!*host || strlen(text) > 500))
		return fail(ret_error, 0, "expected HOST or HOST:PORT behind ://");
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7F)
			return fail(ret_error, (size_t)(p - text), "a blank or control character in a URL");
	ret_value->path = strdup(host ? text : "");
	return ret_value->path ? 0 : -ENOMEM;
}

static int parse_hours(const char *text, SkValue *ret_value, SkValueError *ret_error)
{
	SkHours hours;
	int r = sk_hours_parse(text, &hours, ret_error);

	if (r < 0)
		return r;
	ret_value->path = strdup(text);
	return ret_value->path ? 0 : -ENOMEM;
}

int sk_value_parse(const SkValueRule *rule, const char *text, SkValue *ret_value, SkValueError *ret_error)
{
	if (!*text)
		return fail(ret_error, 0, "the value is missing; remove the line for the default");
	switch (rule->type) {
	case SK_VALUE_INTEGER:
		return parse_amount(rule, no_units, text, ret_value, ret_error);
	case SK_VALUE_DURATION:
		return parse_amount(rule, duration_units, text, ret_value, ret_error);
	case SK_VALUE_SIZE:
		return parse_amount(rule, size_units, text, ret_value, ret_error);
	case SK_VALUE_WORD:
		return parse_word(rule->words, text, ret_value, ret_error);
	case SK_VALUE_WORD_SET:
		return parse_word_set(rule->words, text, ret_value, ret_error);
	case SK_VALUE_PATH:
		return parse_path(text, ret_value, ret_error);
	case SK_VALUE_PROXY:
		return parse_proxy(text, ret_value, ret_error);
	case SK_VALUE_TEXT:
		return parse_text(text, ret_value, ret_error);
	case SK_VALUE_HOURS:
		return parse_hours(text, ret_value, ret_error);
	}
	return -EINVAL;
}

#define NAME_LENGTH_MAX 40

/* Levenshtein, letters compared without case. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[NAME_LENGTH_MAX + 1];
	size_t length = strlen(b);

	for (size_t k = 0; k <= length; k++)
		row[k] = (unsigned)k;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t k = 0; k < length; k++) {
			unsigned cost = diagonal + (strncasecmp(a + i, b + k, 1) != 0);

			diagonal = row[k + 1];
			if (row[k] + 1 < cost)
				cost = row[k] + 1;
			if (row[k + 1] + 1 < cost)
				cost = row[k + 1] + 1;
			row[k + 1] = cost;
		}
	}
	return row[length];
}

const char *sk_name_nearest(const char *name, const char *const *names, size_t count)
{
	size_t length = strlen(name);
	unsigned best = (unsigned)(length / 3) + 1;
	const char *nearest = NULL;

	if (length > NAME_LENGTH_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		unsigned d = strlen(names[i]) > NAME_LENGTH_MAX ? UINT_MAX : distance(name, names[i]);

		if (d < best || (d == best && !nearest)) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}
