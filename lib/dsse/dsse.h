/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Signed things that travel: DSSE envelopes, version 1 (https://github.com/secure-systems-lab/dsse), with
 * Ed25519.
 *
 *	{"payloadType": TYPE, "payload": BASE64, "signatures": [{"keyid": ID, "sig": BASE64}, ...]}
 *
 * What is signed is "DSSEv1 " LEN(type) " " type " " LEN(payload) " " payload, so a signature says what it is
 * about, and nothing has to be brought into a canonical form. The payload is handed out only after a
 * signature of a key that the caller allows was found over it: never look into an envelope before.
 *
 * Envelopes are hostile. They are read strictly: no duplicate or unknown member, standard base64 only, bounds
 * on everything. Used by core, uplink, console and verifier alike.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/sign.h"

#define SK_DSSE_POLICY "application/vnd.sekisho.policy.v1+json"
#define SK_DSSE_GRANT "application/vnd.sekisho.grant.v1+json"
#define SK_DSSE_GRANT_ISSUED "application/vnd.sekisho.grant-issued.v1+json"
#define SK_DSSE_REVOCATION "application/vnd.sekisho.revocation.v1+json"
#define SK_DSSE_DEFINITIONS "application/vnd.sekisho.definitions.v1+json"
#define SK_DSSE_HEAD "application/vnd.sekisho.head.v1+json"
#define SK_DSSE_CHECKLIST "application/vnd.sekisho.checklist.v1+json"
#define SK_DSSE_TRUST "application/vnd.sekisho.trust.v1+json"
#define SK_DSSE_ENROLMENT "application/vnd.sekisho.enrolment.v1+json"
#define SK_DSSE_COMMAND "application/vnd.sekisho.command.v1+json"
#define SK_DSSE_SECRET "application/vnd.sekisho.secret.v1+json"
#define SK_DSSE_LEASE "application/vnd.sekisho.lease.v1+json"
#define SK_DSSE_SLIP "application/vnd.sekisho.slip.v1+json"
#define SK_DSSE_ERASURE "application/vnd.sekisho.erasure.v1+json"
#define SK_DSSE_TERMINAL_KEY "application/vnd.sekisho.terminal-key.v1+json"

#define SK_DSSE_SIGNATURES_MAX 8
/* "ed25519:" and the first 16 bytes of the SHA-256 of the public key, in hexadecimal: it names the algorithm.
 */
#define SK_DSSE_KEY_ID_SIZE (8 + 32 + 1)

void sk_dsse_key_id(const uint8_t public_key[SK_SIGN_PUBLIC_SIZE], char ret_id[SK_DSSE_KEY_ID_SIZE]);

typedef struct SkDsseSigner {
	SkSecret *key; /* of sk_sign_key_new() */
	char id[SK_DSSE_KEY_ID_SIZE];
} SkDsseSigner;

typedef struct SkDssePayload {
	const char *type;
	const void *data;
	size_t size;
} SkDssePayload;

/*
 * signers: 1 to SK_DSSE_SIGNATURES_MAX; several while a key is being replaced. The caller frees the envelope.
 * Return: 0, -EINVAL, -ENOMEM.
 */
int sk_dsse_sign(const SkDsseSigner *signers, size_t n_signers, SkDssePayload payload, char **ret_envelope);

typedef struct SkDsseKey {
	char id[SK_DSSE_KEY_ID_SIZE];
	uint8_t public_key[SK_SIGN_PUBLIC_SIZE];
} SkDsseKey;

typedef struct SkDsseCheck {
	const SkDsseKey *keys; /* whom this reader believes, for this type */
	size_t n_keys;
	const char *type;
	size_t payload_max;
} SkDsseCheck;

typedef struct SkDsseOpened {
	char *payload; /* size bytes and a 0 behind them; the caller frees it */
	size_t size;
	const SkDsseKey *key; /* whose signature it was; inside the check's keys */
} SkDsseOpened;

/*
 * Return: 0; -E2BIG larger than payload_max allows; -EBADMSG not an envelope; -EPROTOTYPE signed as something
 * else than type; -EKEYREJECTED no signature of an allowed key; -ENOMEM.
 */
int sk_dsse_verify(const void *envelope, size_t size, const SkDsseCheck *check, SkDsseOpened *ret_opened);
