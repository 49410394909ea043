/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/digest.h"

#include <errno.h>
#include <sodium.h>

int sk_crypt_init(void)
{
	return sodium_init() < 0 ? -ENOTRECOVERABLE : 0;
}

void sk_sha256(uint8_t ret_digest[SK_SHA256_SIZE], const void *data, size_t size)
{
	crypto_hash_sha256(ret_digest, data, size);
}

_Static_assert(sizeof(SkSha256) >= sizeof(crypto_hash_sha256_state), "room for the state");

void sk_sha256_init(SkSha256 *hash)
{
	crypto_hash_sha256_init((crypto_hash_sha256_state *)hash);
}

void sk_sha256_update(SkSha256 *hash, const void *data, size_t size)
{
	crypto_hash_sha256_update((crypto_hash_sha256_state *)hash, data, size);
}

void sk_sha256_final(SkSha256 *hash, uint8_t ret_digest[SK_SHA256_SIZE])
{
	crypto_hash_sha256_final((crypto_hash_sha256_state *)hash, ret_digest);
}
