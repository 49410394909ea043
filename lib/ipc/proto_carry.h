/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Carry-out media: core <-> sekisho-media, and a worker of it <-> sekisho-luks.
 *
 * Core says which medium is meant; the passphrase passes through it in a sealed memfd that it never reads.
 * The worker copies the header into memory once and hands that copy, with the passphrase, to sekisho-luks,
 * which has no privilege: it checks the header, asks for the console's half of the key (SkMediaEvaluate,
 * which the worker and its parent carry on to core) and gives back the volume key and where the data begin.
 * The worker then maps exactly that, from no byte of the medium that was read a second time.
 */
#include "lib/ipc/proto_luks.h"
#include "lib/ipc/proto_media.h"

enum {
	/* core -> media, as SkMediaMount */
	SK_MEDIA_UNLOCK = 0x0441, /* SkMediaUnlock + 2 fds: block device, passphrase -> SkMediaMounted */
	SK_MEDIA_FORMAT,	  /* SkMediaFormat + 2 fds: whole disk, writable, and passphrase */
	SK_MEDIA_REKEY,		  /* SkMediaRekey + 3 fds: whole disk, writable; old secret, new passphrase */
	SK_MEDIA_WRITABLE,	  /* SkMediaWritable + 1 fd: root -> SkAnswer */
	SK_MEDIA_STORE,		  /* SkMediaStore + 4 fds: root, slip, manifest, sums -> SkAnswer */
	SK_MEDIA_ERASE,		  /* SkMediaErase + 1 fd: whole disk, writable */
	SK_MEDIA_HAND_OVER, /* SkMediaHandOver + 5 fds: whole disk, writable; archive, slip, manifest, sums ->
			     * SkAnswer
			     */
	/* media -> core */
	SK_MEDIA_FORMATTED = 0x04c1, /* SkMediaFormatted */
	SK_MEDIA_PROGRESS,	     /* SkMediaProgress, of a format or an erasure that is under way */
	SK_MEDIA_REKEYED,	     /* SkMediaRekeyed */
	SK_MEDIA_ERASED,	     /* SkMediaErased */
	/* worker -> sekisho-luks */
	SK_LUKS_OPEN = 0x0601, /* SkLuksOpen + 2 fds: copy of the header, passphrase -> SkLuksOpened */
	SK_LUKS_FORM,  /* SkLuksForm + 2 fds: memfd of the medium's size, passphrase -> SkLuksFormed */
	SK_LUKS_REKEY, /* SkLuksRekey + 3 fds: copy of the header, old secret, passphrase -> SkLuksRekeyed */
	/* sekisho-luks -> worker; and SK_MEDIA_EVALUATE -> SK_MEDIA_EVALUATED, SK_MEDIA_LEASE_ASK ->
	 * SK_MEDIA_LEASE */
	SK_LUKS_OPENED = 0x0681,
	SK_LUKS_FORMED,
	SK_LUKS_REKEYED,
};

/* The medium of a grant. A digest of size 0: none is known, nothing opens. */
typedef struct SkLuksWanted {
	char medium[32]; /* its id in the ledger */
	char uuid[40];
	uint8_t digest[SK_LUKS_SECRET_SIZE]; /* of the volume key */
	uint32_t digest_size;
	uint32_t purpose; /* SK_MEDIA_FOR_READING, SK_MEDIA_FOR_WRITING */
	uint32_t lease;	  /* 1: the grant allows one, so one is taken when the console has answered */
	uint32_t reserved;
} SkLuksWanted;

typedef struct SkMediaUnlock {
	SkMediaMount mount; /* with the head */
	SkLuksWanted wanted;
} SkMediaUnlock;

/*
 * A medium that was unlocked for writing is mounted, but its file system stays read-only until core knows
 * what is on it: this is when it may be written to. An SK_MEDIA_UNMOUNT makes it read-only again first, which
 * fails while a file is open for writing.
 */
typedef struct SkMediaWritable {
	SkHead head;
	uint64_t volume;
} SkMediaWritable;

/* The three files of a slip (lib/slip/slip.h), as sealed memfds, onto a medium that is unmounted and
 * read-only; it is read-only again afterwards. What another slip left there goes. */
typedef struct SkMediaStore {
	SkHead head;
	uint64_t volume, serial;
	uint32_t uid, reserved; /* whose the files are */
} SkMediaStore;

/* A medium for a receiver is made anew: wiped, a file system without encryption, the archive under this name
 * with the slip beside it, and read back. */
typedef struct SkMediaHandOver {
	SkHead head;
	uint64_t volume, serial; /* of the slip */
	uint64_t size;		 /* of the archive */
	uint8_t sha256[32];
	char name[64]; /* without a folder */
} SkMediaHandOver;

/* How a medium is to be made. */
typedef struct SkLuksPlan {
	char medium[32], organisation[SK_LUKS_NAME_SIZE], label[SK_LUKS_NAME_SIZE];
	char recovery_key[SK_LUKS_NAME_SIZE]; /* its name at the console */
	uint8_t recovery_public[32];
	uint32_t mode;		       /* SK_LUKS_MODE_BOUND, SK_LUKS_MODE_PORTABLE */
	uint32_t kdf;		       /* SK_LUKS_KDF_ARGON2ID, SK_LUKS_KDF_PBKDF2 */
	uint32_t time, memory;	       /* of Argon2; memory in KiB */
	uint32_t iterations, reserved; /* of PBKDF2 */
} SkLuksPlan;

