/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Epochs: the changes of the vault (vault.h) in the order in which every instance makes them. The database
 * says what is to be changed, each instance changes its own vault, destroys the key of the epoch before, and
 * confirms. No secret passes through the database for that: a cut is the number of a leaf.
 *
 *	revoke	the leaves of a medium are cut out of the tree
 *	renew	a new generation joins, whose tree is handed over sealed (renew.h, handover.h)
 *	drop	all generations but one go, nothing is wrapped under them any more
 *	restore	the database was found to be older than the vault: it came from a backup
 *
 * An epoch is `destroyed` when every holder confirmed that the key of the epoch before is gone. A holder that
 * is down does it when it starts, before it serves: sk_epoch_apply() comes first.
 *
 * What a kill at any moment leaves: before the commit nothing; after it, an epoch that is not applied yet,
 * which the next sk_epoch_apply() finds; within the change of the vault, the old or the new state; before the
 * confirmation, a vault that is further than what it confirmed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/db/db.h"
#include "console/keys/vault.h"

#define SK_EPOCH_CHANNEL "sekisho_keys"

/*
 * A new database and a new vault belong together from here on. The row of `instances` with
 * sk_vault_instance() exists. Inside sk_db_transact(). Return: 0, -EEXIST the database has a vault already,
 * and those of the database.
 */
int sk_epoch_start(SkDb *db, SkVault *vault, const char *actor);

typedef struct SkEpochNews {
	uint64_t applied;  /* epochs that this call brought to the vault */
	uint64_t restored; /* the epoch that says so when the database came from a backup; 0: it did not */
	size_t dead;	   /* media keys of that backup which stay dead; table epoch_cuts names them */
} SkEpochNews;

/*
 * Brings the vault up to the database, destroys what is to be destroyed, and confirms. At start before
 * anything is served, after each change, and when SK_EPOCH_CHANNEL calls. Not inside a transaction; may be
 * repeated at will. Return: 0; -EXDEV the database belongs to another vault; -ESTALE an epoch cannot be made
 * up for here (this holder was away during a renewal or a restore, or was struck off): it must join again
 * (handover.h) and serve nothing; others: the old key may still be there, nothing was confirmed, call again.
 */
int sk_epoch_apply(SkDb *db, SkVault *vault, SkEpochNews *ret_news);

typedef struct SkEpochCut {
	const char *medium_id;
	const char *actor; /* person's id; NULL: the console itself */
	const char *reason;
} SkEpochCut;

/*
 * Marks the keys and escrows of a medium destroyed, forgets their wraps, and makes the epoch that cuts them.
 * Inside the caller's transaction, with what else changes; sk_epoch_apply() after the commit makes it true.
 * Return: 0; -ENOENT the medium has no living key; -ESTALE call sk_epoch_apply() first; those of the
 * database.
 */
int sk_epoch_cut(SkDb *db, SkVault *vault, const SkEpochCut *cut, uint64_t *ret_epoch);

/* Inside a transaction: a new epoch, which all holders have to confirm. generation 0: none. */
typedef struct SkEpochRow {
	const char *kind, *actor, *reason;
	uint32_t generation;
} SkEpochRow;
int sk_epoch_add(SkDb *db, SkVault *vault, const SkEpochRow *row, uint64_t *ret_epoch);

/* The generation for new wraps: the newest one that every holder has. */
int sk_epoch_generation(SkDb *db, uint32_t *ret_generation);
