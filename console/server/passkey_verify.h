/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What an authenticator says (WebAuthn), judged: no database, no clock. Every byte comes from the network.
 * Client data is JSON and read by jansson, the attestation object is CBOR and read by libcbor; signatures and
 * the data of the authenticator are judged by libfido2.
 *
 * Taken: ES256, EdDSA and RS256 keys; attestation none, packed with a certificate, and packed by the key
 * itself. Whoever made the authenticator is not judged: there is no list of makers.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/kdf.h"

#define SK_PASSKEY_CHALLENGE_SIZE 32
#define SK_PASSKEY_HANDLE_MAX 1023
#define SK_PASSKEY_KEY_MAX 512

/* Who is signed in to. rp_id: the host; origin: https://HOST[:PORT]. Both are compared exactly. */
typedef struct SkPasskeyParty {
	const char *rp_id, *origin;
} SkPasskeyParty;

/*
 * The challenge inside of the client data of a ceremony ("webauthn.create", "webauthn.get") at this origin,
 * in its own frame. Return: 0, -EBADMSG.
 */
int sk_passkey_client_data(const SkPasskeyParty *party, const char *ceremony, SkBytes json,
	uint8_t ret_challenge[SK_PASSKEY_CHALLENGE_SIZE]);

typedef struct SkPasskey {
	uint8_t handle[SK_PASSKEY_HANDLE_MAX];
	size_t handle_size;
	int algorithm; /* of COSE; sk_passkey_algorithm_name() */
	uint8_t key[SK_PASSKEY_KEY_MAX];
	size_t key_size;
	uint32_t counter;
} SkPasskey;

/* "ES256"; NULL: none of ours. */
const char *sk_passkey_algorithm_name(int algorithm);
int sk_passkey_algorithm(const char *name);

/*
 * A new key: of this party, made with the person verified, and signed as its kind of attestation says.
 * Return: 0, -EBADMSG it is none of that, -ENOMEM.
 */
int sk_passkey_attest(
	const SkPasskeyParty *party, SkBytes client_data, SkBytes attestation, SkPasskey *ret_passkey);

typedef struct SkPasskeyProof {
	SkBytes client_data, authenticator_data, signature;
} SkPasskeyProof;

/*
 * Is it signed by this key, for this party, with the person verified? The counter is not judged here.
 * Return: 0, -EBADMSG it is not, -ENOMEM.
 */
int sk_passkey_assert(const SkPasskeyParty *party, const SkPasskey *passkey, const SkPasskeyProof *proof,
	uint32_t *ret_counter);
