/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The writer of the audit log: one directory of append-only segments (`segment-NNNNNNNN.jsonl`), one JSON
 * record a line, each record holding the hash of the one before, sealed with a key that ratchets forward. The
 * format is sekisho-audit(5). One writer a directory (flock); readers (reader.h, verify.h) need no lock.
 *
 * What is acknowledged is on the disk: sk_audit_append() and sk_audit_sync() return 0 only after fdatasync().
 * What fails is not in the log: on an error every record since the last success is taken back.
 */
#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "lib/base/own.h"

#define SK_AUDIT_KIND_MAX 64 /* bytes of a kind, and of an actor, with the ending 0 */
#define SK_AUDIT_ACTOR_MAX 256
#define SK_AUDIT_LINE_MAX 65536 /* bytes of a record with its line break */
#define SK_AUDIT_SEAL_EVERY 64	/* default: bounds what a thief of the current key can rewrite */
#define SK_AUDIT_SEAL_MAX 1024	/* a longer stretch without a seal is a finding */
#define SK_AUDIT_START_KEY "start-key"

typedef struct SkAudit SkAudit;

/* Wall clock (since 1970) and monotonic clock (since boot, suspend included), both in µs, and what kept the
 * first. */
typedef struct SkAuditTime {
	int64_t wall;
	uint64_t mono;
	const char *clock; /* "synchronised", "unsynchronised" or "unknown" */
	const char *boot;  /* 32 hexadecimal digits */
} SkAuditTime;

typedef struct SkAuditOptions {
	uint64_t segment_size;	    /* a segment is closed when it has grown to this; 0: 16 MiB */
	uint64_t reserve_size;	    /* given back when the disk is full; 0: no reserve */
	uint32_t seal_every;	    /* records; 0: SK_AUDIT_SEAL_EVERY; at most SK_AUDIT_SEAL_MAX */
	const char *start_key_path; /* written once, when the log is created; NULL: SK_AUDIT_START_KEY in the
				       directory */
	void (*now)(
		void *userdata, SkAuditTime *ret_time); /* NULL: the system's clocks; tests bring their own */
	void *userdata;
} SkAuditOptions;

/*
 * Opens the log of a directory that exists, or creates it, and brings it in order after a kill or a power
 * cut: a torn last line is cut off, a seal whose key was not stored yet is completed. What had to be done is
 * the next record, `audit.recovered`; it also tells what is missing when the log ends before the last
 * acknowledged record.
 *
 * Return: 0; -EBUSY another writer has it; -EROFS, -ENOSPC, -EACCES and others of the system.
 */
int sk_audit_open(const char *directory, const SkAuditOptions *options, SkAudit **ret_audit);

/* Seals and closes. Return: the seal's result; the memory is given back in any case. NULL is fine. */
int sk_audit_close(SkAudit *audit);

static inline void sk_audit_closep(SkAudit **audit)
{
	sk_audit_close(*audit);
}
#define own_audit own_(sk_audit_closep)

/*
 * One record, on the disk when this returns. kind: dotted words of [a-z0-9-] such as "device.decided";
 * "audit." is the library's own. actor: who did it ("sekishod", "user:1000"), valid UTF-8. body: an object,
 * borrowed.
 *
 * Return: 0; -EINVAL kind, actor or body cannot be a record; -EMSGSIZE longer than SK_AUDIT_LINE_MAX; -ENOSPC
 * also the reserve is used up; -EIO and others: the file is in doubt, nothing can be appended until it was
 * opened again.
 */
int sk_audit_append(SkAudit *audit, const char *kind, const char *actor, const json_t *body,
	uint64_t *ret_seq /* may be NULL */);

/* Group commit: as sk_audit_append(), but the record is acknowledged by the next sk_audit_sync() only. */
int sk_audit_queue(
	SkAudit *audit, const char *kind, const char *actor, const json_t *body, uint64_t *ret_seq);
int sk_audit_sync(SkAudit *audit);

/*
 * Hands what is queued to the kernel: from then on a kill of this process does not lose it, a power cut may.
 * It is acknowledged by sk_audit_sync() only, which also tells what went wrong here.
 */
void sk_audit_push(SkAudit *audit);

/* Seals now what is not sealed yet (core: when idle, and before suspend); nothing to seal is 0. */
int sk_audit_seal(SkAudit *audit);

/* The last acknowledged record: what a console countersigns. hash: 64 hexadecimal digits. */
typedef struct SkAuditHead {
	uint64_t seq;
	char hash[65];
} SkAuditHead;

void sk_audit_get_head(const SkAudit *audit, SkAuditHead *ret_head);

typedef struct SkAuditSpace {
	uint64_t free;	     /* bytes that this user may still write on the file system of the log */
	uint64_t reserve;    /* bytes held in reserve now */
	bool reserve_opened; /* the reserve was given back and could not be taken again yet */
} SkAuditSpace;

int sk_audit_get_space(const SkAudit *audit, SkAuditSpace *ret_space);

/* Takes the reserve again when there is room for it. Return: 0 it is complete, -ENOSPC not yet. */
int sk_audit_restore_reserve(SkAudit *audit);
