/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/sign.h"

#include <errno.h>
#include <sodium.h>

_Static_assert(SK_SIGN_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "size of a public key");
_Static_assert(SK_SIGN_SEED_SIZE == crypto_sign_SEEDBYTES, "size of a seed");
_Static_assert(SK_SIGNATURE_SIZE == crypto_sign_BYTES, "size of a signature");

int sk_sign_key_new(const uint8_t *seed, SkSecret **ret_key, uint8_t ret_public[SK_SIGN_PUBLIC_SIZE])
{
	own_secret SkSecret *key = NULL;
	int r = sk_secret_new(crypto_sign_SECRETKEYBYTES, &key);

	if (r < 0)
		return r;
	if (seed)
		crypto_sign_seed_keypair(ret_public, sk_secret_data(key), seed);
	else
		crypto_sign_keypair(ret_public, sk_secret_data(key));
	*ret_key = own_take(key);
	return 0;
}

int sk_sign(SkSecret *key, const void *data, size_t size, uint8_t ret_signature[SK_SIGNATURE_SIZE])
{
	if (sk_secret_size(key) != crypto_sign_SECRETKEYBYTES)
		return -EINVAL;
	crypto_sign_detached(ret_signature, NULL, data, size, sk_secret_data(key));
	return 0;
}

bool sk_sign_verify(const uint8_t public_key[SK_SIGN_PUBLIC_SIZE], const void *data, size_t size,
	const uint8_t signature[SK_SIGNATURE_SIZE])
{
	return crypto_sign_verify_detached(signature, data, size, public_key) == 0;
}
