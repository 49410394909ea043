/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/box.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/kdf.h"

#define HEAD_SIZE 6
#define TAG_SIZE crypto_aead_chacha20poly1305_ietf_ABYTES
#define NONCE_SIZE crypto_aead_chacha20poly1305_ietf_NPUBBYTES

static const uint8_t kem_suite[] = {'K', 'E', 'M', 0x00, 0x20};
static const uint8_t hpke_suite[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x03};
static const uint8_t head[HEAD_SIZE] = {0x00, 0x20, 0x00, 0x01, 0x00, 0x03};

#define TEXT(s)                                                                                              \
	{                                                                                                    \
		(s), sizeof(s) - 1                                                                           \
	}
#define SUITE(s)                                                                                             \
	{                                                                                                    \
		(s), sizeof(s)                                                                               \
	}

static void labeled_extract(
	SkBytes salt, SkBytes suite, const char *label, SkBytes secret, uint8_t ret[SK_HMAC_SIZE])
{
	const SkBytes pieces[] = {TEXT("HPKE-v1"), suite, {label, strlen(label)}, secret};

	sk_hmac(salt.data ? salt.data : "", salt.size, pieces, SK_ARRAY_SIZE(pieces), ret);
}

static void labeled_expand(
	const uint8_t key[SK_HMAC_SIZE], SkBytes suite, const char *label, SkBytes info, SkBytes ret_output)
{
	const uint8_t size[2] = {0, (uint8_t)ret_output.size};
	const SkBytes pieces[] = {{size, 2}, TEXT("HPKE-v1"), suite, {label, strlen(label)}, info};

	sk_hkdf_expand(
		key, pieces, SK_ARRAY_SIZE(pieces), (uint8_t *)(uintptr_t)ret_output.data, ret_output.size);
}

typedef struct Context {
	uint8_t key[crypto_aead_chacha20poly1305_ietf_KEYBYTES];
	uint8_t nonce[NONCE_SIZE];
} Context;

/* KeySchedule() in base mode: no key shared before. */
static void schedule(const uint8_t shared[32], const char *info, Context *ret_context)
{
	const SkBytes suite = SUITE(hpke_suite), nothing = {"", 0};
	uint8_t context[1 + 2 * SK_HMAC_SIZE] = {0}, secret[SK_HMAC_SIZE];
	const SkBytes context_bytes = {context, sizeof(context)};

	labeled_extract(nothing, suite, "psk_id_hash", nothing, context + 1);
	labeled_extract(
		nothing, suite, "info_hash", (SkBytes){info, strlen(info)}, context + 1 + SK_HMAC_SIZE);
	labeled_extract((SkBytes){shared, 32}, suite, "secret", nothing, secret);
	labeled_expand(
		secret, suite, "key", context_bytes, (SkBytes){ret_context->key, sizeof(ret_context->key)});
	labeled_expand(secret, suite, "base_nonce", context_bytes,
		(SkBytes){ret_context->nonce, sizeof(ret_context->nonce)});
	sodium_memzero(secret, sizeof(secret));
}

/* The shared secret of DHKEM, and from it key and nonce. Return: 0 or -EINVAL for a point of small order. */
static int agree(const uint8_t secret[32], const uint8_t other[32], const uint8_t enc_and_public[64],
	const char *info, Context *ret_context)
{
	const SkBytes suite = SUITE(kem_suite), nothing = {"", 0};
	uint8_t dh[crypto_scalarmult_BYTES], extracted[SK_HMAC_SIZE], shared[32];

	if (crypto_scalarmult(dh, secret, other) != 0)
		return -EINVAL;
	labeled_extract(nothing, suite, "eae_prk", (SkBytes){dh, sizeof(dh)}, extracted);
	labeled_expand(extracted, suite, "shared_secret", (SkBytes){enc_and_public, 64},
		(SkBytes){shared, sizeof(shared)});
	schedule(shared, info, ret_context);
	sodium_memzero(dh, sizeof(dh));
	sodium_memzero(extracted, sizeof(extracted));
	sodium_memzero(shared, sizeof(shared));
	return 0;
}

int sk_box_key_new(SkSecret **ret_secret, uint8_t ret_public[SK_BOX_KEY_SIZE])
{
	int r = sk_secret_new(SK_BOX_KEY_SIZE, ret_secret);

	if (r < 0)
		return r;
	crypto_box_keypair(ret_public, sk_secret_data(*ret_secret));
	return 0;
}

int sk_box_seal(const uint8_t public_key[SK_BOX_KEY_SIZE], SkBoxLabel label, const void *data, size_t size,
	uint8_t *ret_box)
{
	uint8_t ephemeral[SK_BOX_KEY_SIZE], pair[2 * SK_BOX_KEY_SIZE];
	Context context;
	int r;

	if (label.ephemeral)
		memcpy(ephemeral, label.ephemeral, sizeof(ephemeral));
	else
		randombytes_buf(ephemeral, sizeof(ephemeral));
	crypto_scalarmult_base(pair, ephemeral);
	memcpy(pair + SK_BOX_KEY_SIZE, public_key, SK_BOX_KEY_SIZE);
	r = agree(ephemeral, public_key, pair, label.info, &context);
	sodium_memzero(ephemeral, sizeof(ephemeral));
	if (r < 0)
		return r;
	memcpy(ret_box, head, HEAD_SIZE);
	memcpy(ret_box + HEAD_SIZE, pair, SK_BOX_KEY_SIZE);
	crypto_aead_chacha20poly1305_ietf_encrypt(ret_box + HEAD_SIZE + SK_BOX_KEY_SIZE, NULL, data, size,
		(const uint8_t *)label.aad, strlen(label.aad), NULL, context.nonce, context.key);
	sodium_memzero(&context, sizeof(context));
	return 0;
}

int sk_box_open(SkSecret *secret, SkBoxLabel label, const void *box, size_t size, SkSecret **ret_data)
{
	own_secret SkSecret *data = NULL;
	const uint8_t *bytes = box, *enc = bytes + HEAD_SIZE;
	uint8_t pair[2 * SK_BOX_KEY_SIZE];
	Context context;
	int r;

	if (sk_secret_size(secret) != SK_BOX_KEY_SIZE)
		return -EINVAL;
	if (size <= SK_BOX_OVERHEAD)
		return -EBADMSG;
	if (memcmp(bytes, head, HEAD_SIZE) != 0)
		return -EOPNOTSUPP;
	memcpy(pair, enc, SK_BOX_KEY_SIZE);
	crypto_scalarmult_base(pair + SK_BOX_KEY_SIZE, sk_secret_data(secret));
	if (agree(sk_secret_data(secret), enc, pair, label.info, &context) < 0)
		return -EBADMSG;
	r = sk_secret_new(size - SK_BOX_OVERHEAD, &data);
	if (r == 0 && crypto_aead_chacha20poly1305_ietf_decrypt(sk_secret_data(data), NULL, NULL,
			      enc + SK_BOX_KEY_SIZE, size - HEAD_SIZE - SK_BOX_KEY_SIZE,
			      (const uint8_t *)label.aad, strlen(label.aad), context.nonce, context.key) != 0)
		r = -EBADMSG;
	sodium_memzero(&context, sizeof(context));
	if (r < 0)
		return r;
	*ret_data = own_take(data);
	return 0;
}
