/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * SHA-256 (FIPS 180-4), through libsodium. sk_crypt_init() comes first in every process that uses lib/crypt,
 * before its jail (libsodium opens /dev/urandom where getrandom is missing).
 */
#include <stddef.h>
#include <stdint.h>

#define SK_SHA256_SIZE 32
#define SK_SHA256_HEX_SIZE (2 * SK_SHA256_SIZE + 1)

/* Return: 0, or -ENOTRECOVERABLE when the library cannot work on this machine. */
int sk_crypt_init(void);

void sk_sha256(uint8_t ret_digest[SK_SHA256_SIZE], const void *data, size_t size);

/* The same piece by piece. The struct may be copied; it holds no pointers. */
typedef struct SkSha256 {
	uint64_t state[16];
} SkSha256;

void sk_sha256_init(SkSha256 *hash);
void sk_sha256_update(SkSha256 *hash, const void *data, size_t size);
void sk_sha256_final(SkSha256 *hash, uint8_t ret_digest[SK_SHA256_SIZE]);
