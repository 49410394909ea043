/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf/ini.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

void sk_ini_init(SkIni *ini, const char *text, size_t size)
{
	*ini = (SkIni){.next = text, .end = text + size};
	if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		ini->next += 3;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_name(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_';
}

static unsigned column_of(const char *line, const char *at)
{
	unsigned column = 1;

	for (; line < at; line++)
		column += ((unsigned char)*line & 0xC0) != 0x80;
	return column;
}

static int fail(SkIni *ini, const char *line, const char *at, const char *error)
{
	ini->column = column_of(line, at);
	ini->error = error;
	return -EBADMSG;
}

static SkIniText text_between(const char *line, const char *begin, const char *end)
{
	return (SkIniText){begin, (size_t)(end - begin), column_of(line, begin)};
}

static int read_section(SkIni *ini, const char *line, const char *begin, const char *end)
{
	const char *name = begin + 1, *p = name;

	while (p < end && is_name(*p))
		p++;
	if (p == end)
		return fail(ini, line, p, "the section's closing ] is missing");
	if (*p != ']')
		return fail(ini, line, p, "a section's name is letters, digits, - and _");
	if (p == name)
		return fail(ini, line, p, "the section's name is missing");
	if (p + 1 != end)
		return fail(ini, line, p + 1, "nothing may follow the section's name on its line");
	ini->section = text_between(line, name, p);
	ini->column = ini->section.column;
	return SK_INI_SECTION;
}

static int read_setting(SkIni *ini, const char *line, const char *begin, const char *end)
{
	const char *p = begin, *name_end;

	while (p < end && is_name(*p))
		p++;
	name_end = p;
	while (p < end && is_blank(*p))
		p++;
	if (p == end)
		return fail(ini, line, p, "expected = and a value");
	if (*p != '=')
		return fail(ini, line, p, "a line is [Section], Key=value, or a comment that begins with #");
	if (name_end == begin)
		return fail(ini, line, begin, "the name before = is missing");
	if (!ini->section.text)
		return fail(ini, line, begin, "this setting stands before the first [Section]");
	ini->key = text_between(line, begin, name_end);
	p++;
	while (p < end && is_blank(*p))
		p++;
	ini->value = text_between(line, p, end);
	ini->column = ini->key.column;
	return SK_INI_SETTING;
}

int sk_ini_next(SkIni *ini)
{
	while (ini->next < ini->end) {
		const char *line = ini->next, *begin = line;
		const char *end = memchr(line, '\n', (size_t)(ini->end - line));

		if (!end)
			end = ini->end;
		ini->next = end < ini->end ? end + 1 : end;
		ini->line++;
		if (end - line > SK_INI_LINE_MAX)
			return fail(ini, line, line, "the line is longer than 4096 bytes");
		if (end > line && end[-1] == '\r')
			end--;
		while (begin < end && is_blank(*begin))
			begin++;
		while (end > begin && is_blank(end[-1]))
			end--;
		if (begin == end || *begin == '#' || *begin == ';')
			continue;
		if (*begin == '[')
			return read_section(ini, line, begin, end);
		return read_setting(ini, line, begin, end);
	}
	return SK_INI_END;
}
