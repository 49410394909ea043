/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/uplink/key.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "lib/log/log.h"

#define KEY_FILE_MAX 16384
#define TPM_DEVICE "/dev/tpmrm0"

OWN_DEFINE(EVP_PKEY, EVP_PKEY_free)
OWN_DEFINE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OWN_DEFINE(EVP_MD_CTX, EVP_MD_CTX_free)
OWN_DEFINE(BIO, BIO_free)
OWN_DEFINE(X509_REQ, X509_REQ_free)

static bool use_tpm;

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

bool key_init(void)
{
	/* A provider that was loaded explicitly switches the default one off unless that is loaded too. */
	if (access(TPM_DEVICE, R_OK | W_OK) == 0 && OSSL_PROVIDER_load(NULL, "default") &&
		OSSL_PROVIDER_load(NULL, "tpm2"))
		use_tpm = true;
	return use_tpm;
}

bool key_is_in_tpm(const EVP_PKEY *key)
{
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);

	return provider && sk_str_eq(OSSL_PROVIDER_get0_name(provider), "tpm2");
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

static int generate(const char *properties, EVP_PKEY **ret_key)
{
	own_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", properties);

	if (!context || EVP_PKEY_keygen_init(context) <= 0 ||
		EVP_PKEY_CTX_set_group_name(context, "P-256") <= 0 ||
		EVP_PKEY_generate(context, ret_key) <= 0)
		return fail("a key cannot be made");
	return 0;
}

/* Signs something. A TPM may make keys and then be no good for using them. */
static int try_key(EVP_PKEY *key)
{
	own_(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char signature[256];
	size_t size = sizeof(signature);

	if (!context || EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) <= 0 ||
		EVP_DigestSign(context, signature, &size, (const unsigned char *)"sekisho", 7) <= 0)
		return fail("the key in the TPM cannot sign");
	return 0;
}

static int generate_in_tpm(EVP_PKEY **ret_key)
{
	own_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r = use_tpm ? generate("provider=tpm2", &key) : -ENOTSUP;

	if (r == 0)
		r = try_key(key);
	if (r == 0)
		*ret_key = own_take(key);
	return r;
}

static int store(int dir_fd, const char *name, EVP_PKEY *key)
{
	own_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	own_free char *text = NULL;
	size_t size = 0;
	int r;

	if (!bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return -EIO;
	r = copy_bio(bio, &text, &size);
	if (r == 0)
		r = sk_io_replace_file_at(dir_fd, name, 0600, text, size);
	if (text)
		sk_secret_wipe(text, size);
	return r;
}

int key_new(int dir_fd, const char *name, EVP_PKEY **ret_key)
{
	own_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r = generate_in_tpm(&key);

	/* A TPM that is there and cannot: a key in a file is better than a terminal without a console. */
	if (r < 0)
		r = generate("provider=default", &key);
	if (r == 0)
		r = store(dir_fd, name, key);
	if (r == 0)
		*ret_key = own_take(key);
	return r;
}

int key_load(int dir_fd, const char *name, EVP_PKEY **ret_key)
{
	own_(BIO_freep) BIO *bio = NULL;
	own_free char *text = NULL;
	EVP_PKEY *key;
	size_t size = 0;
	int r = sk_io_read_file_at(dir_fd, name, KEY_FILE_MAX, &text, &size);

	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(text, (int)size);
	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	sk_secret_wipe(text, size);
	if (!key)
		return -EBADMSG;
	*ret_key = key;
	return 0;
}

int key_request(EVP_PKEY *key, char **ret_pem)
{
	own_(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
	own_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME *subject = request ? X509_REQ_get_subject_name(request) : NULL;
	size_t size;

	/* The console decides who this is; the name says only what it is. */
	if (!bio || !subject ||
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
			(const unsigned char *)"sekisho-terminal", -1, -1, 0) != 1 ||
		X509_REQ_set_pubkey(request, key) != 1 || X509_REQ_sign(request, key, EVP_sha256()) <= 0 ||
		PEM_write_bio_X509_REQ(bio, request) != 1)
		return fail("the request for a certificate");
	return copy_bio(bio, ret_pem, &size);
}
