/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/ratchet.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(SK_RATCHET_KEY_SIZE == crypto_auth_hmacsha256_KEYBYTES, "size of a key");
_Static_assert(SK_RATCHET_MAC_SIZE == crypto_auth_hmacsha256_BYTES, "size of a MAC");

struct SkRatchet {
	uint64_t epoch;
	SkSecret *key;
};

static void derive(uint8_t ret_derived[SK_RATCHET_MAC_SIZE], const SkRatchet *ratchet, const char *label)
{
	crypto_auth_hmacsha256(
		ret_derived, (const uint8_t *)label, strlen(label), sk_secret_data(ratchet->key));
}

int sk_ratchet_new(const uint8_t *key, uint64_t epoch, SkRatchet **ret_ratchet)
{
	own_ratchet SkRatchet *ratchet = calloc(1, sizeof(*ratchet));
	int r;

	if (!ratchet)
		return -ENOMEM;
	ratchet->epoch = epoch;
	r = sk_secret_new(SK_RATCHET_KEY_SIZE, &ratchet->key);
	if (r < 0)
		return r;
	if (key)
		memcpy(sk_secret_data(ratchet->key), key, SK_RATCHET_KEY_SIZE);
	else
		crypto_auth_hmacsha256_keygen(sk_secret_data(ratchet->key));
	*ret_ratchet = own_take(ratchet);
	return 0;
}

void sk_ratchet_free(SkRatchet *ratchet)
{
	if (!ratchet)
		return;
	sk_secret_free(ratchet->key);
	free(ratchet);
}

uint64_t sk_ratchet_epoch(const SkRatchet *ratchet)
{
	return ratchet->epoch;
}

const uint8_t *sk_ratchet_key(const SkRatchet *ratchet)
{
	return sk_secret_data(ratchet->key);
}

void sk_ratchet_step(SkRatchet *ratchet)
{
	uint8_t next[SK_RATCHET_MAC_SIZE];

	derive(next, ratchet, "sekisho ratchet next 1");
	memcpy(sk_secret_data(ratchet->key), next, sizeof(next));
	sk_secret_wipe(next, sizeof(next));
	ratchet->epoch++;
}

void sk_ratchet_mac(
	const SkRatchet *ratchet, const void *data, size_t size, uint8_t ret_mac[SK_RATCHET_MAC_SIZE])
{
	uint8_t mac_key[SK_RATCHET_MAC_SIZE];

	derive(mac_key, ratchet, "sekisho ratchet mac 1");
	crypto_auth_hmacsha256(ret_mac, data, size, mac_key);
	sk_secret_wipe(mac_key, sizeof(mac_key));
}

void sk_ratchet_id(const SkRatchet *ratchet, uint8_t ret_id[SK_RATCHET_MAC_SIZE])
{
	derive(ret_id, ratchet, "sekisho ratchet id 1");
}
