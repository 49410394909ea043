/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "lib/csv/csv_text.h"

bool sk_csv_is_formula(const char *text)
{
	static const char *const signs[] = {"=", "+", "-", "@", "\t", "\uff1d", "\uff0b", "\uff0d", "\uff20"};

	text += strspn(text, "'");
	for (size_t i = 0; i < SK_ARRAY_SIZE(signs); i++)
		if (sk_str_starts(text, signs[i]))
			return true;
	return false;
}

void sk_csv_write_cell(FILE *out, const char *text, bool first)
{
	bool guarded = sk_csv_is_formula(text);

	if (!first)
		fputc(',', out);
	/* At the start of a file the mark would be read as that of UTF-8. */
	if (!guarded && !strpbrk(text, ",\"\r\n") && !sk_str_starts(text, "\ufeff")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	if (guarded)
		fputc('\'', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

void sk_csv_write_end(FILE *out)
{
	fputs("\r\n", out);
}
