/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Everything anew: a new generation of the vault, every key and escrow wrapped again under it, and the old
 * generation destroyed everywhere. Needed when somebody may have had a copy of the vault, when another
 * algorithm is to be used (NET-3), and when thousands of cuts have made the tree large. Backups of the
 * database from before are worthless afterwards, on purpose: make one when it is done.
 *
 * The states are in the database, each step may be repeated, and the next start goes on:
 * - preparing: epoch `renew`, not confirmed by all: the new tree is being handed over; new keys still use the
 *   old
 * - rewrapping: confirmed: new keys use the new tree; rows move over in batches
 * - switched: epoch `drop`: no row is left under the old one
 * - destroyed: `drop` is confirmed by all
 */
#include <stdint.h>

#include "console/db/db.h"
#include "console/keys/vault.h"

/*
 * Not inside a transaction. Return: 0; -EBUSY one is under way, or an epoch is not confirmed by all yet;
 * -EHOSTDOWN a holder cannot be handed over to; those of sk_epoch_apply().
 */
int sk_renew_start(SkDb *db, SkVault *vault, const char *actor, const char *reason);

/*
 * Goes on with what is under way, if anything; at start and after each sk_epoch_apply(). Not inside a
 * transaction. Return: 0 nothing is left to do; -EINPROGRESS others have to confirm first; -EKEYREVOKED a row
 * does not open; those of the database.
 */
int sk_renew_run(SkDb *db, SkVault *vault);
