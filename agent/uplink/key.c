/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/uplink/key.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "agent/uplink/key_tpm.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "lib/log/log.h"

#define KEY_FILE_MAX 16384
#define TPM_KEY "SEKISHO TPM2 KEY"

OWN_DEFINE(EVP_PKEY, EVP_PKEY_free)
OWN_DEFINE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OWN_DEFINE(BIO, BIO_free)
OWN_DEFINE(X509_REQ, X509_REQ_free)

/* What OpenSSL has to say goes to the journal. Return: -EIO. */
static int fail(const char *what)
{
	char text[256] = "no reason was given";
	unsigned long error = ERR_peek_last_error();

	if (error)
		ERR_error_string_n(error, text, sizeof(text));
	ERR_clear_error();
	sk_log(LOG_ERR, "%s: %s", what, text);
	return -EIO;
}

int key_init(const char *tpm)
{
	return key_tpm_init(tpm) < 0 ? fail("keys of a TPM cannot be used") : 0;
}

bool key_is_in_tpm(const EVP_PKEY *key)
{
	return key_tpm_is(key);
}

/* What lib/tpm says, for people. */
static const char *text_of(int error)
{
	switch (error) {
	case -ENODEV:
		return "there is no TPM";
	case -EPERM:
		return "this user may not use the TPM";
	case -EACCES:
		return "the TPM has an owner password";
	case -EKEYREJECTED:
		return "the key is not of this TPM, or the TPM was cleared";
	default:
		return "the TPM does not do it";
	}
}

void key_trouble(const EVP_PKEY *key, char ret_text[KEY_TEXT_SIZE])
{
	int r = key_is_in_tpm(key) ? key_tpm_last() : 0;

	sk_str_copy(ret_text, KEY_TEXT_SIZE, r < 0 ? text_of(r) : "");
}

static int copy_bio(BIO *bio, char **ret_text, size_t *ret_size)
{
	char *data, *text;
	long size = BIO_get_mem_data(bio, &data);

	if (size <= 0)
		return -EIO;
	text = malloc((size_t)size + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, data, (size_t)size);
	text[size] = 0;
	*ret_text = text;
	*ret_size = (size_t)size;
	return 0;
}

static int store(int dir_fd, const char *name, BIO *bio)
{
	own_free char *text = NULL;
	size_t size = 0;
	int r = copy_bio(bio, &text, &size);

	if (r == 0)
		r = sk_io_replace_file_at(dir_fd, name, 0600, text, size);
	if (text)
		sk_secret_wipe(text, size);
	return r;
}

static int new_in_tpm(int dir_fd, const char *name, EVP_PKEY **ret_key)
{
	own_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	own_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	SkTpmKey made;
	int r = key_tpm_new(&made);

	if (r == 0)
		r = key_tpm_open(&made, &key);
	if (r == 0 && (!bio || PEM_write_bio(bio, TPM_KEY, "", made.data, made.size) <= 0))
		r = -EIO;
	if (r == 0)
		r = store(dir_fd, name, bio);
	if (r == 0)
		*ret_key = own_take(key);
	return r;
}

static int new_in_file(int dir_fd, const char *name, EVP_PKEY **ret_key)
{
	own_(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
	own_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	int r;

	if (!key || !bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return fail("a key cannot be made");
	r = store(dir_fd, name, bio);
	if (r == 0)
		*ret_key = own_take(key);
	return r;
}

int key_new(int dir_fd, const char *name, bool in_tpm, EVP_PKEY **ret_key)
{
	int r = new_in_tpm(dir_fd, name, ret_key);

	if (r == 0)
		return 0;
	/* No TPM is nothing to tell of. */
	if (in_tpm || r != -ENODEV)
		sk_log(LOG_WARNING, "no key can be made in the TPM: %s", text_of(r));
	/* A TPM that is there and cannot: a key in a file is better than a terminal without a console. */
	return in_tpm ? r : new_in_file(dir_fd, name, ret_key);
}

static int parse_tpm_key(const char *text, size_t size, EVP_PKEY **ret_key)
{
	own_(BIO_freep) BIO *bio = BIO_new_mem_buf(text, (int)size);
	unsigned char *data = NULL;
	char *name = NULL, *header = NULL;
	SkTpmKey key;
	long length = 0;
	int r = bio && PEM_read_bio(bio, &name, &header, &data, &length) == 1 && length > 0 &&
				(size_t)length <= sizeof(key.data)
			? 0
			: -EBADMSG;

	if (r == 0) {
		memcpy(key.data, data, (size_t)length);
		key.size = (uint32_t)length;
		r = key_tpm_open(&key, ret_key);
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(data);
	ERR_clear_error();
	return r;
}

static int parse_key(const char *text, size_t size, EVP_PKEY **ret_key)
{
	own_(BIO_freep) BIO *bio = BIO_new_mem_buf(text, (int)size);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	if (!key) {
		ERR_clear_error();
		return -EBADMSG;
	}
	*ret_key = key;
	return 0;
}

int key_load(int dir_fd, const char *name, EVP_PKEY **ret_key)
{
	own_free char *text = NULL;
	size_t size = 0;
	int r = sk_io_read_file_at(dir_fd, name, KEY_FILE_MAX, &text, &size);

	if (r < 0)
		return r;
	r = sk_str_starts(text, "-----BEGIN " TPM_KEY "-----") ? parse_tpm_key(text, size, ret_key)
							       : parse_key(text, size, ret_key);
	sk_secret_wipe(text, size);
	return r;
}

/* The public half as a key of OpenSSL's own, which it can write. */
static int public_of(EVP_PKEY *key, EVP_PKEY **ret_public)
{
	own_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	unsigned char point[128];
	size_t size = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"prime256v1"}, 0),
		OSSL_PARAM_END, OSSL_PARAM_END};

	if (!context || EVP_PKEY_get_octet_string_param(
				key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &size) <= 0)
		return -EIO;
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, size);
	return EVP_PKEY_fromdata_init(context) > 0 &&
			       EVP_PKEY_fromdata(context, ret_public, EVP_PKEY_PUBLIC_KEY, params) > 0
		       ? 0
		       : -EIO;
}

int key_request(EVP_PKEY *key, char **ret_pem)
{
	own_(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
	own_(EVP_PKEY_freep) EVP_PKEY *public = NULL;
	own_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME *subject = request ? X509_REQ_get_subject_name(request) : NULL;
	size_t size;

	/* The console decides who this is; the name says only what it is. */
	if (!bio || !subject || public_of(key, &public) < 0 ||
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
			(const unsigned char *)"sekisho-terminal", -1, -1, 0) != 1 ||
		X509_REQ_set_pubkey(request, public) != 1 || X509_REQ_sign(request, key, EVP_sha256()) <= 0 ||
		PEM_write_bio_X509_REQ(bio, request) != 1)
		return fail("the request for a certificate");
	return copy_bio(bio, ret_pem, &size);
}
