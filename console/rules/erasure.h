/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The end of a medium (LOSS-4). Retired, it is erased at a terminal under a grant for that, which signs for
 * what it did; or somebody erased it elsewhere and says how. What could not be erased, or is gone, is
 * destroyed by hand: one person says so, another one confirms it. Whichever it was, the key that the console
 * has of the medium ends with it, so that no copy of its header opens either: the caller makes that true
 * right after the transaction (sk_epoch_apply()).
 */
#include "console/keys/vault.h"
#include "console/rules/actor.h"

/* All tries and their certificates: those that failed too. */
extern const SkTable sk_erasures_table;

/*
 * actor: the terminal; certificate: what it signed (lib/slip/erasure.h). The same again is 0. Return: as in
 * actor.h; SK_ERASURE_WRONG not signed by this terminal, or no grant for it was ever here.
 */
int sk_erasure_take(const SkActor *actor, SkVault *vault, const char *certificate);

/* Erased by other means. fields: method, result, device. Return: as of sk_ledger_step(). */
int sk_erasure_enter(const SkActor *actor, SkVault *vault, const SkRowKey *key, const json_t *fields);

/* Destroyed by hand: it waits for another person, and takes the place of one that waited. Return: as in
 * actor.h; SK_MEDIUM_NOT_POSSIBLE. */
int sk_destruction_enter(const SkActor *actor, const SkRowKey *key, const json_t *fields);

/* actor: the other person. Return: as of sk_ledger_step(); SK_MEDIUM_NOT_POSSIBLE none waits. */
int sk_destruction_confirm(const SkActor *actor, SkVault *vault, const SkRowKey *key);
