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
	/* media -> core */
	SK_MEDIA_FORMATTED = 0x04c1, /* SkMediaFormatted */
	SK_MEDIA_PROGRESS,	     /* SkMediaProgress, of a format that is under way */
	/* worker -> sekisho-luks */
	SK_LUKS_OPEN =
		0x0601, /* SkLuksOpen + 2 fds: copy of the header (sealed), passphrase -> SkLuksOpened */
	SK_LUKS_FORM,	/* SkLuksForm + 2 fds: memfd of the medium's size, passphrase -> SkLuksFormed */
	/* sekisho-luks -> worker; and SK_MEDIA_EVALUATE -> SK_MEDIA_EVALUATED */
	SK_LUKS_OPENED = 0x0681,
	SK_LUKS_FORMED,
};

/* The medium of a grant. A digest of size 0: none is known, nothing opens. */
typedef struct SkLuksWanted {
	char medium[32]; /* its id in the ledger */
	char uuid[40];
	uint8_t digest[SK_LUKS_SECRET_SIZE]; /* of the volume key */
	uint32_t digest_size;
	uint32_t purpose; /* SK_MEDIA_FOR_READING, SK_MEDIA_FOR_WRITING */
} SkLuksWanted;

typedef struct SkMediaUnlock {
	SkMediaMount mount; /* with the head */
	SkLuksWanted wanted;
} SkMediaUnlock;

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

enum {
	SK_MEDIA_STEP_KEYS,   /* slots are made and opened again */
	SK_MEDIA_STEP_WIPE,   /* what was there before is not there any more */
	SK_MEDIA_STEP_FILES,  /* the file system */
	SK_MEDIA_STEP_HEADER, /* written and read back: from here on it is a medium */
	SK_MEDIA_STEP_MAX_,
};

typedef struct SkMediaProgress {
	SkHead head;
	uint64_t volume;
	uint32_t step; /* SK_MEDIA_STEP_*: begins now */
	uint32_t reserved;
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
