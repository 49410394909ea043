/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/luks2/erased.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/str.h"

/* On the medium: these three and zeros, each text ended by zeros. */
#define MAGIC "SEKISHO ERASURE 1\n"
#define STATE_AT 24
#define STATE_SIZE 8
#define MEDIUM_AT 32
#define UUID_AT 64

void sk_erased_mark_format(const SkErasedMark *mark, uint8_t ret_page[SK_ERASED_PAGE_SIZE])
{
	char *text = (char *)ret_page;

	memset(ret_page, 0, SK_ERASED_PAGE_SIZE);
	memcpy(text, MAGIC, sizeof(MAGIC));
	sk_str_copy(text + STATE_AT, STATE_SIZE, mark->done ? "done" : "begun");
	sk_str_copy(text + MEDIUM_AT, sizeof(mark->medium), mark->medium);
	sk_str_copy(text + UUID_AT, sizeof(mark->uuid), mark->uuid);
}

/* A text of letters, digits and hyphens. */
static bool read_name(const uint8_t *bytes, size_t size, char *dst)
{
	size_t length = 0;

	while (length < size && (isalnum(bytes[length]) || bytes[length] == '-'))
		length++;
	if (length == 0 || length == size || bytes[length] != 0)
		return false;
	memcpy(dst, bytes, length + 1);
	return true;
}

bool sk_erased_mark_parse(const uint8_t sector[SK_ERASED_SECTOR_SIZE], SkErasedMark *ret_mark)
{
	uint8_t page[SK_ERASED_PAGE_SIZE];
	char state[STATE_SIZE];
	SkErasedMark mark;

	if (!read_name(sector + STATE_AT, STATE_SIZE, state) ||
		!read_name(sector + MEDIUM_AT, sizeof(mark.medium), mark.medium) ||
		!read_name(sector + UUID_AT, sizeof(mark.uuid), mark.uuid))
		return false;
	mark.done = sk_str_eq(state, "done");
	sk_erased_mark_format(&mark, page);
	if (memcmp(sector, page, SK_ERASED_SECTOR_SIZE) != 0)
		return false;
	*ret_mark = mark;
	return true;
}
