/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A forward-secure MAC key: each epoch authenticates with a key of its own, then the key is replaced by a
 * one-way function of itself and erased. Who steals the key of epoch n cannot make or change what epochs
 * before n sealed; who keeps the start key can recompute every epoch.
 *
 *	next key = HMAC-SHA-256(key, "sekisho ratchet next 1")
 *	MAC key  = HMAC-SHA-256(key, "sekisho ratchet mac 1")
 *	key id   = HMAC-SHA-256(key, "sekisho ratchet id 1")	(of the start key: tells which log it belongs
 * to)
 *
 * HMAC-SHA-256 rather than BLAKE2b: it is on the CRYPTREC list that Japanese administrations and auditors
 * accept, and every scripting language recomputes it without a library of ours. Its speed does not matter at
 * one MAC per seal.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/secret.h"

#define SK_RATCHET_KEY_SIZE 32
#define SK_RATCHET_MAC_SIZE 32

typedef struct SkRatchet SkRatchet;

/* key: SK_RATCHET_KEY_SIZE bytes, copied; NULL: a random start key. Return: 0 or -ENOMEM. */
int sk_ratchet_new(const uint8_t *key, uint64_t epoch, SkRatchet **ret_ratchet);
void sk_ratchet_free(SkRatchet *ratchet);
OWN_DEFINE(SkRatchet, sk_ratchet_free)
#define own_ratchet own_(sk_ratchet_freep)

uint64_t sk_ratchet_epoch(const SkRatchet *ratchet);

/* The current key, for storing it; stays inside the ratchet. */
const uint8_t *sk_ratchet_key(const SkRatchet *ratchet);

/* Goes one epoch on; the old key is gone. */
void sk_ratchet_step(SkRatchet *ratchet);

void sk_ratchet_mac(
	const SkRatchet *ratchet, const void *data, size_t size, uint8_t ret_mac[SK_RATCHET_MAC_SIZE]);

/* Names the current key without telling it. */
void sk_ratchet_id(const SkRatchet *ratchet, uint8_t ret_id[SK_RATCHET_MAC_SIZE]);
