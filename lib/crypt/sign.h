/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Ed25519 signatures (RFC 8032, not prehashed), through libsodium, which refuses small-order keys and
 * malleable signatures.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/secret.h"

#define SK_SIGN_PUBLIC_SIZE 32
#define SK_SIGN_SEED_SIZE 32
#define SK_SIGNATURE_SIZE 64

/* The secret key of a seed of SK_SIGN_SEED_SIZE bytes (NULL: a random one). Return: 0 or -ENOMEM. */
int sk_sign_key_new(const uint8_t *seed, SkSecret **ret_key, uint8_t ret_public[SK_SIGN_PUBLIC_SIZE]);

/* key: of sk_sign_key_new(). Return: 0, -EINVAL when it is another secret. */
int sk_sign(SkSecret *key, const void *data, size_t size, uint8_t ret_signature[SK_SIGNATURE_SIZE]);

bool sk_sign_verify(const uint8_t public_key[SK_SIGN_PUBLIC_SIZE], const void *data, size_t size,
	const uint8_t signature[SK_SIGNATURE_SIZE]);