typedef struct SkMediaFormat {
	SkHead head;
	uint64_t volume;
	SkLuksPlan plan;
} SkMediaFormat;

/* What became of it: what the ledger has to know, and the recovery key, sealed. */
typedef struct SkLuksMade {
	char uuid[40];
	uint8_t digest[SK_LUKS_SECRET_SIZE];
	uint32_t digest_size, box_size;
	uint8_t box[128];
	uint64_t capacity; /* bytes for data */
} SkLuksMade;

typedef struct SkMediaFormatted {
	SkHead head;
	uint64_t volume;
	uint32_t code; /* 0, or the SkReason why not; then the rest is 0 */
	uint32_t reserved;
	SkLuksMade made;
	char detail[256];
} SkMediaFormatted;

/*
 * The slots of a medium get other keys; its data stay as they are. The new slots are made beside the old
 * ones, in memory, and are on the medium before it names them: cut at any moment, either the old or the new
 * ones open.
 */
enum {
	SK_LUKS_REKEY_PASSPHRASE, /* the old secret is the passphrase; the recovery slot stays */
	SK_LUKS_REKEY_BOTH,	  /* the old secret is the passphrase */
	SK_LUKS_REKEY_RECOVERY,	  /* it is the recovery key; both slots are made anew */
	SK_LUKS_REKEY_MAX_,
};

typedef struct SkLuksChange {
	SkLuksWanted wanted; /* purpose SK_MEDIA_FOR_WRITING */
	SkLuksPlan plan; /* medium, the key derivation, and, where a recovery slot is made, whom it is for */
	uint32_t how;	 /* SK_LUKS_REKEY_* */
	uint32_t reserved;
} SkLuksChange;

typedef struct SkMediaRekey {
	SkHead head;
	uint64_t volume;
	SkLuksChange change;
} SkMediaRekey;

/* made.box_size is 0 where the recovery slot stayed. */
typedef struct SkMediaRekeyed {
	SkHead head;
	uint64_t volume;
	uint32_t code; /* 0, or the SkReason why not; then the rest is 0 */
	uint32_t reserved;
	SkLuksMade made;
	char detail[256];
} SkMediaRekeyed;

/*
 * A medium is emptied for good: first the mark of lib/luks2/erased.h in place of its first page, then all
 * that is before the data, then all the rest is overwritten with zeros, and everything is read back from the
 * device.
 */
typedef struct SkMediaErase {
	SkHead head;
	uint64_t volume;
	char medium[32], uuid[40]; /* for the mark */
} SkMediaErase;

/* As far as it went: bytes that were overwritten, and that were read back and are so. */
typedef struct SkMediaErased {
	SkHead head;
	uint64_t volume;
	uint32_t code;	    /* 0: all of it; or the SkReason why not */
	uint32_t discarded; /* 1: the device was told, too, that it needs to keep nothing */
	uint64_t size, written, compared;
	char detail[256];
} SkMediaErased;

enum {
	SK_MEDIA_STEP_KEYS,    /* slots are made and opened again */
	SK_MEDIA_STEP_WIPE,    /* what was there before is not there any more */
	SK_MEDIA_STEP_FILES,   /* the file system */
	SK_MEDIA_STEP_HEADER,  /* written and read back: from here on it is a medium */
	SK_MEDIA_STEP_DESTROY, /* of an erasure: the slots and both copies of the header */
	SK_MEDIA_STEP_OVERWRITE,
	SK_MEDIA_STEP_COMPARE,
	SK_MEDIA_STEP_MAX_,
};

typedef struct SkMediaProgress {
	SkHead head;
	uint64_t volume;
	uint32_t step;	  /* SK_MEDIA_STEP_* */
	uint32_t percent; /* of it; 0: it begins */
} SkMediaProgress;

typedef struct SkLuksOpen {
	SkHead head;
	uint64_t medium_size;
	SkLuksWanted wanted;
} SkLuksOpen;

/* Where the data are and what opens them. */
typedef struct SkLuksVolume {
	uint64_t offset; /* bytes */
	uint32_t sector_size;
	uint32_t reserved;
	uint8_t key[64];
} SkLuksVolume;

typedef struct SkLuksOpened {
	SkHead head;
	uint32_t code; /* 0, or the SkReason why not; then the volume is 0 */
	uint32_t reserved;
	SkLuksVolume volume;
	char detail[256];
} SkLuksOpened;

typedef struct SkLuksForm {
	SkHead head;
	uint64_t medium_size;
	SkLuksPlan plan;
} SkLuksForm;

typedef struct SkLuksFormed {
	SkHead head;
	uint32_t code;
	uint32_t reserved;
	SkLuksVolume volume;
	SkLuksMade made;
	char detail[256];
} SkLuksFormed;

typedef struct SkLuksRekey {
	SkHead head;
	uint64_t medium_size;
	SkLuksChange change;
} SkLuksRekey;

typedef struct SkLuksRekeyed {
	SkHead head;
	uint32_t code;
	uint32_t reserved;
	SkLuksMade made;
	char detail[256];
} SkLuksRekeyed;
