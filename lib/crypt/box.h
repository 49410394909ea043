/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Sealed boxes: anyone seals to a public key, only the holder of the secret opens. HPKE of RFC 9180, base
 * mode, one message, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305: a standard with
 * other implementations, so that a recovery does not need our program, and with numbers for its algorithms.
 *
 *	box = KEM (2 bytes: 0x0020) || KDF (2: 0x0001) || AEAD (2: 0x0003) || enc (32) || ciphertext and tag
 *
 * (libsodium's own sealed boxes use XSalsa20, which is on no list that our auditors know.)
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/secret.h"

#define SK_BOX_KEY_SIZE 32
#define SK_BOX_OVERHEAD (6 + 32 + 16)
#define SK_BOX_ALGORITHM "hpke-x25519-hkdf-sha256-chacha20-poly1305"

/* info: what kind of thing it is, one of our constants; aad: which one. Both are bound, neither is in the
 * box. */
typedef struct SkBoxLabel {
	const char *info;
	const char *aad;
	const uint8_t *ephemeral; /* NULL: a random one; a given one is for the vectors of the RFC */
} SkBoxLabel;

/* Return: 0 or -ENOMEM. */
int sk_box_key_new(SkSecret **ret_secret, uint8_t ret_public[SK_BOX_KEY_SIZE]);

/* ret_box holds size + SK_BOX_OVERHEAD bytes. Return: 0, -EINVAL for a public key of small order, -ENOMEM. */
int sk_box_seal(const uint8_t public_key[SK_BOX_KEY_SIZE], SkBoxLabel label, const void *data, size_t size,
	uint8_t *ret_box);

/*
 * Return: 0, -EBADMSG when it is not a box for this key and label, -EOPNOTSUPP other algorithms, -EINVAL when
 * secret is another secret, -ENOMEM.
 */
int sk_box_open(SkSecret *secret, SkBoxLabel label, const void *box, size_t size, SkSecret **ret_data);
