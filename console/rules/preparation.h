/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a terminal tells of a medium that it has prepared under a grant for that: how it is encrypted, what
 * identifies it, and its recovery key, sealed. With that the row in the ledger is one that can be carried
 * out. Also what it tells when the header was changed later.
 */
#include "console/keys/vault.h"
#include "console/rules/actor.h"

typedef struct SkPrepared {
	const char *medium;
	const json_t *facts; /* as the contract has them */
	/* Decoded from the facts. */
	const void *volume_digest, *escrow;
	size_t volume_digest_size, escrow_size;
} SkPrepared;

/*
 * actor: the terminal. The same again is 0. Return: as in actor.h; SK_GRANT_NONE no grant for preparing it
 * lives here; SK_PREPARATION_WRONG weaker than the least, or sealed to another recovery key;
 * SK_ALREADY_THERE another medium has this LUKS UUID.
 */
int sk_medium_prepared(const SkActor *actor, SkVault *vault, const SkPrepared *prepared);

/*
 * What a terminal tells of a medium whose key slots it has changed: after a recovery, for a new passphrase,
 * or because it was encrypted anew. The recovery key is stored instead of the one before, and a recovery that
 * was open is over. Of the facts, those are not read that cannot change (mode, capacity, device).
 *
 * Volume and UUID must be those of the ledger, unless a recovery was taken and its slot is not replaced yet,
 * or a grant lets this terminal prepare the medium, which this uses up.
 *
 * actor: the terminal. A box that came before, now or ever, is 0 and changes nothing. Return: as in actor.h;
 * SK_GRANT_NONE not prepared here, and no grant holds here; SK_MEDIUM_FROZEN; SK_PREPARATION_WRONG weaker
 * than the least, sealed to another recovery key, or another volume; SK_ALREADY_THERE; SK_KEY_DESTROYED.
 */
int sk_medium_resealed(const SkActor *actor, SkVault *vault, const SkPrepared *prepared);
