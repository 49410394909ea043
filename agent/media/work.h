/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a worker is given to do. One of: a mount; a mount of what is encrypted (with wanted); a format; a
 * close. All is borrowed.
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
	const SkMediaUnmount *close; /* of what was written to */
	const char *base;	     /* for close: where it is mounted */
	int base_fd;
	int device_fd; /* -1: none; for close: the root of the file system */
	int passphrase_fd;
	MediaIdentity ntfs, luks; /* of the two programs */
	SkChan *parent;		  /* in the worker */
} MediaWork;
