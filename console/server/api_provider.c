/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signing in at an OpenID Connect provider: begun here, gone on with in the browser, finished here by the
 * page that the provider sends it back to (/sign-in/provider), which hands over code and state. What that
 * page has from the beginning, and nobody else, is the id of the ceremony: so nobody is signed in by a link
 * of somebody else.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "console/server/act.h"
#include "console/server/ceremony.h"
#include "console/server/provider.h"
#include "console/server/provider_people.h"
#include "console/server/server.h"
#include "console/server/sign_in.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/secret.h"

#define CEREMONY "provider"
#define RETURN_PATH "/sign-in/provider"
#define BYTES 32
#define TEXT SK_BASE64_SIZE(BYTES)

static int refuse(SkCall *call, int error)
{
	switch (error) {
	case -EBADMSG:
		return sk_call_refuse(call, SK_PROVIDER_REFUSED, NULL);
	case -ENOENT:
		return sk_call_refuse(call, SK_CEREMONY_OVER, NULL);
	case -EHOSTUNREACH:
	case -EBUSY:
		return sk_call_refuse_for(call, SK_PROVIDER_UNREACHABLE, 5000);
	default:
		return error < 0 ? error : 0;
	}
}

int sk_api_provider_show(SkCall *call)
{
	SkProvider *provider = call->server->provider;

	return sk_call_answer(
		call, 200, json_pack("{s:s?}", "name", provider ? sk_provider_name(provider) : NULL));
}

static void make_text(char ret_text[TEXT])
{
	uint8_t bytes[BYTES];

	sk_random_fill(bytes, sizeof(bytes));
	sk_base64url_format(bytes, sizeof(bytes), ret_text);
}

static int begin(SkCall *call, const char *person)
{
	char id[TEXT], state[TEXT], nonce[TEXT], verifier[TEXT];
	own_free char *redirect = NULL, *address = NULL, *data = NULL;
	json_auto_t *kept = NULL;
	int r;

	if (!call->server->provider)
		return sk_call_refuse(call, SK_PROVIDER_NOT_SET, NULL);
	if (!call->db || !sk_sign_in_admit(call))
		return call->db ? 0 : -ENOTCONN;
	make_text(id);
	make_text(state);
	make_text(nonce);
	make_text(verifier);
	kept = json_pack("{s:s, s:s, s:s}", "state", state, "nonce", nonce, "verifier", verifier);
	data = kept ? json_dumps(kept, JSON_COMPACT) : NULL;
	if (!data || asprintf(&redirect, "%s" RETURN_PATH, call->server->origin) < 0)
		return -ENOMEM;
	r = sk_provider_address(
		call->server->provider, &(SkProviderAsk){state, nonce, verifier, redirect}, &address);
	if (r == 0)
		r = sk_ceremony_begin(call->db, &(SkCeremony){CEREMONY, {id, strlen(id)}, person, data});
	return r < 0 ? refuse(call, r)
		     : sk_call_answer(call, 200, json_pack("{s:s, s:s}", "address", address, "ceremony", id));
}

int sk_api_provider_begin(SkCall *call)
{
	return begin(call, NULL);
}

int sk_api_provider_link(SkCall *call)
{
	return begin(call, call->caller.person);
}

/* The ceremony that this page has begun, whose answer came with its state. */
static int take(SkCall *call, const char *person, json_t **ret_kept)
{
	const char *id = sk_call_body_text(call, "ceremony"), *state = sk_call_body_text(call, "state"),
		   *kept;
	SkCeremonyTaken taken = {.data = NULL};
	json_auto_t *data = NULL;
	int r = sk_ceremony_take(call->db, CEREMONY, (SkBytes){id, strlen(id)}, &taken);

	if (r < 0)
		return r;
	data = json_loads(taken.data, 0, NULL);
	free(taken.data);
	kept = json_string_value(json_object_get(data, "state"));
	if (!kept || strlen(kept) != strlen(state) || !sk_secret_equal(kept, state, strlen(kept)) ||
		!sk_str_eq(taken.person, person ? person : ""))
		return -EBADMSG;
	*ret_kept = json_incref(data);
	return 0;
}

static int redeem(SkCall *call, const char *person, json_t **ret_claims)
{
	const char *issuer = sk_call_body_text(call, "issuer");
	json_auto_t *kept = NULL;
	own_free char *redirect = NULL;
	int r = take(call, person, &kept);

	/* Of a provider that says who it is (RFC 9207). */
	if (r == 0 && issuer && !sk_str_eq(issuer, sk_provider_issuer(call->server->provider)))
		r = -EBADMSG;
	if (r < 0)
		return r;
	if (asprintf(&redirect, "%s" RETURN_PATH, call->server->origin) < 0)
		return -ENOMEM;
	return sk_provider_redeem(call->server->provider, sk_call_body_text(call, "code"),
		&(SkProviderAsk){.nonce = json_string_value(json_object_get(kept, "nonce")),
			.verifier = json_string_value(json_object_get(kept, "verifier")),
			.redirect = redirect},
		ret_claims);
}

typedef struct Entering {
	SkProviderPerson who;
	char person[SK_ID_SIZE];
} Entering;

static int enter(const SkActor *actor, void *userdata)
{
	Entering *entering = userdata;

	return sk_provider_enter(actor, &entering->who, entering->person);
}

/* Return: 0 (refused already when call->reply.status is not 0), or an error. */
static int arrive(SkCall *call, const char *person, json_t **ret_claims, Entering *entering)
{
	SkProvider *provider = call->server->provider;
	json_auto_t *groups = NULL;
	int r;

	if (!provider)
		return sk_call_refuse(call, SK_PROVIDER_NOT_SET, NULL);
	r = call->db ? redeem(call, person, ret_claims) : -ENOTCONN;
	if (r < 0)
		return refuse(call, r);
	groups = sk_provider_groups(provider, *ret_claims);
	entering->who = (SkProviderPerson){.issuer = sk_provider_issuer(provider),
		.subject = json_string_value(json_object_get(*ret_claims, "sub")),
		.login = json_string_value(json_object_get(*ret_claims, "preferred_username")),
		.name = json_string_value(json_object_get(*ret_claims, "name")),
		.groups = groups,
		.make = sk_provider_makes_accounts(provider),
		.link = person != NULL};
	r = sk_call_act(call, enter, entering);
	return r < 0 ? r : 0;
}

/* Has the provider asked for two factors (RFC 8176)? */
static bool gave_two(const json_t *claims)
{
	json_t *method;
	size_t i;

	json_array_foreach (json_object_get(claims, "amr"), i, method)
		if (json_is_string(method) && sk_str_eq(json_string_value(method), "mfa"))
			return true;
	return false;
}

int sk_api_provider_finish(SkCall *call)
{
	json_auto_t *claims = NULL;
	Entering entering = {.person = ""};
	SkSignIn sign_in;
	int r = arrive(call, NULL, &claims, &entering);

	if (r < 0 || call->reply.status != 0)
		return r;
	r = sk_sign_in_find_person(call, entering.person, &sign_in);
	if (r < 0)
		return r;
	/* A password that has to be changed is not what they signed in with. */
	sign_in.must_change = false;
	return sk_sign_in_finish(call, &sign_in, gave_two(claims), "provider");
}

int sk_api_provider_join(SkCall *call)
{
	json_auto_t *claims = NULL;
	Entering entering = {.person = ""};
	int r = arrive(call, call->caller.person, &claims, &entering);

	return r < 0 || call->reply.status != 0 ? r : sk_call_done(call);
}
