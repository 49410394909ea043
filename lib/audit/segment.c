/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/str.h"

#define NAME_PREFIX "segment-"
#define NAME_SUFFIX ".jsonl"
#define NAME_DIGITS 8
#define BUFFER_SIZE (4 * SK_AUDIT_LINE_MAX)

void sk_segment_name(char ret_name[SK_SEGMENT_NAME_SIZE], uint64_t number)
{
	sk_str_format(
		ret_name, SK_SEGMENT_NAME_SIZE, NAME_PREFIX "%08llu" NAME_SUFFIX, (unsigned long long)number);
}

static bool parse_name(const char *name, uint32_t *ret_number)
{
	char digits[NAME_DIGITS + 1];
	uint64_t number;

	if (strlen(name) != strlen(NAME_PREFIX NAME_SUFFIX) + NAME_DIGITS ||
		!sk_str_starts(name, NAME_PREFIX) ||
		!sk_str_eq(name + strlen(NAME_PREFIX) + NAME_DIGITS, NAME_SUFFIX))
		return false;
	sk_str_format(digits, sizeof(digits), "%.*s", NAME_DIGITS, name + strlen(NAME_PREFIX));
	if (sk_num_parse(digits, 10, SK_SEGMENT_MAX, &number) < 0 || number == 0)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int add(SkSegments *segments, size_t *capacity, uint32_t number)
{
	if (segments->count == *capacity) {
		size_t larger = *capacity ? 2 * *capacity : 64;
		uint32_t *grown = reallocarray(segments->numbers, larger, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		segments->numbers = grown;
		*capacity = larger;
	}
	segments->numbers[segments->count++] = number;
	return 0;
}

int sk_segments_list(int dir_fd, SkSegments *ret_segments)
{
	own_segments SkSegments segments = SK_SEGMENTS_NULL;
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	size_t capacity = 0;
	struct dirent *entry;
	DIR *directory;

	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (!directory) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(directory)) != NULL) {
		uint32_t number;

		if (parse_name(entry->d_name, &number))
			r = add(&segments, &capacity, number);
	}
	if (r == 0)
		r = -errno;
	closedir(directory);
	if (r < 0)
		return r;
	if (segments.count > 0)
		qsort(segments.numbers, segments.count, sizeof(*segments.numbers), compare);
	*ret_segments = segments;
	segments = (SkSegments)SK_SEGMENTS_NULL;
	return 0;
}

void sk_segments_deinit(SkSegments *segments)
{
	free(segments->numbers);
	*segments = (SkSegments)SK_SEGMENTS_NULL;
}

void sk_lines_deinit(SkLines *lines)
{
	if (lines->fd >= 0)
		close(lines->fd);
	free(lines->buffer);
	*lines = (SkLines)SK_LINES_NULL;
}

int sk_lines_open(SkLines *lines, int dir_fd, uint64_t number)
{
	char name[SK_SEGMENT_NAME_SIZE];
	own_fd int fd = -1;
	struct stat st;

	sk_segment_name(name, number);
	/* O_NONBLOCK: a FIFO with our name must not hold us. */
	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	if (!lines->buffer)
		lines->buffer = malloc(BUFFER_SIZE);
	if (!lines->buffer)
		return -ENOMEM;
	if (lines->fd >= 0)
		close(lines->fd);
	*lines = (SkLines){.fd = own_take_fd(&fd), .buffer = lines->buffer};
	return 0;
}

static void consume(SkLines *lines, size_t size)
{
	lines->begin += size;
	lines->offset += size;
}

/* Return: bytes added, 0 at the end of the file, negative errno. */
static ssize_t fill(SkLines *lines)
{
	ssize_t n;

	if (lines->begin > 0) {
		memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
		lines->end -= lines->begin;
		lines->begin = 0;
	}
	do {
		n = read(lines->fd, lines->buffer + lines->end, BUFFER_SIZE - lines->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	lines->end += (size_t)n;
	return n;
}

int sk_lines_next(SkLines *lines, const char **ret_line, size_t *ret_size)
{
	size_t searched = 0;

	for (;;) {
		char *begin = lines->buffer + lines->begin;
		size_t held = lines->end - lines->begin;
		char *stop = memchr(begin + searched, '\n', held - searched);
		ssize_t n;

		if (stop) {
			size_t size = (size_t)(stop - begin);
			bool too_long = lines->skipping || size >= SK_AUDIT_LINE_MAX;

			lines->skipping = false;
			lines->line++;
			consume(lines, size + 1);
			lines->complete = lines->offset;
			if (too_long)
				return -EMSGSIZE;
			*ret_line = begin;
			*ret_size = size;
			return 1;
		}
		searched = held;
		if (lines->skipping || held >= SK_AUDIT_LINE_MAX) {
			lines->skipping = true;
			consume(lines, held);
			searched = 0;
		}
		n = fill(lines);
		if (n <= 0)
			return (int)n;
	}
}

uint64_t sk_lines_rest(const SkLines *lines)
{
	return lines->offset + (lines->end - lines->begin) - lines->complete;
}
