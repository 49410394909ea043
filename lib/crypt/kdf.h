/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * HMAC-SHA-256 and HKDF-SHA-256 (RFC 2104, RFC 5869), both on the CRYPTREC list, through libsodium.
 */
#include <stddef.h>
#include <stdint.h>

#define SK_HMAC_SIZE 32

/* A message in pieces. */
typedef struct SkBytes {
	const void *data;
	size_t size;
} SkBytes;

void sk_hmac(const void *key, size_t key_size, const SkBytes *pieces, size_t n_pieces,
	uint8_t ret_mac[SK_HMAC_SIZE]);

/* HKDF-Expand(); size ≤ 255 * 32. */
void sk_hkdf_expand(const uint8_t key[SK_HMAC_SIZE], const SkBytes *info, size_t n_info, uint8_t *ret_output,
	size_t size);
