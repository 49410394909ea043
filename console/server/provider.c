/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/provider.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "console/server/id_token.h"
#include "console/store/time.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"
#include "lib/log/log.h"

#define CALL_SEC 5L
#define AT_ONCE 2
#define ANSWER_MAX (256 * 1024)
#define SECRET_MAX 1024
/* The description and the keys are asked for again after this, */
#define FRESH_MS INT64_C(3600000)
/* and never more often than this, whatever tokens and failures say. */
#define PAUSE_MS INT64_C(5000)

/* A document of the provider, kept. */
typedef struct Kept {
	json_t *document;
	int64_t came, tried;
} Kept;

struct SkProvider {
	const SkServerSettings *settings;
	const SkOutgoing *outgoing;
	char *secret; /* NULL: a public client */
	pthread_mutex_t lock;
	unsigned inside;
	Kept description, keys;
};

int sk_provider_new(const SkServerSettings *settings, const SkOutgoing *outgoing, SkProvider **ret_provider)
{
	SkProvider *provider;
	size_t size;
	int r;

	*ret_provider = NULL;
	if (!*settings->provider.issuer)
		return 0;
	if (!sk_str_starts(settings->provider.issuer, "https://") || !*settings->provider.client)
		return -EINVAL;
	provider = calloc(1, sizeof(*provider));
	if (!provider)
		return -ENOMEM;
	provider->settings = settings;
	provider->outgoing = outgoing;
	pthread_mutex_init(&provider->lock, NULL);
	r = sk_io_read_file_at(
		AT_FDCWD, settings->provider.secret_file, SECRET_MAX, &provider->secret, &size);
	if (r == 0)
		provider->secret[strcspn(provider->secret, "\r\n")] = 0;
	else if (r != -ENOENT) {
		sk_provider_free(provider);
		return r;
	}
	*ret_provider = provider;
	return 0;
}

void sk_provider_free(SkProvider *provider)
{
	if (!provider)
		return;
	if (provider->secret)
		sk_secret_wipe(provider->secret, strlen(provider->secret));
	free(provider->secret);
	json_decref(provider->description.document);
	json_decref(provider->keys.document);
	pthread_mutex_destroy(&provider->lock);
	free(provider);
}

const char *sk_provider_issuer(const SkProvider *provider)
{
	return provider->settings->provider.issuer;
}

const char *sk_provider_name(const SkProvider *provider)
{
	return provider->settings->provider.name;
}

bool sk_provider_makes_accounts(const SkProvider *provider)
{
	return provider->settings->provider.accounts != 0;
}

/* ---- calls ---- */

typedef struct Answer {
	char *text;
	size_t size;
	long status;
} Answer;

static size_t take(char *data, size_t size, size_t count, void *userdata)
{
	Answer *answer = userdata;
	char *longer;

	size *= count;
	if (size > ANSWER_MAX - answer->size)
		return 0;
	longer = realloc(answer->text, answer->size + size + 1);
	if (!longer)
		return 0;
	answer->text = longer;
	memcpy(longer + answer->size, data, size);
	answer->size += size;
	return size;
}

static bool enter(SkProvider *provider)
{
	bool entered;

	pthread_mutex_lock(&provider->lock);
	entered = provider->inside < AT_ONCE;
	provider->inside += entered;
	pthread_mutex_unlock(&provider->lock);
	return entered;
}

static void leave(SkProvider *provider)
{
	pthread_mutex_lock(&provider->lock);
	provider->inside--;
	pthread_mutex_unlock(&provider->lock);
}

/* A form to be sent, with our name and secret; form NULL: asks only. */
typedef struct Request {
	const char *address, *form;
	bool basic;
} Request;

static int run(SkProvider *provider, const Request *request, SkOutgoingCall *call, Answer *answer)
{
	own_slist struct curl_slist *headers = NULL;
	own_curl CURL *curl = NULL;
	int r = sk_outgoing_handle(call, CALL_SEC, &curl);

	if (r == 0)
		r = sk_slist_add(&headers, "Accept: application/json");
	if (r < 0)
		return r;
	curl_easy_setopt(curl, CURLOPT_URL, request->address);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_PROXY, provider->outgoing->proxy);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (request->form)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->form);
	if (request->basic) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, provider->settings->provider.client);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, provider->secret);
	}
	r = sk_outgoing_run(call, curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	return r;
}

