/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/target.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/base/utf8.h"

/* Leaves room for "-99" and for file systems that count differently. */
#define NAME_BYTES_MAX 200

void media_name_format(char name[MEDIA_NAME_SIZE], const char *label, size_t size)
{
	char text[NAME_BYTES_MAX + 1];
	const char *start = text;
	size_t end;

	sk_utf8_escape(text, sizeof(text), label, size);
	for (char *c = text; *c; c++)
		if (*c == '/')
			*c = '_';
	while (*start == ' ')
		start++;
	end = strlen(start);
	while (end > 0 && start[end - 1] == ' ')
		end--;
	if (end == 0) {
		sk_str_copy(name, MEDIA_NAME_SIZE, "medium");
		return;
	}
	/* Not hidden, and neither "." nor "..". */
	sk_str_format(name, MEDIA_NAME_SIZE, "%s%.*s", *start == '.' ? "_" : "", (int)end, start);
}

bool media_user_check(const char *user)
{
	size_t size = strlen(user);
	char escaped[256];

	if (size == 0 || size > 63 || user[0] == '.' || user[0] == '-' || strchr(user, '/'))
		return false;
	sk_utf8_escape(escaped, sizeof(escaped), user, size);
	return sk_str_eq(escaped, user);
}
