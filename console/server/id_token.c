/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/id_token.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jose/jws.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

/* Clocks of two machines. */
#define SKEW_SEC 60
/* Made for this sign-in, which began some minutes ago at most. */
#define AGE_MAX_SEC 600
#define SUBJECT_MAX 255
/* 2048 bits as base64url. */
#define MODULUS_MIN 342

static const struct {
	const char *algorithm, *key_type, *curve;
} algorithms[] = {{"RS256", "RSA", NULL}, {"PS256", "RSA", NULL}, {"ES256", "EC", "P-256"}};

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool is(const json_t *object, const char *name, const char *wanted)
{
	const char *text = text_of(object, name);

	return text && strlen(text) == json_string_length(json_object_get(object, name)) &&
	       sk_str_eq(text, wanted);
}

/* A part of the token that is JSON. */
static json_t *read_part(const char *text, size_t size)
{
	own_free uint8_t *data = malloc(size / 4 * 3 + 3);
	size_t data_size = 0;

	if (!data || sk_base64url_parse(text, size, data, &data_size) < 0)
		return NULL;
	return json_loadb((const char *)data, data_size, JSON_REJECT_DUPLICATES, NULL);
}

/* May this key have signed under the algorithm? */
static bool key_fits(const json_t *key, size_t algorithm)
{
	const char *modulus = text_of(key, "n");

	if (!is(key, "kty", algorithms[algorithm].key_type) ||
		(text_of(key, "use") && !is(key, "use", "sig")) ||
		(text_of(key, "alg") && !is(key, "alg", algorithms[algorithm].algorithm)))
		return false;
	if (algorithms[algorithm].curve)
		return is(key, "crv", algorithms[algorithm].curve);
	return modulus && strlen(modulus) >= MODULUS_MIN;
}

static int verify_with(const json_t *key, const char *token, const size_t parts[2])
{
	json_auto_t *signature = json_pack("{s:s%, s:s%, s:s}", "protected", token, parts[0], "payload",
		token + parts[0] + 1, parts[1], "signature", token + parts[0] + 1 + parts[1] + 1);

	if (!signature)
		return -EBADMSG;
	return jose_jws_ver(NULL, signature, NULL, key, true) ? 0 : -EBADMSG;
}

static int verify_signature(
	const char *token, const size_t parts[2], const json_t *header, const json_t *keys)
{
	const char *id = text_of(header, "kid");
	size_t algorithm = 0, i;
	int r = -ENOKEY;
	json_t *key;

	while (algorithm < SK_ARRAY_SIZE(algorithms) && !is(header, "alg", algorithms[algorithm].algorithm))
		algorithm++;
	/* What must be understood is not understood. */
	if (algorithm == SK_ARRAY_SIZE(algorithms) || json_object_get(header, "crit"))
		return -EBADMSG;
	json_array_foreach (json_object_get(keys, "keys"), i, key) {
		if ((id && !is(key, "kid", id)) || !key_fits(key, algorithm))
			continue;
		r = verify_with(key, token, parts);
		if (r == 0)
			return 0;
	}
	return r;
}

static bool is_for(const json_t *claims, const char *client)
{
	const json_t *audience = json_object_get(claims, "aud");
	bool found = is(claims, "aud", client);

	for (size_t i = 0; i < json_array_size(audience); i++) {
		const char *text = json_string_value(json_array_get(audience, i));

		found |= text && sk_str_eq(text, client);
	}
	/* Among several, we are the one that it was made for. */
	if (json_array_size(audience) > 1 && !json_object_get(claims, "azp"))
		return false;
	return found && (!json_object_get(claims, "azp") || is(claims, "azp", client));
}

static bool time_is(const json_t *claims, const char *name, json_int_t from, json_int_t until)
{
	const json_t *time = json_object_get(claims, name);

	return json_is_integer(time) && json_integer_value(time) >= from && json_integer_value(time) <= until;
}

static int judge(const json_t *claims, const SkIdTokenWish *wish)
{
	const json_int_t now = wish->now / 1000, far = INT64_C(1) << 40;
	const json_t *subject = json_object_get(claims, "sub");

	if (!is(claims, "iss", wish->issuer) || !is(claims, "nonce", wish->nonce) ||
		!is_for(claims, wish->client))
		return -EBADMSG;
	if (!time_is(claims, "exp", now - SKEW_SEC + 1, far) ||
		!time_is(claims, "iat", now - AGE_MAX_SEC, now + SKEW_SEC) ||
		(json_object_get(claims, "nbf") && !time_is(claims, "nbf", 0, now + SKEW_SEC)))
		return -EBADMSG;
	return json_is_string(subject) && json_string_length(subject) > 0 &&
			       json_string_length(subject) <= SUBJECT_MAX &&
			       strlen(json_string_value(subject)) == json_string_length(subject)
		       ? 0
		       : -EBADMSG;
}

int sk_id_token_verify(const char *token, const json_t *keys, const SkIdTokenWish *wish, json_t **ret_claims)
{
	json_auto_t *header = NULL, *claims = NULL;
	const char *end = strchr(token, '.'), *last = end ? strchr(end + 1, '.') : NULL;
	size_t parts[2];
	int r;

	if (!last || strchr(last + 1, '.') || strlen(token) > SK_ID_TOKEN_MAX)
		return -EBADMSG;
	parts[0] = (size_t)(end - token);
	parts[1] = (size_t)(last - end - 1);
	header = read_part(token, parts[0]);
	claims = read_part(end + 1, parts[1]);
	if (!json_is_object(header) || !json_is_object(claims))
		return -EBADMSG;
	r = verify_signature(token, parts, header, keys);
	if (r == 0)
		r = judge(claims, wish);
	if (r == 0)
		*ret_claims = json_incref(claims);
	return r;
}
