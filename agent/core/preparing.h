/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Makes a registered medium of a blank one, under a grant for that. The ledger hears of it when it is whole
 * (media_keys.h), and until the console has heard, nothing opens it: a medium that was cut off on the way can
 * be prepared again under the same grant.
 */
#include "agent/core/volumes.h"

/* code: SK_MEDIUM_MADE and the number of the medium, or why not (detail: escaped; for SK_MEDIUM_HAS_DATA what
 * confirms it). Called once, perhaps before preparing_start() returns. */
typedef void (*PreparingDone)(void *userdata, SkReason code, const char *detail);

typedef struct PreparingOrder {
	const char *volume;  /* sysname of a whole disk */
	const char *medium;  /* its id in the ledger; empty: of the only grant there is */
	const char *confirm; /* the sysname or the label of what is on it, when there is something */
	bool portable;
	int passphrase_fd; /* as of CarryOrder */
	PreparingDone done;
	void *userdata;
} PreparingOrder;

void preparing_start(Core *core, const PreparingOrder *order);

/* May all that is on it be replaced now? volume: may be NULL; confirm: as of the order. Return:
 * SK_REASON_NONE, or why not. */
SkReason preparing_may_replace(Core *core, const Volume *volume, const char *confirm);

/* The volume goes while it is prepared: who waits is told. */
void preparing_forget(Core *core, Volume *volume);
