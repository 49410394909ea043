/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Reads records of an audit log one by one, also while it is written. What is read may be hostile: lines are
 * bounded, and a line that is no record is reported and passed over. Reading proves nothing: that is
 * verify.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/own.h"

/* A piece of text, not terminated, valid until the next call on its reader. */
typedef struct SkAuditText {
	const char *text;
	size_t size;
} SkAuditText;

typedef struct SkAuditRecord {
	uint64_t seq;
	SkAuditText line; /* without the line break */
	SkAuditText prev; /* 64 hexadecimal digits */
	SkAuditText time; /* RFC 3339, UTC, µs */
	int64_t wall;	  /* the same in µs since 1970 */
	uint64_t mono;	  /* µs since boot */
	SkAuditText boot;
	SkAuditText clock;
	SkAuditText actor; /* still with the escapes of JSON */
	SkAuditText kind;
	SkAuditText body; /* a JSON object */
} SkAuditRecord;

typedef struct SkAuditReader SkAuditReader;

/* Starts at the first record with a sequence of at least from_seq (0 or 1: all). Return: 0, -ENOENT: no log
 * there. */
int sk_audit_reader_open(const char *directory, uint64_t from_seq, SkAuditReader **ret_reader);
void sk_audit_reader_free(SkAuditReader *reader);
OWN_DEFINE(SkAuditReader, sk_audit_reader_free)
#define own_audit_reader own_(sk_audit_reader_freep)

/*
 * Return: 1 a record; 0 no more for now (call again later to follow); -EBADMSG a line that is no record was
 * passed over (sk_audit_reader_get_place() says which); other negative errno: of the system.
 */
int sk_audit_reader_next(SkAuditReader *reader, SkAuditRecord *ret_record);

/* File name and line of what sk_audit_reader_next() returned last. The name is valid until the next call. */
void sk_audit_reader_get_place(const SkAuditReader *reader, const char **ret_file, uint64_t *ret_line);

/* An inotify descriptor of the reader that becomes readable when the log grows; sk_audit_reader_next() drains
 * it. */
int sk_audit_reader_get_fd(SkAuditReader *reader, int *ret_fd);

/* Is the kind this word or one below it? "device" covers "device.decided". */
bool sk_audit_kind_covers(const char *wanted, SkAuditText kind);
