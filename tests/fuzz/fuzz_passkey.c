/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a browser says about a passkey. The first byte chooses: client data, the attestation of a new key, a
 * proof of a key that is there (ES256 of chance: nothing may be taken as signed by it).
 */
#include <stdlib.h>
#include <string.h>

#include "console/server/passkey_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const SkPasskeyParty party = {"console.example", "https://console.example:8443"};

static void attest(SkBytes bytes)
{
	SkPasskey passkey;

	if (sk_passkey_attest(&party, (SkBytes){"{}", 2}, bytes, &passkey) != 0)
		return;
	if (passkey.handle_size == 0 || passkey.handle_size > sizeof(passkey.handle) ||
		passkey.key_size > sizeof(passkey.key) || !sk_passkey_algorithm_name(passkey.algorithm))
		abort();
}

static void prove(SkBytes bytes)
{
	/* The base point of P-256: its secret key, 1, is known to a fuzzer that can sign, and to nobody else.
	 */
	static const uint8_t point[64] = {0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
		0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1,
		0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e,
		0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
		0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
	SkPasskey passkey = {.algorithm = -7, .key_size = sizeof(point)};
	size_t cut = bytes.size > 0 ? *(const uint8_t *)bytes.data : 0;
	SkPasskeyProof proof = {.client_data = {"{}", 2}};
	uint32_t counter;

	if (cut >= bytes.size)
		return;
	memcpy(passkey.key, point, sizeof(point));
	proof.authenticator_data = (SkBytes){(const uint8_t *)bytes.data + 1, cut};
	proof.signature = (SkBytes){(const uint8_t *)bytes.data + 1 + cut, bytes.size - 1 - cut};
	(void)sk_passkey_assert(&party, &passkey, &proof, &counter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t challenge[SK_PASSKEY_CHALLENGE_SIZE];
	SkBytes rest = {data + 1, size - 1};

	if (size == 0)
		return 0;
	if (data[0] % 3 == 0)
		(void)sk_passkey_client_data(&party, "webauthn.get", rest, challenge);
	else if (data[0] % 3 == 1)
		attest(rest);
	else
		prove(rest);
	return 0;
}
