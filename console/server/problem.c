/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/problem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/str.h"
#include "lib/base/utf8.h"

static int set(json_t *problem, const char *name, const char *text)
{
	return text && *text ? json_object_set_new(problem, name, json_string(text)) : 0;
}

json_t *sk_problem_new(const SkCall *call, SkReason code, const char *detail)
{
	const SkReasonText *text = sk_reason_find(code);
	bool japanese = call->language == SK_JAPANESE;
	char code_text[SK_REASON_CODE_SIZE], type[64], instance[64], shown[900];
	json_auto_t *problem = NULL;

	if (!text)
		text = sk_reason_find(SK_CONSOLE_FAULT);
	sk_reason_format_code(code_text, text->code);
	sk_str_format(type, sizeof(type), "urn:sekisho:problem:%s", code_text);
	sk_str_format(instance, sizeof(instance), "urn:sekisho:request:%s", call->id);
	problem = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", type, "title",
		japanese ? text->ja_what : text->en_what, "status", (int)sk_api_status(text->code), "code",
		code_text, "instance", instance);
	if (!problem || set(problem, "next", japanese ? text->ja_next : text->en_next) < 0)
		return NULL;
	if (detail) {
		sk_utf8_escape(shown, sizeof(shown), detail, strlen(detail));
		if (set(problem, "detail", shown) < 0)
			return NULL;
	}
	if (call->faults && json_object_set_new(problem, "errors", sk_faults_to_json(call->faults)) < 0)
		return NULL;
	return own_take(problem);
}

/* "ja-JP;q=0.8": the quality in thousandths when the tag is of the language, else -1. */
static int quality(const char *item, size_t size, const char *language)
{
	const char *parameter = memmem(item, size, ";q=", 3);

	if (size < 2 || strncasecmp(item, language, 2) != 0 ||
		!(size == 2 || item[2] == '-' || item[2] == ';' || item[2] == ' '))
		return -1;
	if (!parameter || parameter + 3 >= item + size)
		return 1000;
	parameter += 3;
	if (*parameter == '1')
		return 1000;
	if (*parameter != '0' || parameter + 2 >= item + size || parameter[1] != '.')
		return 0;
	return parameter[2] >= '0' && parameter[2] <= '9' ? (parameter[2] - '0') * 100 + 1 : 0;
}

SkLanguage sk_problem_language(const char *accept_language)
{
	SkLanguage language = SK_ENGLISH;
	int best = 0;

	for (const char *at = accept_language; at && *at;) {
		size_t size;

		at += strspn(at, ", \t");
		size = strcspn(at, ",");
		if (quality(at, size, "ja") > best) {
			best = quality(at, size, "ja");
			language = SK_JAPANESE;
		} else if (quality(at, size, "en") > best) {
			best = quality(at, size, "en");
			language = SK_ENGLISH;
		}
		at += size;
	}
	return language;
}
