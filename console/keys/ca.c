/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <fcntl.h>

#include "console/keys/ca_root.h"
#include "console/keys/keystore_kind.h"
#include "console/store/time.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define KEY_FILE "ca.key"
#define ROOT_FILE "ca.pem"
#define FILE_MAX 16384
#define YEAR (INT64_C(365) * 24 * 3600 * 1000)
#define SKEW (INT64_C(5) * 60 * 1000) /* clocks of clinics */

void sk_ca_free(SkCa *ca)
{
	if (!ca)
		return;
	EVP_PKEY_free(ca->key);
	X509_free(ca->root);
	free(ca->pem);
	free(ca);
}

static int make_root(SkCa *ca, const char *organisation, unsigned years)
{
	const SkCaSubject subject = {
		.key = ca->key, .organisation = organisation, .name = "Sekisho console root"};
	const int64_t now = sk_time_now();
	own_bio BIO *bio = BIO_new(BIO_s_mem());
	char serial[SK_CA_SERIAL_SIZE];
	int r = sk_ca_begin(&subject, (SkCaPeriod){now - SKEW, now + years * YEAR}, serial, &ca->root);

	if (r < 0)
		return r;
	if (!bio ||
		!sk_ca_add_extension(
			ca->root, ca->root, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
		!sk_ca_add_extension(ca->root, ca->root, NID_key_usage, "critical,keyCertSign,cRLSign") ||
		!sk_ca_add_extension(ca->root, ca->root, NID_subject_key_identifier, "hash") ||
		X509_sign(ca->root, ca->key, EVP_sha256()) == 0 || PEM_write_bio_X509(bio, ca->root) != 1)
		return -ENOMEM;
	return sk_ca_take_pem(bio, &ca->pem);
}

/* The certificate last: a key without it is a creation that was cut short, and is made anew. */
static int write_root(const SkCa *ca, int dir_fd)
{
	own_free char *key = NULL;
	int r = sk_ca_format_key(ca->key, &key);

	if (r == 0)
		r = sk_epoch_file_write(dir_fd, KEY_FILE, key, strlen(key));
	if (key)
		sk_secret_wipe(key, strlen(key));
	return r < 0 ? r : sk_epoch_file_write(dir_fd, ROOT_FILE, ca->pem, strlen(ca->pem));
}

int sk_ca_create(const char *directory, const char *organisation, unsigned years, SkCa **ret_ca)
{
	own_fd int dir_fd = sk_key_dir_open(directory);
	own_ca SkCa *ca = NULL;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	if (years == 0 || years > 100)
		return -EINVAL;
	if (faccessat(dir_fd, ROOT_FILE, F_OK, 0) == 0)
		return -EEXIST;
	r = sk_epoch_file_destroy(dir_fd, KEY_FILE);
	if (r < 0)
		return r;
	ca = calloc(1, sizeof(*ca));
	if (!ca || !(ca->key = EVP_EC_gen("P-256")))
		return -ENOMEM;
	r = make_root(ca, organisation, years);
	ERR_clear_error();
	if (r == 0)
		r = write_root(ca, dir_fd);
	if (r < 0)
		return r;
	*ret_ca = own_take(ca);
	return 0;
}

static int read_key(SkCa *ca, int dir_fd)
{
	own_free char *pem = NULL;
	own_bio BIO *bio = NULL;
	size_t size;
	int r = sk_io_read_file_at(dir_fd, KEY_FILE, FILE_MAX, &pem, &size);

	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(pem, (int)size);
	ca->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	sk_secret_wipe(pem, size);
	return ca->key && sk_pkey_is_ours(ca->key) ? 0 : -EBADMSG;
}

static int read_root(SkCa *ca, int dir_fd)
{
	own_bio BIO *bio = NULL;
	size_t size;
	int r = sk_io_read_file_at(dir_fd, ROOT_FILE, FILE_MAX, &ca->pem, &size);

	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(ca->pem, (int)size);
	ca->root = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (!ca->root || X509_check_private_key(ca->root, ca->key) != 1)
		return -EBADMSG;
	return 0;
}

int sk_ca_open(const char *directory, SkCa **ret_ca)
{
	own_fd int dir_fd = sk_key_dir_open(directory);
	own_ca SkCa *ca = NULL;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	ca = calloc(1, sizeof(*ca));
	if (!ca)
		return -ENOMEM;
	r = read_key(ca, dir_fd);
	if (r == 0)
		r = read_root(ca, dir_fd);
	ERR_clear_error();
	if (r < 0)
		return r;
	*ret_ca = own_take(ca);
	return 0;
}

const char *sk_ca_certificate(const SkCa *ca)
{
	return ca->pem;
}

void sk_ca_fingerprint(const SkCa *ca, uint8_t ret_fingerprint[32])
{
	unsigned size = 32;

	X509_digest(ca->root, EVP_sha256(), ret_fingerprint, &size);
}
