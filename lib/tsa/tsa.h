/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Time stamps of a third party (RFC 3161): that a hash existed at a time, signed by a time stamping
 * authority. The console has the heads of the audit chains stamped (LOG-2), so that not even who holds all
 * its keys can make an older history. Pure: makes the request, judges the answer; the caller carries them
 * (application/timestamp-query, -reply).
 *
 * An answer is hostile: its size is bounded, and nothing of it is believed before its signature leads to a
 * certificate authority that the caller named.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/own.h"

#define SK_TSA_DIGEST_SIZE 32	     /* SHA-256 */
#define SK_TSA_ANSWER_MAX (64 << 10) /* bytes; a token with its certificates has 3 to 6 KiB */

typedef struct SkTsaRequest SkTsaRequest;

/* Asks for a stamp on the digest, with a nonce and the authority's certificate. Return: 0 or -ENOMEM. */
int sk_tsa_request_new(const uint8_t digest[SK_TSA_DIGEST_SIZE], SkTsaRequest **ret_request);
void sk_tsa_request_free(SkTsaRequest *request);
OWN_DEFINE(SkTsaRequest, sk_tsa_request_free)
#define own_tsa_request own_(sk_tsa_request_freep)

/* What to send: DER, inside of the request. */
const uint8_t *sk_tsa_request_get_der(const SkTsaRequest *request, size_t *ret_size);

/* Bytes of an answer or a token, borrowed. */
typedef struct SkTsaDer {
	const uint8_t *bytes;
	size_t size;
} SkTsaDer;

typedef struct SkTsaToken {
	uint8_t *der; /* to be kept; the receiver frees it */
	size_t size;
	int64_t time; /* ms since 1970 */
} SkTsaToken;

/*
 * Judges the answer to a request: granted, for this digest and nonce, signed by a certificate for time
 * stamping that authorities (PEM, one or more) vouch for. ret_why (may be NULL): English, constant. Return:
 * 0; -EBADMSG no answer of this protocol; -EACCES the authority refused; -EKEYREJECTED signature,
 * certificate, digest or nonce are not right; -EINVAL the authorities are no PEM; -EMSGSIZE; -ENOMEM.
 */
int sk_tsa_request_accept(const SkTsaRequest *request, SkTsaDer answer, const char *authorities,
	SkTsaToken *ret_token, const char **ret_why);

/* The same for a token that was kept: it stamps this digest. Return: as above, with the time. */
int sk_tsa_token_verify(SkTsaDer der, const uint8_t digest[SK_TSA_DIGEST_SIZE], const char *authorities,
	int64_t *ret_time, const char **ret_why);
