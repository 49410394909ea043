/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * core <-> sekisho-media. Media mounts what core decided, from a descriptor that the monitor opened.
 *
 * A gate that nobody holds is open. So media holds it too until core says KEPT: it is in systemd's descriptor
 * store, and survives core. A mount for which that does not come within SK_MEDIA_KEPT_SECONDS is detached
 * again, and media holds its gate shut until the file system is gone.
 */
#include "lib/ipc/proto.h"

enum {
	/* core -> media */
	SK_MEDIA_MOUNT = 0x0401, /* SkMediaMount + 1 fd: the block device */
	SK_MEDIA_UNMOUNT,	 /* SkMediaUnmount (+ 1 fd) -> SkAnswer */
	SK_MEDIA_KEPT,		 /* SkMediaKept -> SkAnswer */
	SK_MEDIA_LIST,		 /* SkHead -> SkMediaPlace for each mount of ours, then SkAnswer */
	SK_MEDIA_EVALUATED,	 /* SkMediaEvaluated: answers EVALUATE */
	SK_MEDIA_LEASE,		 /* SkMediaLease: answers LEASE_ASK */
	/* media -> core */
	SK_MEDIA_ANSWER = 0x0481, /* SkAnswer */
	SK_MEDIA_PLACE,
	SK_MEDIA_MOUNTED, /* SkMediaMounted + 2 fds: fanotify group, root directory (only when result is 0) */
	SK_MEDIA_LEASE_ASK, /* SkMediaLeaseAsk -> LEASE */
	SK_MEDIA_EVALUATE,  /* SkMediaEvaluate -> EVALUATED: the console's half of a medium's key */
};

typedef struct SkMediaMount {
	SkHead head;
	uint64_t volume;      /* core's name of the volume */
	uint32_t content;     /* SK_CONTENT_*: the file system to use, never guessed again */
	uint32_t import_copy; /* copy everything into memory first, serve the copy */
	uint64_t copy_max;    /* bytes for import_copy */
	uint32_t uid, gid; /* of the session user: what the files of file systems without owners belong to */
	uint32_t scanner_gid; /* group that may read too */
	uint32_t reserved;
	char user[64];	 /* /media/USER/... */
	char label[256]; /* wish for the last component; media makes it safe and unique */
} SkMediaMount;

typedef struct SkMediaMounted {
	SkHead head;
	uint64_t volume;
	int32_t result; /* 0 or negative errno; -EUCLEAN damaged file system, -EFBIG larger than copy_max,
			   -ENOTSUP; -EKEYREJECTED: an SK_MEDIA_UNLOCK was refused for the reason in code */
	uint32_t code;	/* SkReason; 0: none */
	char path[512]; /* where it is visible */
	char detail[256];
} SkMediaMounted;

enum { SK_MEDIA_FOR_READING, SK_MEDIA_FOR_WRITING, SK_MEDIA_FOR_PREPARING, SK_MEDIA_FOR_MAX_ };

/* What media derived from a passphrase, blinded: neither core nor the console learns anything from it. */
typedef struct SkMediaEvaluate {
	SkHead head;
	char medium[32];  /* its id in the ledger, of the checked header */
	uint32_t purpose; /* SK_MEDIA_FOR_* */
	uint32_t reserved;
	uint8_t blinded[32];
} SkMediaEvaluate;

/* The cookie is media's. Media checks the answer with public_key, which is of the signed grant. */
typedef struct SkMediaEvaluated {
	SkHead head;
	uint32_t code; /* 0, or the SkReason why not; then the rest is 0 */
	uint32_t reserved;
	uint8_t element[32], proof[64], public_key[32];
	char grant[32];
} SkMediaEvaluated;

/*
 * A lease (lib/crypt/lease.h): TAKE notes it at the console and tells what is to be sealed to public_key;
 * KEEP brings the box; FIND gives what was in it while the lease holds, which only the passphrase makes a key
 * of again: core opens the box, because no other process has the terminal's key, and has no passphrase.
 */
enum { SK_MEDIA_LEASE_TAKE, SK_MEDIA_LEASE_KEEP, SK_MEDIA_LEASE_FIND, SK_MEDIA_LEASE_MAX_ };

#define SK_MEDIA_LEASE_BOX_SIZE 128

typedef struct SkMediaLeaseAsk {
	SkHead head;
	char medium[32];
	uint32_t what;	   /* SK_MEDIA_LEASE_* */
	uint32_t box_size; /* of KEEP; else 0 */
	uint8_t box[SK_MEDIA_LEASE_BOX_SIZE];
} SkMediaLeaseAsk;

typedef struct SkMediaLease {
	SkHead head;
	uint32_t code; /* 0, or the SkReason why not; then the rest is 0 */
	uint32_t box_size;
	char id[32], terminal[32];
	int64_t from, until;	  /* ms since 1970 */
	int64_t earliest, latest; /* the time now (lib/audit/strict_clock.h) */
	uint8_t public_key[32];
	uint8_t box[SK_MEDIA_LEASE_BOX_SIZE]; /* of FIND: what was in it */
} SkMediaLease;

#define SK_MEDIA_KEPT_SECONDS 10

typedef struct SkMediaKept {
	SkHead head;
	uint64_t volume;
} SkMediaKept;

typedef struct SkMediaPlace {
	SkHead head;
	char path[512];
} SkMediaPlace;

/* With a descriptor of the root: it is behind a mapping. Then everything is written, and the file system is
 * read-only, before it is answered; lazy cuts the mapping off, so that nobody reads or writes through what he
 * has open. */
typedef struct SkMediaUnmount {
	SkHead head;
	uint64_t volume;
	uint32_t lazy; /* the device is gone: detach now, whoever uses it */
	uint32_t reserved;
	char path[512];
} SkMediaUnmount;
