/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The key with which a terminal signs slips (lib/slip/slip.h), also without a network. As with its seal key,
 * the first one that it tells is taken and no other after it; what the console signs about it goes with every
 * slip.
 */
#include "console/rules/actor.h"
#include "lib/crypt/sign.h"

/* actor: the terminal. Return: as in actor.h; SK_SEAL_KEY_OTHER. */
int sk_sign_key_tell(const SkActor *actor, const uint8_t key[SK_SIGN_PUBLIC_SIZE]);

/* Return: 0, -ENOENT it has told none, others. */
int sk_sign_key_find(SkDb *db, const char *terminal, uint8_t ret_key[SK_SIGN_PUBLIC_SIZE]);
