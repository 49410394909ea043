/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Secrets at rest under a key of our own: ChaCha20-Poly1305 (RFC 8439). It is on the CRYPTREC list as AES-GCM
 * is, runs in constant time on every processor, and libsodium has it everywhere (its AES-256-GCM only where
 * the processor helps).
 *
 *	wrap = algorithm (1 byte: 1) || nonce (12, random) || ciphertext || tag (16)
 *
 * The first byte names the algorithm; another number is another algorithm (NET-3). A key seals at most 2^32
 * messages; ours seal a handful each.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/crypt/secret.h"

#define SK_AEAD_KEY_SIZE 32
#define SK_AEAD_OVERHEAD (1 + 12 + 16)
#define SK_AEAD_ALGORITHM "chacha20-poly1305"

/* What is bound to the wrap without being in it: which thing, which kind, which key. */
typedef struct SkAeadContext {
	const void *data;
	size_t size;
} SkAeadContext;

/* ret_wrap holds size + SK_AEAD_OVERHEAD bytes. */
void sk_aead_seal(const uint8_t key[SK_AEAD_KEY_SIZE], SkAeadContext context, const void *data, size_t size,
	uint8_t *ret_wrap);

/* Return: 0, -EBADMSG when it is not a wrap of this key and context, -EOPNOTSUPP an unknown algorithm,
 * -ENOMEM. */
int sk_aead_open(const uint8_t key[SK_AEAD_KEY_SIZE], SkAeadContext context, const void *wrap, size_t size,
	SkSecret **ret_data);

/*
 * The same into a secret that is there already, for who opens thousands: a new locked page for each costs
 * more than the opening. Return: the size of what is in data now, -EBADMSG (also: data is too small),
 * -EOPNOTSUPP.
 */
ssize_t sk_aead_open_into(const uint8_t key[SK_AEAD_KEY_SIZE], SkAeadContext context, const void *wrap,
	size_t size, SkSecret *data);
