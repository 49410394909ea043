/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The key that is a terminal's own: core makes it, the uplink carries only the public half. Leases are sealed
 * to it, and the secret that offline codes are judged with (lib/crypt/offline_code.h). The console takes the
 * first one that a terminal tells, and no other one after it: an uplink that was taken over later cannot put
 * its own in its place. Who needs another one enrols the PC anew.
 *
 * The secret of a terminal's codes follows from the console's own secret (console/server/secret.h), the
 * terminal and its seal key, so that every console has it and no database does.
 */
#include "console/rules/actor.h"
#include "lib/crypt/box.h"
#include "lib/crypt/offline_code.h"

#define SK_OFFLINE_BOX_INFO "sekisho offline secret 1"
#define SK_OFFLINE_BOX_SIZE (SK_OFFLINE_SECRET_SIZE + SK_BOX_OVERHEAD)

typedef struct SkSealKey {
	uint8_t public_key[SK_BOX_KEY_SIZE];
	const char *kind; /* "tpm" or "file" */
} SkSealKey;

/* actor: the terminal. ret_box: its secret, sealed to the key. Return: as in actor.h; SK_SEAL_KEY_OTHER. */
int sk_seal_key_tell(const SkActor *actor, SkSecret *console_secret, const SkSealKey *key,
	uint8_t ret_box[SK_OFFLINE_BOX_SIZE]);

/* The secret that a terminal judges codes with. Return: 0, -ENOENT it has told no key yet, others. */
int sk_offline_secret(
	SkDb *db, SkSecret *console_secret, const char *terminal, uint8_t ret_secret[SK_OFFLINE_SECRET_SIZE]);
