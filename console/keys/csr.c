/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/csr.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "console/keys/x509.h"
#include "lib/base/str.h"

bool sk_pkey_is_ours(EVP_PKEY *pkey)
{
	char group[64];
	int spelled_out = 0;

	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC)
		return false;
	if (EVP_PKEY_get_utf8_string_param(pkey, "group", group, sizeof(group), NULL) != 1)
		return false;
	/* A curve given by its numbers may be a weak one that resembles ours. */
	if (EVP_PKEY_get_int_param(pkey, "decoded-from-explicit", &spelled_out) == 1 && spelled_out)
		return false;
	return sk_str_eq(group, "prime256v1") || sk_str_eq(group, "secp384r1");
}

static X509_REQ *parse(const void *csr, size_t size)
{
	static const char begin[] = "-----BEGIN";
	const unsigned char *p = csr;
	X509_REQ *request;

	if (size > sizeof(begin) && memcmp(csr, begin, sizeof(begin) - 1) == 0) {
		own_bio BIO *bio = BIO_new_mem_buf(csr, (int)size);

		return bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	}
	request = d2i_X509_REQ(NULL, &p, (long)size);
	if (request && p != (const unsigned char *)csr + size) {
		X509_REQ_free(request);
		return NULL;
	}
	return request;
}

static bool hash_is_strong(const X509_REQ *request)
{
	const int nid = X509_REQ_get_signature_nid(request);

	return nid == NID_ecdsa_with_SHA256 || nid == NID_ecdsa_with_SHA384 || nid == NID_ecdsa_with_SHA512;
}

static int read_key(const void *csr, size_t size, SkCsrKey **ret_key)
{
	own_x509_req X509_REQ *request = parse(csr, size);
	own_pkey EVP_PKEY *pkey = NULL;

	if (!request)
		return -EBADMSG;
	pkey = X509_REQ_get_pubkey(request);
	if (!pkey || !sk_pkey_is_ours(pkey) || !hash_is_strong(request))
		return -EKEYREJECTED;
	if (X509_REQ_verify(request, pkey) != 1)
		return -EKEYREJECTED;
	/* A compressed point would be written as it came. */
	if (EVP_PKEY_set_utf8_string_param(pkey, "point-format", "uncompressed") != 1)
		return -EKEYREJECTED;
	*ret_key = calloc(1, sizeof(**ret_key));
	if (!*ret_key)
		return -ENOMEM;
	(*ret_key)->pkey = own_take(pkey);
	return 0;
}

int sk_csr_read(const void *csr, size_t size, SkCsrKey **ret_key)
{
	int r;

	if (size > SK_CSR_MAX)
		return -E2BIG;
	r = read_key(csr, size, ret_key);
	ERR_clear_error();
	return r;
}

void sk_csr_key_free(SkCsrKey *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}
