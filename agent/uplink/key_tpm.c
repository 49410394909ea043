/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/uplink/key_tpm.h"

#include <errno.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define PROVIDER "sekisho-tpm"
#define GROUP "prime256v1"
#define PARAM_TPM_KEY "sekisho-tpm-key" /* what sk_tpm_key_new() gave */
#define SIGNATURE_MAX 72

OWN_DEFINE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OWN_DEFINE(ECDSA_SIG, ECDSA_SIG_free)

static const char *tpm_where;
static OSSL_LIB_CTX *library;
static bool there_at_start;
static int last;

/* size of key 0: only the public half, of somebody's certificate. */
typedef struct Key {
	SkTpmKey key;
	uint8_t point[SK_TPM_POINT_SIZE];
	bool has_point;
} Key;

/* {SEQUENCE {OBJECT ecdsa-with-SHA256}} */
static const uint8_t algorithm_id[] = {
	0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

static void *key_make(void *provider)
{
	return calloc(1, sizeof(Key));
}

static void key_free(void *key)
{
	free(key);
}

static int key_has(const void *data, int selection)
{
	const Key *key = data;

	return key && ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0 || key->has_point) &&
	       ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key->key.size > 0);
}

static int key_match(const void *one, const void *other, int selection)
{
	const Key *a = one, *b = other;

	return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0 ||
	       (a->has_point && b->has_point && memcmp(a->point, b->point, sizeof(a->point)) == 0);
}

static int import_tpm_key(Key *key, const OSSL_PARAM *param)
{
	if (param->data_type != OSSL_PARAM_OCTET_STRING || param->data_size > sizeof(key->key.data))
		return 0;
	memcpy(key->key.data, param->data, param->data_size);
	key->key.size = (uint32_t)param->data_size;
	key->has_point = sk_tpm_key_point(&key->key, key->point) == 0;
	return key->has_point;
}

static int key_import(void *data, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *own = OSSL_PARAM_locate_const(params, PARAM_TPM_KEY);
	const OSSL_PARAM *group = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
	const OSSL_PARAM *point = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
	const char *name = NULL;
	Key *key = data;

	if (own)
		return import_tpm_key(key, own);
	if (!group || OSSL_PARAM_get_utf8_string_ptr(group, &name) != 1 ||
		OBJ_txt2nid(name) != NID_X9_62_prime256v1)
		return 0;
	if (!point || point->data_size != sizeof(key->point))
		return 0;
	memcpy(key->point, point->data, sizeof(key->point));
	key->has_point = true;
	return 1;
}

static const OSSL_PARAM *key_import_types(int selection)
{
	static const OSSL_PARAM types[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(PARAM_TPM_KEY, NULL, 0), OSSL_PARAM_END};

	return types;
}

/* Refusing the private half is what brings OpenSSL back here for a signature. */
static int key_export(void *data, int selection, OSSL_CALLBACK *take, void *argument)
{
	Key *key = data;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)GROUP, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, key->point, sizeof(key->point)),
		OSSL_PARAM_construct_end()};

	if (!key->has_point || ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key->key.size > 0))
		return 0;
	return take(params, argument);
}

static const OSSL_PARAM *key_export_types(int selection)
{
	static const OSSL_PARAM types[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0), OSSL_PARAM_END};

	return types;
}

static const OSSL_PARAM *key_gettable(void *provider)
{
	static const OSSL_PARAM types[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0), OSSL_PARAM_END};

	return types;
}

static int key_get(void *data, OSSL_PARAM params[])
{
	static const struct {
		const char *name;
		int number;
		const char *text;
	} values[] = {
		{OSSL_PKEY_PARAM_BITS, 256, NULL},
		{OSSL_PKEY_PARAM_SECURITY_BITS, 128, NULL},
		{OSSL_PKEY_PARAM_MAX_SIZE, SIGNATURE_MAX, NULL},
		{OSSL_PKEY_PARAM_GROUP_NAME, 0, GROUP},
		{OSSL_PKEY_PARAM_DEFAULT_DIGEST, 0, "SHA256"},
	};
	const Key *key = data;
	OSSL_PARAM *param;

	for (size_t i = 0; i < SK_ARRAY_SIZE(values); i++) {
		param = OSSL_PARAM_locate(params, values[i].name);
		if (param && !(values[i].text ? OSSL_PARAM_set_utf8_string(param, values[i].text)
					      : OSSL_PARAM_set_int(param, values[i].number)))
			return 0;
	}
	param = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_PUB_KEY);
	return !param ||
	       (key->has_point && OSSL_PARAM_set_octet_string(param, key->point, sizeof(key->point)));
}

static const char *key_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

typedef struct Signer {
	const Key *key; /* OpenSSL holds it for as long */
	SkSha256 hash;
} Signer;

static void *signer_new(void *provider, const char *properties)
{
	return calloc(1, sizeof(Signer));
}

static void *signer_copy(void *signer)
{
	Signer *copy = calloc(1, sizeof(*copy));

	if (copy)
		*copy = *(const Signer *)signer;
	return copy;
}

static void signer_free(void *signer)
{
	free(signer);
}

static int signer_init(void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
	Signer *signer = data;

	/* A key of the TPM is made for one kind of digest. */
	if (digest && OPENSSL_strcasecmp(digest, "SHA256") != 0 &&
		OPENSSL_strcasecmp(digest, "SHA2-256") != 0)
		return 0;
	sk_sha256_init(&signer->hash);
	signer->key = key;
	return key && signer->key->key.size > 0;
}

