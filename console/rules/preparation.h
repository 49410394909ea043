/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a terminal tells of a medium that it has prepared under a grant for that: how it is encrypted, what
 * identifies it, and its recovery key, sealed. With that the row in the ledger is one that can be carried
 * out.
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
