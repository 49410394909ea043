/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/tsa/tsa.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define NONCE_SIZE 16

#if OPENSSL_VERSION_NUMBER < 0x30400000L /* the names of 3.4, where the old ones are deprecated */
#define TS_VERIFY_CTX_set0_store TS_VERIFY_CTX_set_store
#define TS_VERIFY_CTX_set0_imprint TS_VERIFY_CTX_set_imprint
#endif

struct SkTsaRequest {
	TS_REQ *request;
	uint8_t *der;
	size_t size;
};

OWN_DEFINE(X509_STORE, X509_STORE_free)
OWN_DEFINE(X509_ALGOR, X509_ALGOR_free)
OWN_DEFINE(X509, X509_free)
OWN_DEFINE(BIO, BIO_free_all)
OWN_DEFINE(PKCS7, PKCS7_free)
OWN_DEFINE(TS_MSG_IMPRINT, TS_MSG_IMPRINT_free)
OWN_DEFINE(TS_RESP, TS_RESP_free)
OWN_DEFINE(TS_VERIFY_CTX, TS_VERIFY_CTX_free)
OWN_DEFINE(ASN1_INTEGER, ASN1_INTEGER_free)
OWN_DEFINE(BIGNUM, BN_free)

static void say(const char **ret_why, const char *why)
{
	if (ret_why)
		*ret_why = why;
	ERR_clear_error();
}

static int set_imprint(TS_REQ *request, const uint8_t *digest)
{
	own_(TS_MSG_IMPRINT_freep) TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	own_(X509_ALGOR_freep) X509_ALGOR *algorithm = X509_ALGOR_new();

	if (!imprint || !algorithm)
		return -ENOMEM;
	if (!X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) ||
		!TS_MSG_IMPRINT_set_algo(imprint, algorithm) ||
		!TS_MSG_IMPRINT_set_msg(imprint, (unsigned char *)digest, SK_TSA_DIGEST_SIZE) ||
		!TS_REQ_set_msg_imprint(request, imprint))
		return -ENOMEM;
	return 0;
}

static int set_nonce(TS_REQ *request)
{
	uint8_t bytes[NONCE_SIZE];
	own_(BN_freep) BIGNUM *number = NULL;
	own_(ASN1_INTEGER_freep) ASN1_INTEGER *nonce = NULL;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -ENOMEM;
	bytes[0] |= 1; /* never shorter */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	nonce = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
	return nonce && TS_REQ_set_nonce(request, nonce) ? 0 : -ENOMEM;
}

static int make_request(SkTsaRequest *request, const uint8_t *digest)
{
	int r, size;

	request->request = TS_REQ_new();
	if (!request->request || !TS_REQ_set_version(request->request, 1) ||
		!TS_REQ_set_cert_req(request->request, 1))
		return -ENOMEM;
	r = set_imprint(request->request, digest);
	if (r == 0)
		r = set_nonce(request->request);
	if (r < 0)
		return r;
	size = i2d_TS_REQ(request->request, &request->der);
	if (size <= 0)
		return -ENOMEM;
	request->size = (size_t)size;
	return 0;
}

int sk_tsa_request_new(const uint8_t digest[SK_TSA_DIGEST_SIZE], SkTsaRequest **ret_request)
{
	own_tsa_request SkTsaRequest *request = calloc(1, sizeof(*request));
	int r = request ? make_request(request, digest) : -ENOMEM;

	ERR_clear_error();
	if (r < 0)
		return r;
	*ret_request = own_take(request);
	return 0;
}

void sk_tsa_request_free(SkTsaRequest *request)
{
	if (request) {
		TS_REQ_free(request->request);
		OPENSSL_free(request->der);
	}
	free(request);
}

const uint8_t *sk_tsa_request_get_der(const SkTsaRequest *request, size_t *ret_size)
{
	*ret_size = request->size;
	return request->der;
}

static int load_authorities(const char *pem, X509_STORE **ret_store)
{
	own_(BIO_free_allp) BIO *text = BIO_new_mem_buf(pem, -1);
	own_(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
	size_t n = 0;

	if (!text || !store)
		return -ENOMEM;
	for (;; n++) {
		own_(X509_freep) X509 *certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);

		if (!certificate)
			break;
		if (!X509_STORE_add_cert(store, certificate))
			return -ENOMEM;
	}
	if (n == 0)
		return -EINVAL;
	*ret_store = own_take(store);
	return 0;
}

/* "20261122050000.123Z": RFC 3161 asks for UTC. */
static int read_time(TS_TST_INFO *info, int64_t *ret_time)
{
	const ASN1_GENERALIZEDTIME *stamp = TS_TST_INFO_get_time(info);
	struct tm tm = {0};

	if (!stamp || !ASN1_TIME_to_tm(stamp, &tm))
		return -EBADMSG;
	*ret_time = (int64_t)timegm(&tm) * 1000;
	return 0;
}

