/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/posture/files.h"
#include "lib/base/own.h"

#define BLOCK (64u << 10)

static void reader_freep(struct archive **reader)
{
	archive_read_free(*reader);
}

static int open_raw(struct archive *reader, int fd)
{
	struct archive_entry *entry;

	/* Only those that libarchive unpacks itself: for others it would start a program. */
	archive_read_support_filter_bzip2(reader);
	archive_read_support_filter_gzip(reader);
	archive_read_support_filter_lz4(reader);
	archive_read_support_filter_xz(reader);
	archive_read_support_filter_zstd(reader);
	archive_read_support_format_raw(reader);
	archive_read_support_format_empty(reader);
	if (archive_read_open_fd(reader, fd, BLOCK) != ARCHIVE_OK)
		return -EBADMSG;
	switch (archive_read_next_header(reader, &entry)) {
	case ARCHIVE_OK:
		return 1;
	case ARCHIVE_EOF:
		return 0;
	default:
		return -EBADMSG;
	}
}

static int read_all(struct archive *reader, size_t max, char **ret_text)
{
	size_t room = BLOCK, used = 0;
	own_free char *text = malloc(room + 1);
	la_ssize_t n;

	if (!text)
		return -ENOMEM;
	while ((n = archive_read_data(reader, text + used, room - used)) > 0) {
		char *larger;

		used += (size_t)n;
		if (used > max)
			return -EFBIG;
		if (used < room)
			continue;
		larger = realloc(text, 2 * room + 1);
		if (!larger)
			return -ENOMEM;
		text = larger;
		room *= 2;
	}
	if (n < 0)
		return -EBADMSG;
	for (char *nul = text; (nul = memchr(nul, 0, used - (size_t)(nul - text)));)
		*nul = '?';
	text[used] = 0;
	*ret_text = own_take(text);
	return 0;
}

int file_unpack(const Posture *posture, const char *path, size_t max, char **ret_text)
{
	own_(reader_freep) struct archive *reader = archive_read_new();
	own_fd int fd = file_open(posture, path);
	int r;

	if (!reader)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	r = open_raw(reader, fd);
	if (r > 0)
		return read_all(reader, max, ret_text);
	if (r == 0)
		*ret_text = strdup("");
	return r < 0 || *ret_text ? r : -ENOMEM;
}
