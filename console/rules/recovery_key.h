/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The organisation's recovery key: the public half of a pair whose secret half is on no machine of the
 * network (docs/keys.md). Terminals that prepare a medium seal its second slot to it. A new one replaces the
 * one before; what was sealed to an older one is still opened with that.
 */
#include "console/rules/actor.h"

extern const SkTable sk_recovery_keys_table;

/* public: 32 bytes of X25519 as base64. Return: as in actor.h; SK_REQUEST_INVALID no such key;
 * SK_ALREADY_THERE. */
int sk_recovery_key_set(const SkActor *actor, const char *public_key, char ret_id[64]);

/* The one in force, {id, public}. Return: 0, -ENOENT none, others. */
int sk_recovery_key_find(SkDb *db, json_t **ret_key);
