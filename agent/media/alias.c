/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/alias.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/str.h"

/* Of names as media_name_format() makes them: no control characters. Return: false: there is none. */
static bool format(char alias[NAME_MAX + 1], const char *name)
{
	size_t n = 0;

	for (const char *c = name; *c; c++) {
		bool plain = (unsigned char)*c < 0x80 && *c != '\\' && *c != '"';
		char piece[5];

		if (plain)
			sk_str_format(piece, sizeof(piece), "%c", *c);
		else if ((unsigned char)*c < 0x80)
			sk_str_format(piece, sizeof(piece), "\\%c", *c);
		else
			sk_str_format(piece, sizeof(piece), "\\%03o", (unsigned char)*c);
		if (!sk_str_copy(alias + n, NAME_MAX + 1 - n, piece))
			return false;
		n += strlen(piece);
	}
	return !sk_str_eq(alias, name);
}

static void drop(int user_fd, const char *alias)
{
	char target[2];

	/* Only what is a link: somebody may have a medium of this name. */
	if (readlinkat(user_fd, alias, target, sizeof(target)) >= 0)
		(void)unlinkat(user_fd, alias, 0);
}

void media_alias_add(int user_fd, const char *name)
{
	char alias[NAME_MAX + 1];

	if (!format(alias, name))
		return;
	drop(user_fd, alias);
	(void)!symlinkat(name, user_fd, alias);
}

void media_alias_remove(int user_fd, const char *name)
{
	char alias[NAME_MAX + 1];

	if (format(alias, name))
		drop(user_fd, alias);
}
