/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A log in a temporary directory, written with a clock of our own, and what verification says about it.
 */
#include "tests/unit/unit.h"

#include "lib/audit/audit.h"
#include "lib/audit/verify.h"

#define LOG_LINES_MAX 600

typedef struct Log {
	char directory[64];
	int dir_fd;
	SkAuditTime now; /* moves by a second with each record */
	SkAuditOptions options;
	unsigned found[SK_AUDIT_FINDING_KIND_MAX]; /* of the last log_verify() */
	SkAuditFinding first;			   /* the first that is no information; its texts are gone */
	SkAuditReport report;
} Log;

int log_setup(void **state); /* an empty directory */
int log_teardown(void **state);

/* Opens, appends count records of kind "test.record", closes. */
void log_write(Log *log, unsigned count);

/* Opens; the caller closes. */
SkAudit *log_open(Log *log);
int log_append(SkAudit *audit, unsigned number);

/* with_key: with the start key. Fills found, first and report. */
void log_verify(Log *log, bool with_key, const SkAuditHead *expected);

/* No findings, count records. */
void log_assert_intact(Log *log, uint64_t count);

/* The lines of a segment without their line breaks, to be changed and written back. */
typedef struct Lines {
	char *items[LOG_LINES_MAX];
	size_t count;
} Lines;

Lines log_read_lines(Log *log, unsigned segment);
void log_write_lines(Log *log, unsigned segment, Lines *lines); /* frees them */

/* The line of a record in segment 1 and behind: index in lines of the record with this sequence. */
void lines_remove(Lines *lines, size_t index);
void lines_insert(Lines *lines, size_t index, const char *text);
void lines_replace(Lines *lines, size_t index, const char *from, const char *to);

/* Makes hashes right again from this line on, as a forger without the key would. Seals are left as they are.
 */
void lines_rechain(Lines *lines, size_t from);

/* Calls the shell in the directory of the log. */
void log_shell(Log *log, const char *command);
