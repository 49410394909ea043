/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Inside of the writer, shared by audit.c (records), recover.c (opening) and space.c (full disks).
 */
#include "lib/audit/audit.h"
#include "lib/audit/line.h"
#include "lib/audit/segment.h"
#include "lib/audit/state.h"

#define SK_AUDIT_ACTOR "sekisho-audit" /* of the library's own records */
#define SK_SEGMENT_SIZE (UINT64_C(16) << 20)

/* With seal_every at most this too, no stretch without a seal is longer than SK_AUDIT_SEAL_MAX. */
#define SK_AUDIT_QUEUE_MAX (SK_AUDIT_SEAL_MAX / 2)

struct SkAudit {
	SkAuditOptions options; /* complete: no zeros but reserve_size */
	char *start_key_path;
	char boot[33];
	int dir_fd;
	int segment_fd;
	uint64_t segment;
	uint64_t segment_used; /* bytes that are acknowledged */
	int head_fd;
	unsigned head_slot;

	SkAuditHead durable; /* the last acknowledged record */
	SkAuditHead queued;  /* the last record in pending, else the same */
	char *pending;
	size_t pending_size;
	size_t pending_room;
	size_t pushed; /* bytes of pending that the kernel has already */
	uint32_t queue_count;
	uint32_t unsealed; /* acknowledged records behind the last seal */
	bool seal_queued;

	SkRatchet *ratchet; /* the epoch that is due */
	SkSealState seal;   /* the last seal */
	bool state_due;	    /* seal-state could not be written behind the last seal */
	bool reserve_opened;
	bool notice_due; /* the opening of the reserve is not a record yet */
	int failed;	 /* the file is in doubt: what every further call returns */
};

/* A record of the library's own. */
int sk_audit_queue_own(SkAudit *audit, const char *kind, const char *body);

/* Writes seal-state; with the reserve when the disk is full. Clears state_due. */
int sk_audit_store_state(SkAudit *audit);

/* Creates the next segment and makes it the one that is written. */
int sk_audit_next_segment(SkAudit *audit);

/* Gives the reserve back to the file system. Return: true when that may have made room. */
bool sk_audit_open_reserve(SkAudit *audit);

/* Brings a directory in order and leaves audit ready for sk_audit_queue(). */
int sk_audit_recover(SkAudit *audit);
