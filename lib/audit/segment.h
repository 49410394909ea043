/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The files of a log and their lines. Names are ours, contents may be anything: only regular files are
 * opened, links are not followed, a line longer than SK_AUDIT_LINE_MAX is passed over without being held.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/audit/audit.h"

#define SK_SEGMENT_NAME_SIZE 32
#define SK_SEGMENT_MAX 99999999

void sk_segment_name(char ret_name[SK_SEGMENT_NAME_SIZE], uint64_t number);

typedef struct SkSegments {
	uint32_t *numbers; /* ascending */
	size_t count;
} SkSegments;

#define SK_SEGMENTS_NULL                                                                                     \
	{                                                                                                    \
		NULL, 0                                                                                      \
	}

/* Return: 0, also for none; negative errno. Free with sk_segments_deinit(). */
int sk_segments_list(int dir_fd, SkSegments *ret_segments);
void sk_segments_deinit(SkSegments *segments);
#define own_segments own_(sk_segments_deinit)

/* Reads lines of one file; what stands behind the last line break is no line yet. */
typedef struct SkLines {
	int fd; /* -1: nothing open */
	char *buffer;
	size_t begin;
	size_t end;
	uint64_t offset;   /* in the file, of buffer[begin] */
	uint64_t complete; /* in the file, behind the last line break seen */
	uint64_t line;	   /* number of the line returned last */
	bool skipping;	   /* inside a line that is too long */
} SkLines;

#define SK_LINES_NULL                                                                                        \
	{                                                                                                    \
		.fd = -1                                                                                     \
	}

void sk_lines_deinit(SkLines *lines);
#define own_lines own_(sk_lines_deinit)

/* Opens another file; the buffer is kept. Return: 0, -ENOENT, -EBADMSG it is no regular file, others. */
int sk_lines_open(SkLines *lines, int dir_fd, uint64_t number);

/* Return: 1 a line (valid until the next call); 0 no more for now; -EMSGSIZE one was too long; others of
 * read(). */
int sk_lines_next(SkLines *lines, const char **ret_line, size_t *ret_size);

/* Bytes behind the last line break, after sk_lines_next() returned 0. */
uint64_t sk_lines_rest(const SkLines *lines);
