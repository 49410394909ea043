/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Other keys for a registered medium that is locked: another passphrase, by the old one or by the recovery
 * key, under a grant for writing. What is on it stays. Where the recovery slot is made anew, the console gets
 * what it opens with, sealed (media_keys.h).
 */
#include "agent/core/volumes.h"

/* code: SK_MEDIUM_REKEYED, or why not (detail: escaped). SK_MEDIUM_REKEYED with a detail: the passphrase is
 * the new one, and the detail is why the console did not take the recovery key. Called once, perhaps before
 * rekeying_start() returns. */
typedef void (*RekeyingDone)(void *userdata, SkReason code, const char *detail);

typedef struct RekeyingOrder {
	const char *volume; /* sysname */
	uint32_t how;	    /* SK_LUKS_REKEY_* */
	int secret_fd;	    /* the old passphrase, or the recovery key; these two as of CarryOrder */
	int passphrase_fd;
	RekeyingDone done;
	void *userdata;
} RekeyingOrder;

void rekeying_start(Core *core, const RekeyingOrder *order);

/* The volume goes meanwhile: who waits is told. */
void rekeying_forget(Core *core, Volume *volume);