/* Return: 0 an object; -EBADMSG it refused (400 to 499); -EHOSTUNREACH, -EBUSY, -ENOMEM. */
static int ask(SkProvider *provider, const Request *request, json_t **ret_object)
{
	SkOutgoingCall call = {.outgoing = provider->outgoing};
	Answer answer = {.text = NULL};
	json_t *object = NULL;
	int r = enter(provider) ? 0 : -EBUSY;

	if (r < 0)
		return r;
	r = run(provider, request, &call, &answer);
	leave(provider);
	if (r == 0 && answer.status == 200)
		object =
			json_loadb(answer.text ? answer.text : "", answer.size, JSON_REJECT_DUPLICATES, NULL);
	free(answer.text);
	if (json_is_object(object)) {
		*ret_object = object;
		return 0;
	}
	json_decref(object);
	if (r == -ENOMEM)
		return r;
	sk_log(LOG_WARNING, "the provider of sign-ins: %s: %s, status %ld", request->address,
		call.error[0] ? call.error : "no answer that is understood", answer.status);
	return r == 0 && answer.status >= 400 && answer.status < 500 ? -EBADMSG : -EHOSTUNREACH;
}

/* ---- what it says about itself ---- */

static const char *address_of(const json_t *description, const char *name)
{
	const char *address = json_string_value(json_object_get(description, name));

	return address && sk_str_starts(address, "https://") ? address : NULL;
}

static int check_description(const SkProvider *provider, const json_t *description)
{
	const char *issuer = json_string_value(json_object_get(description, "issuer"));

	if (!issuer || !sk_str_eq(issuer, sk_provider_issuer(provider)) ||
		!address_of(description, "authorization_endpoint") ||
		!address_of(description, "token_endpoint") || !address_of(description, "jwks_uri")) {
		sk_log(LOG_WARNING, "the provider of sign-ins describes itself as another one: %s",
			sk_provider_issuer(provider));
		return -EHOSTUNREACH;
	}
	return 0;
}

/* What is kept and good; a reference. newer_than: only what came later. */
static json_t *look(SkProvider *provider, const Kept *kept, int64_t newer_than)
{
	json_t *document = NULL;

	pthread_mutex_lock(&provider->lock);
	if (kept->document && kept->came > newer_than)
		document = json_incref(kept->document);
	pthread_mutex_unlock(&provider->lock);
	return document;
}

/* One at a time, and not at once after another. */
static bool may_try(SkProvider *provider, Kept *kept)
{
	int64_t now = sk_time_now();
	bool may;

	pthread_mutex_lock(&provider->lock);
	may = kept->tried + PAUSE_MS <= now || kept->tried > now;
	if (may)
		kept->tried = now;
	pthread_mutex_unlock(&provider->lock);
	return may;
}

static void keep(SkProvider *provider, Kept *kept, json_t *document)
{
	pthread_mutex_lock(&provider->lock);
	json_decref(kept->document);
	kept->document = json_incref(document);
	kept->came = sk_time_now();
	pthread_mutex_unlock(&provider->lock);
}

static int describe(SkProvider *provider, json_t **ret_description)
{
	own_free char *address = NULL;
	json_auto_t *document = look(provider, &provider->description, sk_time_now() - FRESH_MS);
	int r;

	if (document) {
		*ret_description = json_incref(document);
		return 0;
	}
	if (!may_try(provider, &provider->description)) {
		/* What is old is better than nothing. */
		*ret_description = look(provider, &provider->description, 0);
		return *ret_description ? 0 : -EHOSTUNREACH;
	}
	if (asprintf(&address, "%s/.well-known/openid-configuration", sk_provider_issuer(provider)) < 0)
		return -ENOMEM;
	r = ask(provider, &(Request){.address = address}, &document);
	if (r == 0)
		r = check_description(provider, document);
	if (r < 0)
		return r == -EBADMSG ? -EHOSTUNREACH : r;
	keep(provider, &provider->description, document);
	*ret_description = json_incref(document);
	return 0;
}

/* known: what was not enough; other keys than these. */
static int find_keys(SkProvider *provider, const json_t *description, const json_t *known, json_t **ret_keys)
{
	json_auto_t *document = look(provider, &provider->keys, sk_time_now() - FRESH_MS);
	int r;

	if (document && document != known) {
		*ret_keys = json_incref(document);
		return 0;
	}
	json_decref(own_take(document));
	if (!may_try(provider, &provider->keys)) {
		*ret_keys = known ? NULL : look(provider, &provider->keys, 0);
		return *ret_keys ? 0 : known ? -ENOKEY : -EHOSTUNREACH;
	}
	r = ask(provider, &(Request){.address = address_of(description, "jwks_uri")}, &document);
	if (r < 0)
		return r == -EBADMSG ? -EHOSTUNREACH : r;
	keep(provider, &provider->keys, document);
	*ret_keys = json_incref(document);
	return 0;
}

/* ---- the flow ---- */

