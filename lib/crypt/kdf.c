/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/kdf.h"

#include <sodium.h>
#include <string.h>

_Static_assert(crypto_auth_hmacsha256_BYTES == SK_HMAC_SIZE, "size of a MAC");

void sk_hmac(const void *key, size_t key_size, const SkBytes *pieces, size_t n_pieces,
	uint8_t ret_mac[SK_HMAC_SIZE])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, key_size);
	for (size_t i = 0; i < n_pieces; i++)
		crypto_auth_hmacsha256_update(&state, pieces[i].data, pieces[i].size);
	crypto_auth_hmacsha256_final(&state, ret_mac);
	sodium_memzero(&state, sizeof(state));
}

void sk_hkdf_expand(
	const uint8_t key[SK_HMAC_SIZE], const SkBytes *info, size_t n_info, uint8_t *ret_output, size_t size)
{
	crypto_auth_hmacsha256_state state;
	uint8_t block[SK_HMAC_SIZE];

	for (uint8_t counter = 1; size > 0; counter++) {
		size_t part = size < sizeof(block) ? size : sizeof(block);

		crypto_auth_hmacsha256_init(&state, key, SK_HMAC_SIZE);
		if (counter > 1)
			crypto_auth_hmacsha256_update(&state, block, sizeof(block));
		for (size_t i = 0; i < n_info; i++)
			crypto_auth_hmacsha256_update(&state, info[i].data, info[i].size);
		crypto_auth_hmacsha256_update(&state, &counter, 1);
		crypto_auth_hmacsha256_final(&state, block);
		memcpy(ret_output, block, part);
		ret_output += part;
		size -= part;
	}
	sodium_memzero(block, sizeof(block));
	sodium_memzero(&state, sizeof(state));
}
