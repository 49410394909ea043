/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/audit/line.h"
#include "lib/audit/segment.h"

struct SkAuditReader {
	char *directory;
	int dir_fd;
	int watch_fd;
	uint64_t from_seq;
	uint64_t segment; /* the one that is read; 0: none yet */
	SkLines lines;
	char name[SK_SEGMENT_NAME_SIZE];
};

void sk_audit_reader_free(SkAuditReader *reader)
{
	if (!reader)
		return;
	sk_lines_deinit(&reader->lines);
	if (reader->dir_fd >= 0)
		close(reader->dir_fd);
	if (reader->watch_fd >= 0)
		close(reader->watch_fd);
	free(reader->directory);
	free(reader);
}

static int enter_segment(SkAuditReader *reader, uint64_t number)
{
	int r = sk_lines_open(&reader->lines, reader->dir_fd, number);

	if (r < 0)
		return r;
	reader->segment = number;
	sk_segment_name(reader->name, number);
	return 0;
}

/* Sequence of the first line of a segment. Return: 1, 0 when that is no record. */
static int first_seq(SkAuditReader *reader, uint64_t number, uint64_t *ret_seq)
{
	SkAuditRecord record;
	const char *line;
	size_t size;

	if (sk_lines_open(&reader->lines, reader->dir_fd, number) < 0 ||
		sk_lines_next(&reader->lines, &line, &size) != 1 || sk_line_parse(line, size, &record) < 0)
		return 0;
	*ret_seq = record.seq;
	return 1;
}

/* The last segment that begins at or before from_seq. Damaged ones count as such: reading passes over them.
 */
static int find_segment(SkAuditReader *reader, const SkSegments *segments)
{
	size_t low = 0, high = segments->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		uint64_t seq;

		if (first_seq(reader, segments->numbers[middle], &seq) == 1 && seq <= reader->from_seq)
			low = middle;
		else
			high = middle;
	}
	return enter_segment(reader, segments->numbers[low]);
}

int sk_audit_reader_open(const char *directory, uint64_t from_seq, SkAuditReader **ret_reader)
{
	own_segments SkSegments segments = SK_SEGMENTS_NULL;
	own_audit_reader SkAuditReader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	reader->watch_fd = -1;
	reader->lines = (SkLines)SK_LINES_NULL;
	reader->from_seq = from_seq;
	reader->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (reader->dir_fd < 0)
		return -errno;
	reader->directory = strdup(directory);
	if (!reader->directory)
		return -ENOMEM;
	r = sk_segments_list(reader->dir_fd, &segments);
	if (r < 0)
		return r;
	if (segments.count == 0)
		return -ENOENT;
	r = find_segment(reader, &segments);
	if (r < 0)
		return r;
	*ret_reader = own_take(reader);
	return 0;
}

/* The next segment behind the one that is read; 0: none. */
static int find_later(const SkAuditReader *reader, uint64_t *ret_number)
{
	own_segments SkSegments segments = SK_SEGMENTS_NULL;
	int r = sk_segments_list(reader->dir_fd, &segments);

	if (r < 0)
		return r;
	*ret_number = 0;
	for (size_t i = 0; i < segments.count && *ret_number == 0; i++)
		if (segments.numbers[i] > reader->segment)
			*ret_number = segments.numbers[i];
	return 0;
}

static void drain_watch(SkAuditReader *reader)
{
	char events[4096];

	if (reader->watch_fd >= 0)
		while (read(reader->watch_fd, events, sizeof(events)) > 0)
			;
}

static int next_line(SkAuditReader *reader, const char **ret_line, size_t *ret_size)
{
	int r = sk_lines_next(&reader->lines, ret_line, ret_size);

	if (r == 0)
		drain_watch(reader);
	while (r == 0) {
		uint64_t later;

		/* A later segment means that this one is complete: only then is its end the end, so look in
		 * this order. */
		r = find_later(reader, &later);
		if (r == 0)
			r = sk_lines_next(&reader->lines, ret_line, ret_size);
		if (r != 0 || later == 0)
			break;
		r = enter_segment(reader, later);
	}
	return r;
}

int sk_audit_reader_next(SkAuditReader *reader, SkAuditRecord *ret_record)
{
	for (;;) {
		const char *line;
		size_t size;
		int r = next_line(reader, &line, &size);

		if (r == -EMSGSIZE)
			return -EBADMSG;
		if (r <= 0)
			return r;
		r = sk_line_parse(line, size, ret_record);
		if (r < 0)
			return r;
		if (ret_record->seq >= reader->from_seq)
			return 1;
	}
}

void sk_audit_reader_get_place(const SkAuditReader *reader, const char **ret_file, uint64_t *ret_line)
{
	*ret_file = reader->name;
	*ret_line = reader->lines.line;
}

int sk_audit_reader_get_fd(SkAuditReader *reader, int *ret_fd)
{
	if (reader->watch_fd < 0) {
		own_fd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

		if (fd < 0 ||
			inotify_add_watch(fd, reader->directory, IN_MODIFY | IN_CREATE | IN_ONLYDIR) < 0)
			return -errno;
		reader->watch_fd = own_take_fd(&fd);
	}
	*ret_fd = reader->watch_fd;
	return 0;
}

bool sk_audit_kind_covers(const char *wanted, SkAuditText kind)
{
	size_t size = strlen(wanted);

	return kind.size >= size && memcmp(kind.text, wanted, size) == 0 &&
	       (kind.size == size || kind.text[size] == '.');
}
