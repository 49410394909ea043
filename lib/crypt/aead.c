/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/aead.h"

#include <errno.h>
#include <sodium.h>

#define ALGORITHM 1
#define NONCE_SIZE crypto_aead_chacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE crypto_aead_chacha20poly1305_ietf_ABYTES

_Static_assert(SK_AEAD_OVERHEAD == 1 + NONCE_SIZE + TAG_SIZE, "room for a wrap");
_Static_assert(SK_AEAD_KEY_SIZE == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "size of a key");

void sk_aead_seal(const uint8_t key[SK_AEAD_KEY_SIZE], SkAeadContext context, const void *data, size_t size,
	uint8_t *ret_wrap)
{
	ret_wrap[0] = ALGORITHM;
	randombytes_buf(ret_wrap + 1, NONCE_SIZE);
	crypto_aead_chacha20poly1305_ietf_encrypt(ret_wrap + 1 + NONCE_SIZE, NULL, data, size, context.data,
		context.size, NULL, ret_wrap + 1, key);
}

ssize_t sk_aead_open_into(const uint8_t key[SK_AEAD_KEY_SIZE], SkAeadContext context, const void *wrap,
	size_t size, SkSecret *data)
{
	const uint8_t *bytes = wrap;

	if (size <= SK_AEAD_OVERHEAD || size - SK_AEAD_OVERHEAD > sk_secret_size(data))
		return -EBADMSG;
	if (bytes[0] != ALGORITHM)
		return -EOPNOTSUPP;
	if (crypto_aead_chacha20poly1305_ietf_decrypt(sk_secret_data(data), NULL, NULL,
		    bytes + 1 + NONCE_SIZE, size - 1 - NONCE_SIZE, context.data, context.size, bytes + 1,
		    key) != 0)
		return -EBADMSG;
	return (ssize_t)(size - SK_AEAD_OVERHEAD);
}

int sk_aead_open(const uint8_t key[SK_AEAD_KEY_SIZE], SkAeadContext context, const void *wrap, size_t size,
	SkSecret **ret_data)
{
	own_secret SkSecret *secret = NULL;
	ssize_t r;

	if (size <= SK_AEAD_OVERHEAD)
		return -EBADMSG;
	r = sk_secret_new(size - SK_AEAD_OVERHEAD, &secret);
	if (r == 0)
		r = sk_aead_open_into(key, context, wrap, size, secret);
	if (r < 0)
		return (int)r;
	*ret_data = own_take(secret);
	return 0;
}
