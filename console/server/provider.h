/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The OpenID Connect provider of the settings: the code flow with PKCE. Its description and its keys are
 * asked for when they are first needed, and kept; keys are asked for again when a token names one that is not
 * known.
 *
 * Calls wait in the thread of the request, so only few run at once, and none takes longer than some seconds.
 * What the provider says is hostile: it is bounded, must name itself as the settings do, and its addresses
 * are https.
 */
#include <jansson.h>

#include "console/jobs/outgoing.h"
#include "console/server/settings.h"

typedef struct SkProvider SkProvider;

/* settings and outgoing: borrowed. Reads the client's secret, before the jail. Return: 0 (NULL when the
 * settings name no provider), -EINVAL they are no good, -ENOMEM, others of the system. */
int sk_provider_new(const SkServerSettings *settings, const SkOutgoing *outgoing, SkProvider **ret_provider);
void sk_provider_free(SkProvider *provider);

const char *sk_provider_issuer(const SkProvider *provider);
const char *sk_provider_name(const SkProvider *provider);
bool sk_provider_makes_accounts(const SkProvider *provider);

/* Texts in base64url. */
typedef struct SkProviderAsk {
	const char *state, *nonce, *verifier;
	const char *redirect; /* where the provider sends the browser back to */
} SkProviderAsk;

/* Where the browser goes. The caller frees it. Return: 0; -EHOSTUNREACH the provider does not answer, or not
 * as it should; -EBUSY too many ask at once; -ENOMEM. */
int sk_provider_address(SkProvider *provider, const SkProviderAsk *ask, char **ret_address);

/* The claims of who came back with this code. Return: as above; -EBADMSG the code or the token is no good. */
int sk_provider_redeem(SkProvider *provider, const char *code, const SkProviderAsk *ask, json_t **ret_claims);

/* The words of the claim that the settings name, as an array of texts; empty when there is none. */
json_t *sk_provider_groups(const SkProvider *provider, const json_t *claims);