/* Appends &NAME=VALUE, escaped. */
static int add(char **text, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0), *longer = NULL;
	int r = escaped && asprintf(&longer, "%s%s%s=%s", *text ? *text : "", *text ? "&" : "", name,
				   escaped) >= 0
			? 0
			: -ENOMEM;

	curl_free(escaped);
	if (r == 0) {
		free(*text);
		*text = longer;
	}
	return r;
}

static int add_all(char **text, const char *const pairs[][2])
{
	int r = 0;

	for (size_t i = 0; pairs[i][0] && r == 0; i++)
		if (pairs[i][1])
			r = add(text, pairs[i][0], pairs[i][1]);
	return r;
}

int sk_provider_address(SkProvider *provider, const SkProviderAsk *ask_for, char **ret_address)
{
	json_auto_t *description = NULL;
	own_free char *query = NULL;
	uint8_t digest[SK_SHA256_SIZE];
	char challenge[SK_BASE64_SIZE(SK_SHA256_SIZE)];
	const char *address;
	int r = describe(provider, &description);

	if (r < 0)
		return r;
	sk_sha256(digest, ask_for->verifier, strlen(ask_for->verifier));
	sk_base64url_format(digest, sizeof(digest), challenge);
	r = add_all(&query,
		(const char *const[][2]){{"response_type", "code"},
			{"client_id", provider->settings->provider.client},
			{"redirect_uri", ask_for->redirect}, {"scope", provider->settings->provider.scopes},
			{"state", ask_for->state}, {"nonce", ask_for->nonce}, {"code_challenge", challenge},
			{"code_challenge_method", "S256"}, {NULL, NULL}});
	address = address_of(description, "authorization_endpoint");
	if (r == 0 && asprintf(ret_address, "%s%c%s", address, strchr(address, '?') ? '&' : '?', query) < 0)
		r = -ENOMEM;
	return r;
}

/* Basic unless the provider says that it does not know it. */
static bool wants_basic(const json_t *description)
{
	const json_t *methods = json_object_get(description, "token_endpoint_auth_methods_supported");

	for (size_t i = 0; i < json_array_size(methods); i++) {
		const char *method = json_string_value(json_array_get(methods, i));

		if (method && sk_str_eq(method, "client_secret_basic"))
			return true;
	}
	return json_array_size(methods) == 0;
}

static int ask_token(SkProvider *provider, const json_t *description, const char *code,
	const SkProviderAsk *ask_for, json_t **ret_answer)
{
	bool basic = provider->secret && wants_basic(description);
	own_free char *form = NULL;
	int r = add_all(
		&form, (const char *const[][2]){{"grant_type", "authorization_code"}, {"code", code},
			       {"redirect_uri", ask_for->redirect}, {"code_verifier", ask_for->verifier},
			       {"client_id", basic ? NULL : provider->settings->provider.client},
			       {"client_secret", basic ? NULL : provider->secret}, {NULL, NULL}});
	if (r == 0)
		r = ask(provider, &(Request){address_of(description, "token_endpoint"), form, basic},
			ret_answer);
	if (form)
		sk_secret_wipe(form, strlen(form));
	return r;
}

/* With the keys that are kept, and if those do not have the token's, with newer ones. */
static int verify(SkProvider *provider, const json_t *description, const char *token, const char *nonce,
	json_t **ret_claims)
{
	const SkIdTokenWish wish = {.issuer = sk_provider_issuer(provider),
		.client = provider->settings->provider.client,
		.nonce = nonce,
		.now = sk_time_now()};
	json_auto_t *keys = NULL, *newer = NULL;
	int r = find_keys(provider, description, NULL, &keys);

	if (r == 0)
		r = sk_id_token_verify(token, keys, &wish, ret_claims);
	if (r != -ENOKEY)
		return r;
	r = find_keys(provider, description, keys, &newer);
	if (r == 0)
		r = sk_id_token_verify(token, newer, &wish, ret_claims);
	return r == -ENOKEY ? -EBADMSG : r;
}

int sk_provider_redeem(
	SkProvider *provider, const char *code, const SkProviderAsk *ask_for, json_t **ret_claims)
{
	json_auto_t *description = NULL, *answer = NULL;
	const char *token;
	int r = describe(provider, &description);

	if (r == 0)
		r = ask_token(provider, description, code, ask_for, &answer);
	if (r < 0)
		return r;
	token = json_string_value(json_object_get(answer, "id_token"));
	return token ? verify(provider, description, token, ask_for->nonce, ret_claims) : -EBADMSG;
}

json_t *sk_provider_groups(const SkProvider *provider, const json_t *claims)
{
	json_t *claim = json_object_get(claims, provider->settings->provider.groups_claim), *group;
	json_t *groups = json_array();
	size_t i;

	if (json_is_string(claim))
		json_array_append(groups, claim);
	json_array_foreach (claim, i, group)
		if (json_is_string(group))
			json_array_append(groups, group);
	return groups;
}
