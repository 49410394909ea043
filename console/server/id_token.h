/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The ID token of OpenID Connect, judged: no network, no clock, no database. Every byte comes from the
 * network. Signatures are judged by José (libjose), after the algorithm of the header was found to be one of
 * ours: RS256, PS256, ES256, each with a key of its own kind from the provider's list. So "none", and a
 * public key that is taken as a secret one, are nothing that José is ever asked about.
 */
#include <jansson.h>
#include <stdint.h>

#define SK_ID_TOKEN_MAX 32768

typedef struct SkIdTokenWish {
	const char *issuer, *client, *nonce;
	int64_t now; /* ms since 1970 */
} SkIdTokenWish;

/*
 * keys: a JWK set. Return: 0; -ENOKEY no key of the set has the id that the token names (they may have been
 * exchanged); -EBADMSG it is not what was wished for; -ENOMEM. The caller owns the claims; "sub" is text.
 */
int sk_id_token_verify(const char *token, const json_t *keys, const SkIdTokenWish *wish, json_t **ret_claims);
