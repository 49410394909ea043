/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile envelope, read by somebody who believes one key. What opens was signed by it: the corpus has such
 * an envelope, and opened payloads must be exactly that one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypt/digest.h"
#include "lib/dsse/dsse.h"

#define PAYLOAD "{\"medium\":\"01J\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static SkSecret *secret;
	static SkDsseKey key;
	const uint8_t seed[SK_SIGN_SEED_SIZE] = {0};
	const SkDsseCheck check = {.keys = &key, .n_keys = 1, .type = SK_DSSE_GRANT, .payload_max = 65536};
	SkDsseOpened opened;

	if (!secret) {
		require(sk_crypt_init() == 0);
		require(sk_sign_key_new(seed, &secret, key.public_key) == 0);
		sk_dsse_key_id(key.public_key, key.id);
	}
	if (sk_dsse_verify(data, size, &check, &opened) < 0)
		return 0;
	require(opened.key == &key && opened.size == strlen(PAYLOAD) && strcmp(opened.payload, PAYLOAD) == 0);
	free(opened.payload);
	return 0;
}
