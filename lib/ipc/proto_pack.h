/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Hand-over archives: core <-> sekisho-pack, and sekishoctl -> sekisho-pack.
 *
 * 1. core sends SkPackBegin with the end of a socket that sekishoctl made, the file that becomes the archive,
 *    and the passphrase (a sealed memfd, which core does not read).
 * 2. sekishoctl sends an SkPackOffer with the descriptor of each file, and SK_PACK_ALL at the end: what a
 *    person may read, that person opens.
 * 3. for each, one after the other, sekisho-pack sends SkPackFile with the descriptor; core has it scanned
 *    and answers SkPackJudged with the digest that the scanner saw. What is packed must have that digest.
 * 4. SkPackListed; core signs the slip and sends its three files (SkPackSlip); SkPackDone.
 * Whatever goes wrong is one SkPackFailed, and the end.
 */
#include "lib/ipc/proto.h"
#include "lib/ipc/proto_scanner.h"

enum {
	/* core -> pack */
	SK_PACK_BEGIN = 0x0701, /* SkPackBegin + 3 fds */
	SK_PACK_JUDGED,		/* SkPackJudged: goes into the archive */
	SK_PACK_SLIP,		/* SkPackSlip + 3 sealed memfds: slip, manifest, sums */
	/* sekishoctl -> pack */
	SK_PACK_OFFER = 0x0721, /* SkPackOffer + 1 fd */
	SK_PACK_ALL,		/* SkHead */
	/* pack -> core */
	SK_PACK_FILE = 0x0781, /* SkPackFile + 1 fd */
	SK_PACK_LISTED,	       /* SkHead */
	SK_PACK_DONE,	       /* SkPackDone */
	SK_PACK_FAILED,	       /* SkPackFailed */
};

typedef struct SkPackBegin {
	SkHead head;
	uint64_t bytes_max; /* of the files together, and of the archive */
	uint32_t files_max;
	uint32_t reserved;
} SkPackBegin;

/* The path that the file is to have in the archive. */
typedef struct SkPackOffer {
	SkHead head;
	char path[SK_PATH_SIZE];
} SkPackOffer;

typedef struct SkPackFile {
	SkHead head; /* the cookie counts from 1 */
	SkFileId file;
	char path[SK_PATH_SIZE]; /* as sk_pack_name_check() wants it, and unlike every other */
} SkPackFile;

typedef struct SkPackJudged {
	SkHead head; /* the cookie of the file */
	uint8_t sha256[32];
} SkPackJudged;

typedef struct SkPackSlip {
	SkHead head;
	uint64_t serial;
} SkPackSlip;

typedef struct SkPackDone {
	SkHead head;
	uint64_t size; /* of the archive */
	uint8_t sha256[32];
} SkPackDone;

typedef struct SkPackFailed {
	SkHead head;
	uint32_t code; /* SkReason */
	uint32_t reserved;
	char detail[256]; /* a path, or what failed; any bytes */
} SkPackFailed;