/* Hands the authorities to what is checked. at: judge the certificates as of then, in s since 1970; 0: now.
 */
static int trust(TS_VERIFY_CTX *context, const char *authorities, time_t at)
{
	X509_STORE *store = NULL;
	int r = load_authorities(authorities, &store);

	if (r < 0)
		return r;
	if (at)
		X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), at);
	TS_VERIFY_CTX_set0_store(context, store);
	TS_VERIFY_CTX_add_flags(context, TS_VFY_SIGNATURE);
	return 0;
}

static int keep_token(TS_RESP *response, SkTsaToken *ret_token)
{
	uint8_t *der = NULL;
	int size = i2d_PKCS7(TS_RESP_get_token(response), &der);
	int r = size > 0 ? read_time(TS_RESP_get_tst_info(response), &ret_token->time) : -ENOMEM;

	if (r == 0 && !(ret_token->der = malloc((size_t)size)))
		r = -ENOMEM;
	if (r == 0) {
		memcpy(ret_token->der, der, (size_t)size);
		ret_token->size = (size_t)size;
	}
	OPENSSL_free(der);
	return r;
}

/* granted or grantedWithMods (RFC 3161, 2.4.2) */
static bool is_granted(TS_RESP *response)
{
	long status = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(response)));

	return (status == TS_STATUS_GRANTED || status == TS_STATUS_GRANTED_WITH_MODS) &&
	       TS_RESP_get_token(response);
}

int sk_tsa_request_accept(const SkTsaRequest *request, SkTsaDer answer, const char *authorities,
	SkTsaToken *ret_token, const char **ret_why)
{
	own_(TS_RESP_freep) TS_RESP *response = NULL;
	own_(TS_VERIFY_CTX_freep) TS_VERIFY_CTX *context = NULL;
	const unsigned char *at = answer.bytes;
	int r;

	say(ret_why, "the answer is too long");
	if (answer.size > SK_TSA_ANSWER_MAX)
		return -EMSGSIZE;
	response = d2i_TS_RESP(NULL, &at, (long)answer.size);
	say(ret_why, "not an answer of a time stamping authority");
	if (!response || at != answer.bytes + answer.size)
		return -EBADMSG;
	say(ret_why, "the authority refused the request");
	if (!is_granted(response))
		return -EACCES;
	context = TS_REQ_to_TS_VERIFY_CTX(request->request, NULL);
	if (!context)
		return -ENOMEM;
	say(ret_why, "the certificates of the authority are no PEM");
	r = trust(context, authorities, 0);
	if (r < 0)
		return r;
	r = TS_RESP_verify_response(context, response);
	say(ret_why, "signature, certificate, digest or nonce are not right");
	if (r != 1)
		return -EKEYREJECTED;
	return keep_token(response, ret_token);
}

/* A kept token outlives the certificates that it was made with: they count as of its own time. */
static int verify_token(
	PKCS7 *token, const uint8_t *digest, const char *authorities, int64_t time, const char **ret_why)
{
	own_(TS_VERIFY_CTX_freep) TS_VERIFY_CTX *context = TS_VERIFY_CTX_new();
	unsigned char *imprint = OPENSSL_memdup(digest, SK_TSA_DIGEST_SIZE);
	int r;

	if (!context || !imprint) {
		OPENSSL_free(imprint);
		return -ENOMEM;
	}
	TS_VERIFY_CTX_set0_imprint(context, imprint, SK_TSA_DIGEST_SIZE); /* keeps it */
	TS_VERIFY_CTX_set_flags(context, TS_VFY_VERSION | TS_VFY_IMPRINT);
	say(ret_why, "the certificates of the authority are no PEM");
	r = trust(context, authorities, (time_t)(time / 1000));
	if (r < 0)
		return r;
	r = TS_RESP_verify_token(context, token);
	say(ret_why, "signature, certificate or digest are not right");
	return r == 1 ? 0 : -EKEYREJECTED;
}

int sk_tsa_token_verify(SkTsaDer der, const uint8_t digest[SK_TSA_DIGEST_SIZE], const char *authorities,
	int64_t *ret_time, const char **ret_why)
{
	own_(PKCS7_freep) PKCS7 *token = NULL;
	const unsigned char *at = der.bytes;
	TS_TST_INFO *info;
	int64_t time = 0;
	int r;

	say(ret_why, "not a time stamp");
	if (der.size > SK_TSA_ANSWER_MAX)
		return -EMSGSIZE;
	token = d2i_PKCS7(NULL, &at, (long)der.size);
	if (!token || at != der.bytes + der.size)
		return -EBADMSG;
	info = PKCS7_to_TS_TST_INFO(token);
	r = info ? read_time(info, &time) : -EBADMSG;
	TS_TST_INFO_free(info);
	if (r == 0)
		r = verify_token(token, digest, authorities, time, ret_why);
	if (r == 0)
		*ret_time = time;
	return r;
}
