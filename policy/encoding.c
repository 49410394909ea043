/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USBGuard takes any bytes, so single bytes that are not UTF-8 are only a warning. A file that is Shift_JIS
 * or UTF-16 throughout is an error nevertheless: its names would be compared with the UTF-8 that the kernel
 * gives and could never match.
 */
#include <string.h>

#include "lib/base/japanese.h"
#include "lib/base/utf8.h"
#include "policy/parse.h"

#define WARNINGS_MAX 10

/* So many double-byte characters in a row are a word; fewer can be chance. */
#define WORD 3

static void count_lines(const char *text, const char *at, SkPlace *place)
{
	const char *line = text, *feed;

	place->line = 1;
	while ((feed = memchr(line, '\n', (size_t)(at - line)))) {
		place->line++;
		line = feed + 1;
	}
	place->column = (uint32_t)(at - line) + 1;
}

/* Length of the UTF-8 character of more than one byte at this place, or 0. */
static size_t character_length(const char *at, size_t size)
{
	if ((unsigned char)*at < 0xC2)
		return 0;
	for (size_t length = 2; length <= 4 && length <= size; length++)
		if (sk_utf8_check(at, length))
			return length;
	return 0;
}

/* Return: the first byte that is not UTF-8, or NULL. */
static const char *find_bad_byte(const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t length = (unsigned char)text[at] < 0x80 ? 1 : character_length(text + at, size - at);
		uint64_t eight;

		if (!length)
			return text + at;
		at += length;
		/* nearly all of a rule file is ASCII */
		while (size - at >= sizeof(eight)) {
			memcpy(&eight, text + at, sizeof(eight));
			if (eight & UINT64_C(0x8080808080808080))
				break;
			at += sizeof(eight);
		}
	}
	return NULL;
}

/* Damaged UTF-8 can look like another encoding, but most of it is still UTF-8. */
static bool is_mostly_utf8(const char *text, size_t size)
{
	size_t good = 0, high = 0;

	for (size_t at = 0; at < size;) {
		size_t length = (unsigned char)text[at] < 0x80 ? 0 : character_length(text + at, size - at);

		good += length;
		high += length ? length : (unsigned char)text[at] >= 0x80;
		at += length ? length : 1;
	}
	return good * 2 >= high;
}

static void warn_lines(const SkPolicyReport *report, SkPlace *place, const char *text, size_t size)
{
	const char *end = text + size, *at = text;

	for (unsigned n = 0; n < WARNINGS_MAX && at < end; n++) {
		const char *bad = find_bad_byte(at, (size_t)(end - at)), *feed;

		if (!bad)
			return;
		count_lines(text, bad, place);
		sk_policy_report(report, place,
			N_("byte 0x%02x is not UTF-8; it will match no name of a device"),
			(unsigned char)*bad);
		feed = memchr(bad, '\n', (size_t)(end - bad));
		at = feed ? feed + 1 : end;
	}
}

static const char *recognise(const char *text, size_t size, size_t *ret_at)
{
	const char *bad;
	unsigned run;

	*ret_at = 0;
	if (size >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
		return "UTF-16";
	if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		return "UTF-8 with a byte order mark";
	if (size >= 4 && !text[1] && !text[3] && text[0] && text[2])
		return "UTF-16";
	bad = find_bad_byte(text, size);
	if (!bad)
		return NULL;
	*ret_at = (size_t)(bad - text);
	if (sk_euc_jp_check(text, size, &run) && run >= WORD)
		return "EUC-JP";
	if (!is_mostly_utf8(text, size) && sk_shift_jis_check(text, size, &run) && run >= WORD)
		return "Shift_JIS";
	return "";
}

int sk_policy_check_encoding(const SkPolicyReport *report, const char *name, const char *text, size_t size)
{
	SkPlace place = {.severity = SK_POLICY_ERROR, .file = name};
	size_t at;
	const char *encoding = recognise(text, size, &at);

	if (!encoding)
		return 0;
	count_lines(text, text + at, &place);
	if (*encoding) {
		sk_policy_report(report, &place,
			N_("this file is in %s; save it in UTF-8 without byte order mark"), encoding);
		return -EINVAL;
	}
	place.severity = SK_POLICY_WARNING;
	warn_lines(report, &place, text, size);
	return 0;
}
