/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What stands beside the segments:
 *
 *	head		the last acknowledged record, so that a cut tail is noticed (readable by the group)
 *	seal-state	the sealing key that is due, and where the last seal is (readable by the writer only)
 *	start-key	the first key, written once for whoever verifies; meant to be moved away
 *
 * Order on disk: records, then head, and seal records, then seal-state. So head and seal-state are never
 * ahead of the segments unless somebody cut them.
 */
#include "lib/audit/audit.h"
#include "lib/crypt/ratchet.h"

#define SK_HEAD_FILE "head"
#define SK_SEAL_STATE_FILE "seal-state"
#define SK_RESERVE_FILE "reserve"

/*
 * The head is written in place, in turn into one of two slots, each with a check sum: no allocation, so it
 * works on a full disk, and a torn write leaves the other slot. It is not fsynced: it may be older than the
 * log, never newer.
 */
int sk_head_read(int dir_fd, SkAuditHead *ret_head); /* 0, -ENOENT, -EBADMSG */
int sk_head_create(int dir_fd, const SkAuditHead *head, int *ret_fd);
int sk_head_write(int fd, unsigned slot, const SkAuditHead *head);

typedef struct SkSealState {
	uint64_t segment; /* where the last seal stands */
	SkAuditHead seal; /* the last seal's record */
} SkSealState;

/* The ratchet stands at the epoch that is due. Return: 0, -ENOENT, -EBADMSG, -EACCES, others. */
int sk_seal_state_read(int dir_fd, SkSealState *ret_state, SkRatchet **ret_ratchet);

/* Replaces the file; the old one's blocks are overwritten first to last before they are given back. */
int sk_seal_state_write(int dir_fd, const SkSealState *state, const SkRatchet *ratchet);

/* path: relative to dir_fd, or absolute. The ratchet stands at epoch 0. Return: 0, -EINVAL it is no such
 * file, others. */
int sk_start_key_read(int dir_fd, const char *path, SkRatchet **ret_ratchet);

/* Return: 0, -EEXIST, others. */
int sk_start_key_write(int dir_fd, const char *path, const SkRatchet *ratchet);
