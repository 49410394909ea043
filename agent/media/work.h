/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a worker is given to do. One of: a mount; a mount of what is encrypted (with wanted); a format; other
 * keys for what is encrypted; its erasure; a hand-over; a close; that it may be written to (thaw), or a slip
 * that is stored, of what is mounted. All is borrowed.
 */
#include <sys/types.h>

#include "lib/ipc/chan.h"
#include "lib/ipc/proto_carry.h"

/* Programs of others run under identities that own nothing. uid 0: there is no such user. */
typedef struct MediaIdentity {
	uid_t uid;
	gid_t gid;
} MediaIdentity;

typedef struct MediaWork {
	const SkMediaMount *mount;
	const SkLuksWanted *wanted;
	const SkMediaFormat *format;
	const SkMediaRekey *rekey;
	const SkMediaErase *erase;
	const SkMediaUnmount *close; /* of what was written to */
	const SkMediaWritable *thaw;
	const SkMediaStore *store;
	const SkMediaHandOver *handover;
	int files[3];	  /* for store and handover: slip, manifest, sums */
	int archive_fd;	  /* for handover */
	const char *base; /* for close: where it is mounted */
	int base_fd;
	int device_fd; /* -1: none; for close, thaw and store: the root of the file system */
	int passphrase_fd;
	int secret_fd;		  /* of a rekeying */
	MediaIdentity ntfs, luks; /* of the two programs */
	SkChan *parent;		  /* in the worker */
} MediaWork;
