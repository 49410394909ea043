/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/passkey_verify.h"

#include <errno.h>
#include <string.h>

#include <cbor.h>
#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <jansson.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/digest.h"

/* libcbor frees what is nested by calling itself: what is longer than any attestation is not read. */
#define ATTESTATION_MAX 8192

/* The fixed beginning of what an authenticator says: digest of the party, flags, counter. */
#define DATA_MIN (SK_SHA256_SIZE + 1 + 4)
#define FLAG_PRESENT 0x01
#define FLAG_VERIFIED 0x04
#define FLAG_KEY 0x40

/* Behind the beginning of a new key: what made it, the size of the handle, the handle. */
#define MAKER_SIZE 16
#define KEY_MIN (DATA_MIN + MAKER_SIZE + 2)

static const struct {
	int algorithm;
	const char *name;
} algorithms[] = {{COSE_ES256, "ES256"}, {COSE_EDDSA, "EdDSA"}, {COSE_RS256, "RS256"}};

const char *sk_passkey_algorithm_name(int algorithm)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(algorithms); i++)
		if (algorithms[i].algorithm == algorithm)
			return algorithms[i].name;
	return NULL;
}

int sk_passkey_algorithm(const char *name)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(algorithms); i++)
		if (sk_str_eq(algorithms[i].name, name))
			return algorithms[i].algorithm;
	return 0;
}

/* ---- client data ---- */

static bool is_text(const json_t *object, const char *name, const char *wanted)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) && json_string_length(value) == strlen(wanted) &&
	       memcmp(json_string_value(value), wanted, strlen(wanted)) == 0;
}

