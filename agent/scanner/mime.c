/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/mime.h"

#include <errno.h>
#include <magic.h>

/* Magic numbers sit at the front; libmagic takes time by the byte. */
#define LOOK_MAX 4096u

#define GENERAL "application/octet-stream"

static magic_t database;

int mime_init(void)
{
	const int flags = MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF |
			  MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_TOKENS | MAGIC_NO_CHECK_TEXT |
			  MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ENCODING;

	database = magic_open(flags);
	if (!database)
		return -ENOMEM;
	if (magic_load(database, NULL) < 0) {
		magic_close(database);
		database = NULL;
		return -ENOENT;
	}
	return 0;
}

const char *mime_guess(const uint8_t *data, size_t size)
{
	const char *mime = database ? magic_buffer(database, data, size < LOOK_MAX ? size : LOOK_MAX) : NULL;

	return mime && *mime ? mime : GENERAL;
}
