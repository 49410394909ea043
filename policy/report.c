/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>

#include "lib/base/utf8.h"
#include "policy/rule.h"

void sk_policy_report(const SkPolicyReport *report, const SkPlace *place, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (!report || !report->report)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), sk_translate(report->translate, format), arguments);
	va_end(arguments);
	report->report(report->data, &(SkPolicyDiagnostic){
					     .severity = place->severity,
					     .file = place->file,
					     .line = place->line,
					     .column = place->column,
					     .text = text,
				     });
}

const char *sk_policy_words(const SkPolicyReport *report, const char *english)
{
	return sk_translate(report ? report->translate : NULL, english);
}

const char *sk_policy_quote(char buffer[SK_QUOTE_SIZE], const char *text, size_t size)
{
	sk_utf8_escape(buffer, SK_QUOTE_SIZE, text, size);
	return buffer;
}
