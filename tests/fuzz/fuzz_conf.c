/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A settings file of any bytes: encoding, lexer, values. Columns must point into the line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/conf/encoding.h"
#include "lib/conf/ini.h"
#include "lib/conf/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* Each value through the rule of every setting. */
static void check_values(const SkIniText *value)
{
	char text[SK_VALUE_MAX];

	if (!sk_str_format(text, sizeof(text), "%.*s", (int)value->size, value->text))
		return;
	for (const SkSetting *s = sk_settings_schema; s->section; s++) {
		SkValueError error = {0};
		SkValue parsed = {0};
		int r = sk_value_parse(&s->rule, text, &parsed, &error);

		if (r == 0 && sk_value_is_owned(s->rule.type))
			free(parsed.path);
		else if (r == 0 && s->rule.max > 1)
			require(parsed.number >= s->rule.min && parsed.number <= s->rule.max);
		else if (r < 0)
			require(error.text[0] != 0 && error.offset <= strlen(text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	SkEncodingError error;
	SkIni ini;
	int item;

	if (sk_encoding_check(text, size, &error) < 0) {
		require(error.line > 0 && error.column > 0 && error.text != NULL);
		return 0;
	}
	sk_ini_init(&ini, text, size);
	while ((item = sk_ini_next(&ini)) != SK_INI_END) {
		require(ini.line > 0 && ini.column > 0);
		if (item < 0)
			require(ini.error != NULL);
		if (item != SK_INI_SETTING)
			continue;
		require(ini.key.text >= text && ini.value.text + ini.value.size <= text + size);
		check_values(&ini.value);
	}
	return 0;
}