/* ret_der: room for SIGNATURE_MAX. */
static int encode(const uint8_t raw[SK_TPM_SIGNATURE_SIZE], unsigned char *ret_der, size_t *ret_size)
{
	own_(ECDSA_SIG_freep) ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
	int size;

	if (!signature || !r || !s || ECDSA_SIG_set0(signature, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return -ENOMEM;
	}
	size = i2d_ECDSA_SIG(signature, &ret_der);
	if (size <= 0)
		return -ENOMEM;
	*ret_size = (size_t)size;
	return 0;
}

static int signer_update(void *data, const unsigned char *text, size_t size)
{
	Signer *signer = data;

	sk_sha256_update(&signer->hash, text, size);
	return 1;
}

static int sign(Signer *signer, uint8_t ret_raw[SK_TPM_SIGNATURE_SIZE])
{
	own_tpm SkTpm *tpm = NULL;
	uint8_t digest[SK_SHA256_SIZE];
	int r = sk_tpm_open(tpm_where, &tpm);

	sk_sha256_final(&signer->hash, digest);
	return r < 0 ? r : sk_tpm_key_sign(tpm, &signer->key->key, digest, ret_raw);
}

static int signer_final(void *data, unsigned char *signature, size_t *ret_size, size_t room)
{
	uint8_t raw[SK_TPM_SIGNATURE_SIZE];

	if (!signature) {
		*ret_size = SIGNATURE_MAX;
		return 1;
	}
	if (room < SIGNATURE_MAX)
		return 0;
	last = sign(data, raw);
	return last == 0 && encode(raw, signature, ret_size) == 0;
}

static int signer_get(void *data, OSSL_PARAM params[])
{
	OSSL_PARAM *param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);

	return !param || OSSL_PARAM_set_octet_string(param, algorithm_id, sizeof(algorithm_id));
}

static const OSSL_PARAM *signer_gettable(void *data, void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0), OSSL_PARAM_END};

	return types;
}

#define FUNCTION(id, function)                                                                               \
	{                                                                                                    \
		id, (void (*)(void))function                                                                 \
	}

static const OSSL_DISPATCH key_functions[] = {
	FUNCTION(OSSL_FUNC_KEYMGMT_NEW, key_make),
	FUNCTION(OSSL_FUNC_KEYMGMT_FREE, key_free),
	FUNCTION(OSSL_FUNC_KEYMGMT_HAS, key_has),
	FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, key_match),
	FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, key_import),
	FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),
	FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT, key_export),
	FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_export_types),
	FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get),
	FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),
	FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation),
	{0, NULL},
};

static const OSSL_DISPATCH signer_functions[] = {
	FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signer_new),
	FUNCTION(OSSL_FUNC_SIGNATURE_DUPCTX, signer_copy),
	FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signer_free),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signer_init),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, signer_update),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, signer_final),
	FUNCTION(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, signer_get),
	FUNCTION(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, signer_gettable),
	{0, NULL},
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = {
		{"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" PROVIDER, key_functions, NULL}, {NULL}};
	static const OSSL_ALGORITHM signers[] = {
		{"ECDSA", "provider=" PROVIDER, signer_functions, NULL}, {NULL}};

	*no_cache = 0;
	return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? signers : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
	void **ret_provider)
{
	static const OSSL_DISPATCH functions[] = {
		FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), {0, NULL}};

	*out = functions;
	*ret_provider = (void *)handle;
	return 1;
}

int key_tpm_init(const char *where)
{
	tpm_where = where;
	there_at_start = sk_tpm_is_there(where);
	sk_tpm_init();
	library = OSSL_LIB_CTX_new();
	if (!library || OSSL_PROVIDER_add_builtin(library, PROVIDER, provider_init) != 1 ||
		!OSSL_PROVIDER_load(library, PROVIDER))
		return -EIO;
	return 0;
}

int key_tpm_new(SkTpmKey *ret_key)
{
	static const uint8_t digest[SK_SHA256_SIZE] = {0};
	uint8_t signature[SK_TPM_SIGNATURE_SIZE];
	own_tpm SkTpm *tpm = NULL;
	int r = library ? sk_tpm_open(tpm_where, &tpm) : -ENODEV;

	if (r == 0)
		r = sk_tpm_key_new(tpm, ret_key);
	/* A chip may make keys and then be no good for using them. */
	return r < 0 ? r : sk_tpm_key_sign(tpm, ret_key, digest, signature);
}

int key_tpm_open(const SkTpmKey *key, EVP_PKEY **ret_key)
{
	own_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *context =
		library ? EVP_PKEY_CTX_new_from_name(library, "EC", NULL) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(PARAM_TPM_KEY, (void *)(uintptr_t)key->data, key->size),
		OSSL_PARAM_construct_end()};

	if (!context || EVP_PKEY_fromdata_init(context) <= 0)
		return -EIO;
	return EVP_PKEY_fromdata(context, ret_key, EVP_PKEY_KEYPAIR, params) > 0 ? 0 : -EBADMSG;
}

bool key_tpm_is(const EVP_PKEY *key)
{
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);

	return provider && sk_str_eq(OSSL_PROVIDER_get0_name(provider), PROVIDER);
}

bool key_tpm_came_late(void)
{
	return !there_at_start && sk_tpm_is_there(tpm_where);
}

int key_tpm_last(void)
{
	return last;
}
