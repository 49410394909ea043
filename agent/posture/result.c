/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/posture/posture.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/chan.h"

#define BETWEEN ", "
#define CUT "..."
#define DAY 86400

void posture_result_init(PostureResult *result, const PostureCheck *check)
{
	*result = (PostureResult){.state = SK_POSTURE_UNKNOWN, .code = SK_POSTURE_CHECK_FAILED};
	sk_head_init(&result->head, SK_POSTURE_RESULT, sizeof(*result));
	sk_str_copy(result->id, sizeof(result->id), check->id);
	sk_str_copy(result->requirement, sizeof(result->requirement), check->requirement);
}

void posture_judge(PostureResult *result, uint32_t state, SkReason code)
{
	result->state = state;
	result->code = code;
}

__attribute__((format(printf, 3, 0))) static void add(
	char *text, size_t size, const char *format, va_list arguments)
{
	size_t used = strlen(text), room;
	char raw[512], shown[1024];

	if (used >= strlen(CUT) && sk_str_eq(text + used - strlen(CUT), CUT))
		return;
	vsnprintf(raw, sizeof(raw), format, arguments);
	sk_utf8_escape(shown, sizeof(shown), raw, strlen(raw));
	room = size - used;
	if (strlen(shown) + strlen(BETWEEN) + strlen(BETWEEN CUT) < room)
		snprintf(text + used, room, "%s%s", used ? BETWEEN : "", shown);
	else if (room > strlen(BETWEEN CUT))
		snprintf(text + used, room, "%s", used ? BETWEEN CUT : CUT);
}

void posture_value(PostureResult *result, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(result->value, sizeof(result->value), format, arguments);
	va_end(arguments);
}

void posture_threshold(PostureResult *result, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(result->threshold, sizeof(result->threshold), format, arguments);
	va_end(arguments);
}

int64_t posture_days_since(const Posture *posture, int64_t time)
{
	return time < posture->now ? (posture->now - time) / DAY : 0;
}
