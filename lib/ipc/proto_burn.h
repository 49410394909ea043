/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Discs that are written once: core <-> sekisho-burn.
 *
 * 1. core sends SkBurnBegin with the drive and what goes onto the disc.
 * 2. sekisho-burn looks at drive and disc, and says SkBurnReady; nothing was written.
 * 3. core notes that the grant is used, and sends SK_BURN_GO.
 * 4. SkBurnProgress, again and again; SkBurnDone when the disc is closed and gave back what was written.
 * Whatever goes wrong is one SkBurnFailed, and the end; after SK_BURN_GO the disc is spoiled then.
 */
#include "lib/ipc/proto.h"

enum {
	/* core -> burn */
	SK_BURN_BEGIN = 0x0901, /* SkBurnBegin + 5 fds: drive; archive, and slip, manifest, sums beside it */
	SK_BURN_GO,		/* SkHead */
	/* burn -> core */
	SK_BURN_READY = 0x0981, /* SkBurnReady */
	SK_BURN_PROGRESS,	/* SkBurnProgress */
	SK_BURN_DONE,		/* SkBurnDone */
	SK_BURN_FAILED,		/* SkBurnFailed */
};

typedef struct SkBurnBegin {
	SkHead head;
	uint64_t serial;	       /* of the slip */
	char sysname[SK_SYSNAME_SIZE]; /* of the drive: "sr0" */
	char name[64];		       /* of the archive, without a folder */
} SkBurnBegin;

typedef struct SkBurnReady {
	SkHead head;
	uint64_t size; /* of the image */
	char disc[80]; /* what kind of disc it is; any bytes */
} SkBurnReady;

enum { SK_BURN_STEP_WRITE, SK_BURN_STEP_CLOSE, SK_BURN_STEP_READ, SK_BURN_STEP_MAX_ };

typedef struct SkBurnProgress {
	SkHead head;
	uint32_t step;
	uint32_t percent;
} SkBurnProgress;

typedef struct SkBurnDone {
	SkHead head;
	uint64_t size; /* of the image, as it was written and read back */
	uint8_t sha256[32];
} SkBurnDone;

typedef struct SkBurnFailed {
	SkHead head;
	uint32_t code; /* SkReason */
	uint32_t reserved;
	char detail[256]; /* any bytes */
} SkBurnFailed;