int sk_passkey_client_data(const SkPasskeyParty *party, const char *ceremony, SkBytes json,
	uint8_t ret_challenge[SK_PASSKEY_CHALLENGE_SIZE])
{
	json_auto_t *object = json_loadb(json.data, json.size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *challenge = json_object_get(object, "challenge");
	uint8_t bytes[SK_PASSKEY_CHALLENGE_SIZE + 3];
	size_t size = 0;

	/* Inside a frame of another site somebody might be led to sign what they do not see. */
	if (!is_text(object, "type", ceremony) || !is_text(object, "origin", party->origin) ||
		json_is_true(json_object_get(object, "crossOrigin")) || json_object_get(object, "topOrigin"))
		return -EBADMSG;
	if (!json_is_string(challenge) || json_string_length(challenge) != 43 ||
		sk_base64url_parse(json_string_value(challenge), 43, bytes, &size) < 0 ||
		size != SK_PASSKEY_CHALLENGE_SIZE)
		return -EBADMSG;
	memcpy(ret_challenge, bytes, SK_PASSKEY_CHALLENGE_SIZE);
	return 0;
}

/* ---- what both ceremonies share ---- */

/* The number behind the first byte of an item. Return: the bytes that it takes, or 0: none, or without end.
 */
static size_t read_number(const uint8_t *bytes, size_t size, uint64_t *ret_number)
{
	const unsigned info = bytes[0] & 31;
	const size_t extra = info < 24 ? 0 : (size_t)1 << (info - 24);
	uint64_t number = info;

	if (info > 27 || extra >= size)
		return 0;
	for (size_t i = 0; i < extra; i++)
		number = (i == 0 ? 0 : number << 8) | bytes[1 + i];
	*ret_number = number;
	return 1 + extra;
}

/*
 * libcbor takes memory for as many items as a list says that it has, and libfido2 hands it what
 * authenticators say. Each item takes a byte, so lists of more items than there are bytes are none.
 */
static bool promises_hold(const uint8_t *bytes, size_t size)
{
	uint64_t promised = 0, number = 0;

	for (size_t at = 0; at < size;) {
		const unsigned kind = bytes[at] >> 5;
		size_t head = read_number(bytes + at, size - at, &number);

		if (head == 0)
			return false;
		at += head;
		if (kind >= 2 && kind <= 5 && number > size - at)
			return false;
		if (kind == 2 || kind == 3)
			at += number;
		promised += kind == 4 ? number : kind == 5 ? 2 * number : 0;
		if (promised > size)
			return false;
	}
	return true;
}

/* What is CBOR behind the fixed beginning: a key, extensions. */
static bool rest_is_bounded(const uint8_t *bytes, size_t size)
{
	size_t from = DATA_MIN;

	if (bytes[SK_SHA256_SIZE] & FLAG_KEY) {
		if (size < KEY_MIN)
			return false;
		from = KEY_MIN + (size_t)(bytes[KEY_MIN - 2] << 8 | bytes[KEY_MIN - 1]);
	}
	return from <= size && promises_hold(bytes + from, size - from);
}

/* libfido2 looks at these, too; a kind of attestation that it does not judge must not be a way around. */
static bool data_is_of(const SkPasskeyParty *party, SkBytes data, uint8_t flags)
{
	const uint8_t *bytes = data.data;
	uint8_t digest[SK_SHA256_SIZE];

	sk_sha256(digest, party->rp_id, strlen(party->rp_id));
	flags |= FLAG_PRESENT | FLAG_VERIFIED;
	return data.size >= DATA_MIN && memcmp(bytes, digest, sizeof(digest)) == 0 &&
	       (bytes[SK_SHA256_SIZE] & flags) == flags && rest_is_bounded(bytes, data.size);
}

static int error_of(int fido)
{
	return fido == FIDO_OK ? 0 : fido == FIDO_ERR_INTERNAL ? -ENOMEM : -EBADMSG;
}

/* ---- a new key ---- */

static void free_item(cbor_item_t **item)
{
	if (*item)
		cbor_decref(item);
}
#define own_item own_(free_item)

static void free_cred(fido_cred_t **cred)
{
	fido_cred_free(cred);
}
#define own_cred own_(free_cred)

typedef struct Attestation {
	char format[16];
	cbor_item_t *statement; /* these two inside of the object */
	SkBytes data;
} Attestation;

static bool key_is(const cbor_item_t *key, const char *name)
{
	return cbor_isa_string(key) && cbor_string_is_definite(key) &&
	       cbor_string_length(key) == strlen(name) &&
	       memcmp(cbor_string_handle(key), name, strlen(name)) == 0;
}

static int take_pair(const struct cbor_pair *pair, Attestation *attestation)
{
	const cbor_item_t *value = pair->value;

	if (key_is(pair->key, "fmt") && cbor_isa_string(value) && cbor_string_is_definite(value) &&
		cbor_string_length(value) < sizeof(attestation->format) && !attestation->format[0])
		memcpy(attestation->format, cbor_string_handle(value), cbor_string_length(value));
	else if (key_is(pair->key, "attStmt") && cbor_isa_map(value) && !attestation->statement)
		attestation->statement = pair->value;
	else if (key_is(pair->key, "authData") && cbor_isa_bytestring(value) &&
		 cbor_bytestring_is_definite(value) && !attestation->data.data)
		attestation->data = (SkBytes){cbor_bytestring_handle(value), cbor_bytestring_length(value)};
	else
		return -EBADMSG;
	return 0;
}

static int read_attestation(const cbor_item_t *object, Attestation *ret_attestation)
{
	Attestation attestation = {.statement = NULL};
	int r = 0;

	if (!cbor_isa_map(object) || !cbor_map_is_definite(object) || cbor_map_size(object) != 3)
		return -EBADMSG;
	for (size_t i = 0; i < 3 && r == 0; i++)
		r = take_pair(&cbor_map_handle(object)[i], &attestation);
	if (r == 0)
		*ret_attestation = attestation;
	return r;
}

static int set_statement(fido_cred_t *cred, const Attestation *attestation)
{
	unsigned char *bytes = NULL;
	size_t room = 0, size = cbor_serialize_alloc(attestation->statement, &bytes, &room);
	int r = size > 0 ? fido_cred_set_attstmt(cred, bytes, size) : FIDO_ERR_INTERNAL;

	free(bytes);
	return error_of(r);
}

/* Signed by a certificate of the maker, or by the new key itself; libfido2 knows which was set. */
static int verify_packed(fido_cred_t *cred, const Attestation *attestation)
{
	int r = set_statement(cred, attestation);

	if (r < 0)
		return r;
	return error_of(fido_cred_x5c_ptr(cred) ? fido_cred_verify(cred) : fido_cred_verify_self(cred));
}

static int fill(
	fido_cred_t *cred, const SkPasskeyParty *party, SkBytes client_data, const Attestation *attestation)
{
	uint8_t digest[SK_SHA256_SIZE];
	int r;

	sk_sha256(digest, client_data.data, client_data.size);
	r = fido_cred_set_rp(cred, party->rp_id, NULL);
	if (r == FIDO_OK)
		r = fido_cred_set_clientdata_hash(cred, digest, sizeof(digest));
	if (r == FIDO_OK)
		r = fido_cred_set_uv(cred, FIDO_OPT_TRUE);
	if (r == FIDO_OK)
		r = fido_cred_set_fmt(cred, attestation->format);
	if (r == FIDO_OK)
		r = fido_cred_set_authdata_raw(cred, attestation->data.data, attestation->data.size);
	return error_of(r);
}

static int take_key(const fido_cred_t *cred, int algorithm, SkPasskey *ret_passkey)
{
	size_t handle_size = fido_cred_id_len(cred), key_size = fido_cred_pubkey_len(cred);

	if (handle_size == 0 || handle_size > sizeof(ret_passkey->handle) || key_size == 0 ||
		key_size > sizeof(ret_passkey->key))
		return -EBADMSG;
	*ret_passkey = (SkPasskey){.handle_size = handle_size,
		.algorithm = algorithm,
		.key_size = key_size,
		.counter = fido_cred_sigcount(cred)};
	memcpy(ret_passkey->handle, fido_cred_id_ptr(cred), handle_size);
	memcpy(ret_passkey->key, fido_cred_pubkey_ptr(cred), key_size);
	return 0;
}

/* libfido2 has to be told the kind of the key before it reads it. */
static int attest_as(int algorithm, const SkPasskeyParty *party, SkBytes client_data,
	const Attestation *attestation, SkPasskey *ret_passkey)
{
	own_cred fido_cred_t *cred = fido_cred_new();
	int r = cred ? error_of(fido_cred_set_type(cred, algorithm)) : -ENOMEM;

	if (r == 0)
		r = fill(cred, party, client_data, attestation);
	if (r == 0 && sk_str_eq(attestation->format, "packed"))
		r = verify_packed(cred, attestation);
	else if (r == 0 &&
		 (!sk_str_eq(attestation->format, "none") || cbor_map_size(attestation->statement) != 0))
		r = -EBADMSG;
	return r < 0 ? r : take_key(cred, algorithm, ret_passkey);
}

int sk_passkey_attest(
	const SkPasskeyParty *party, SkBytes client_data, SkBytes attestation, SkPasskey *ret_passkey)
{
	struct cbor_load_result result;
	own_item cbor_item_t *object = NULL;
	Attestation read;
	int r = -EBADMSG;

	if (attestation.size > ATTESTATION_MAX || !promises_hold(attestation.data, attestation.size))
		return -EBADMSG;
	object = cbor_load(attestation.data, attestation.size, &result);
	if (!object || result.read != attestation.size || read_attestation(object, &read) < 0 ||
		!data_is_of(party, read.data, FLAG_KEY))
		return -EBADMSG;
	for (size_t i = 0; i < SK_ARRAY_SIZE(algorithms) && r == -EBADMSG; i++)
		r = attest_as(algorithms[i].algorithm, party, client_data, &read, ret_passkey);
	return r;
}

/* ---- an old key ---- */

static void free_assert(fido_assert_t **assertion)
{
	fido_assert_free(assertion);
}
#define own_assert own_(free_assert)

static int verify_es256(const fido_assert_t *assertion, const SkPasskey *passkey)
{
	es256_pk_t *key = es256_pk_new();
	int r = key ? es256_pk_from_ptr(key, passkey->key, passkey->key_size) : FIDO_ERR_INTERNAL;

	if (r == FIDO_OK)
		r = fido_assert_verify(assertion, 0, COSE_ES256, key);
	es256_pk_free(&key);
	return r;
}

static int verify_eddsa(const fido_assert_t *assertion, const SkPasskey *passkey)
{
	eddsa_pk_t *key = eddsa_pk_new();
	int r = key ? eddsa_pk_from_ptr(key, passkey->key, passkey->key_size) : FIDO_ERR_INTERNAL;

	if (r == FIDO_OK)
		r = fido_assert_verify(assertion, 0, COSE_EDDSA, key);
	eddsa_pk_free(&key);
	return r;
}

static int verify_rs256(const fido_assert_t *assertion, const SkPasskey *passkey)
{
	rs256_pk_t *key = rs256_pk_new();
	int r = key ? rs256_pk_from_ptr(key, passkey->key, passkey->key_size) : FIDO_ERR_INTERNAL;

	if (r == FIDO_OK)
		r = fido_assert_verify(assertion, 0, COSE_RS256, key);
	rs256_pk_free(&key);
	return r;
}

static int verify_with(const fido_assert_t *assertion, const SkPasskey *passkey)
{
	switch (passkey->algorithm) {
	case COSE_ES256:
		return error_of(verify_es256(assertion, passkey));
	case COSE_EDDSA:
		return error_of(verify_eddsa(assertion, passkey));
	case COSE_RS256:
		return error_of(verify_rs256(assertion, passkey));
	default:
		return -EBADMSG;
	}
}

static int fill_assertion(fido_assert_t *assertion, const SkPasskeyParty *party, const SkPasskeyProof *proof)
{
	uint8_t digest[SK_SHA256_SIZE];
	int r = fido_assert_set_count(assertion, 1);

	sk_sha256(digest, proof->client_data.data, proof->client_data.size);
	if (r == FIDO_OK)
		r = fido_assert_set_rp(assertion, party->rp_id);
	if (r == FIDO_OK)
		r = fido_assert_set_clientdata_hash(assertion, digest, sizeof(digest));
	if (r == FIDO_OK)
		r = fido_assert_set_up(assertion, FIDO_OPT_TRUE);
	if (r == FIDO_OK)
		r = fido_assert_set_uv(assertion, FIDO_OPT_TRUE);
	if (r == FIDO_OK)
		r = fido_assert_set_authdata_raw(
			assertion, 0, proof->authenticator_data.data, proof->authenticator_data.size);
	if (r == FIDO_OK)
		r = fido_assert_set_sig(assertion, 0, proof->signature.data, proof->signature.size);
	return error_of(r);
}

int sk_passkey_assert(const SkPasskeyParty *party, const SkPasskey *passkey, const SkPasskeyProof *proof,
	uint32_t *ret_counter)
{
	own_assert fido_assert_t *assertion = NULL;
	int r;

	if (!data_is_of(party, proof->authenticator_data, 0))
		return -EBADMSG;
	assertion = fido_assert_new();
	r = assertion ? fill_assertion(assertion, party, proof) : -ENOMEM;
	if (r == 0)
		r = verify_with(assertion, passkey);
	if (r == 0)
		*ret_counter = fido_assert_sigcount(assertion, 0);
	return r;
}
