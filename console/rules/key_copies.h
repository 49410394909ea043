/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The copies of the keys that people keep for the worst day (docs/keys.md): who has one where, and which are
 * outdated, because a destruction came after them, or because they lack a key that signs since.
 */
#include "console/keys/receipt.h"
#include "console/rules/actor.h"

extern const SkTable sk_key_copies_table;

/* Beside the vault: what else of the directory of keys a fire would take. */
#define SK_HOME_COPY_INFO "sekisho home copy 1"

typedef struct SkKeyCopyOrder {
	const char *kind, *holder, *place;
	SkVault *vault;
	SkSecret *home; /* as console/server/home_copy.h makes it */
} SkKeyCopyOrder;

typedef struct SkKeyCopy {
	char recovery_key[64];
	SkSealedCopy vault;
	SkWrap home; /* another box, sealed to the same key */
} SkKeyCopy;

/* Seals a copy to the recovery key in force, and notes who gets it. Return: as in actor.h;
 * SK_RECOVERY_KEY_MISSING. */
int sk_key_copy_make(const SkActor *actor, const SkKeyCopyOrder *order, SkKeyCopy *ret_copy);
void sk_key_copy_deinit(SkKeyCopy *copy);

/* Somebody says that it is gone. Return: as in actor.h; SK_NOT_FOUND none that is still there. */
int sk_key_copy_end(const SkActor *actor, const char *id, const char *note);

/* Of the copies that are still there: those that are outdated by now, as {id: true}. */
int sk_key_copies_old(SkDb *db, json_t **ret_ids);
