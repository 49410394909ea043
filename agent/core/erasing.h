/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The end of a registered medium at this PC (LOSS-4), under a grant for erasing it: its keys, then all of it,
 * is overwritten and read back (agent/media/erase.h). What became of it is signed, is on the disk before
 * anybody is told, and goes to the console. Cut anywhere, the medium says that it is not complete, and it can
 * be begun anew under the same grant, here or at another PC that has it.
 */
#include "agent/core/volumes.h"

/* code: SK_ERASURE_MADE or SK_ERASURE_FAILED, and the certificate (JSON); or why nothing was done (detail:
 * escaped; for SK_ERASURE_UNCONFIRMED the number). Called once, perhaps before erasing_start() returns. */
typedef void (*ErasingDone)(void *userdata, SkReason code, const char *detail);

typedef struct ErasingOrder {
	const char *volume;  /* sysname of a whole disk */
	const char *confirm; /* the number of the medium, or its id in the ledger */
	ErasingDone done;
	void *userdata;
} ErasingOrder;

void erasing_start(Core *core, const ErasingOrder *order);

/* The volume goes meanwhile: who waits is told. */
void erasing_forget(Core *core, Volume *volume);
