/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making certificates and lists; ca.c keeps the root. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "console/keys/ca_root.h"
#include "console/store/id.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"

int sk_ca_take_pem(BIO *bio, char **ret_text)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);

	*ret_text = sk_str_dup(data, (size_t)size);
	return *ret_text ? 0 : -ENOMEM;
}

static bool set_time(ASN1_TIME *field, int64_t ms)
{
	return ASN1_TIME_set(field, (time_t)(ms / 1000)) != NULL;
}

/* The first bit is 0 and the next 1: positive, and always 16 bytes long. */
static ASN1_INTEGER *new_serial(char ret_serial[SK_CA_SERIAL_SIZE])
{
	uint8_t bytes[16];
	BIGNUM *number;
	ASN1_INTEGER *serial;

	sk_random_fill(bytes, sizeof(bytes));
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
	sk_hex_format(ret_serial, bytes, sizeof(bytes));
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	serial = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
	BN_free(number);
	return serial;
}

bool sk_ca_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool added;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (!extension)
		return false;
	added = X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool add_name(X509_NAME *name, const char *field, const char *value)
{
	return X509_NAME_add_entry_by_txt(
		       name, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

/* Everything but extensions and signature. */
int sk_ca_begin(
	const SkCaSubject *subject, SkCaPeriod period, char ret_serial[SK_CA_SERIAL_SIZE], X509 **ret_x509)
{
	own_x509 X509 *x509 = X509_new();
	ASN1_INTEGER *serial = new_serial(ret_serial);
	X509_NAME *name = x509 ? X509_get_subject_name(x509) : NULL;
	bool fine = x509 && serial && X509_set_version(x509, X509_VERSION_3) == 1 &&
		    X509_set_serialNumber(x509, serial) == 1 &&
		    set_time(X509_getm_notBefore(x509), period.from) &&
		    set_time(X509_getm_notAfter(x509), period.until) &&
		    X509_set_pubkey(x509, subject->key) == 1;

	ASN1_INTEGER_free(serial);
	if (fine && subject->organisation)
		fine = add_name(name, "O", subject->organisation);
	if (!fine || !add_name(name, "CN", subject->name))
		return -EINVAL;
	if (X509_set_issuer_name(x509, subject->issuer ? X509_get_subject_name(subject->issuer) : name) != 1)
		return -ENOMEM;
	*ret_x509 = own_take(x509);
	return 0;
}

static bool add_extensions(X509 *x509, X509 *root, const char *purpose, const char *names)
{
	return sk_ca_add_extension(x509, root, NID_basic_constraints, "critical,CA:FALSE") &&
	       sk_ca_add_extension(x509, root, NID_key_usage, "critical,digitalSignature") &&
	       sk_ca_add_extension(x509, root, NID_ext_key_usage, purpose) &&
	       sk_ca_add_extension(x509, root, NID_subject_key_identifier, "hash") &&
	       sk_ca_add_extension(x509, root, NID_authority_key_identifier, "keyid:always") &&
	       sk_ca_add_extension(x509, root, NID_subject_alt_name, names);
}

typedef struct Order {
	SkCaSubject subject;
	const char *purpose, *names;
	SkCaPeriod period;
} Order;

/* What the database keeps of it. */
static int describe(X509 *x509, SkCaIssued *issued)
{
	unsigned size = sizeof(issued->fingerprint);
	unsigned char *p = issued->public_key;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), NULL);

	if (length <= 0 || length > SK_CA_PUBLIC_KEY_MAX)
		return -EINVAL;
	issued->public_key_size = (size_t)i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &p);
	return X509_digest(x509, EVP_sha256(), issued->fingerprint, &size) == 1 ? 0 : -ENOMEM;
}

static int issue(SkCa *ca, const Order *order, SkCaIssued *issued)
{
	own_x509 X509 *x509 = NULL;
	own_bio BIO *bio = BIO_new(BIO_s_mem());
	int r = sk_ca_begin(&order->subject, order->period, issued->serial, &x509);

	if (r < 0)
		return r;
	if (!bio || !add_extensions(x509, ca->root, order->purpose, order->names) ||
		X509_sign(x509, ca->key, EVP_sha256()) == 0 || PEM_write_bio_X509(bio, x509) != 1)
		return -ENOMEM;
	r = describe(x509, issued);
	return r < 0 ? r : sk_ca_take_pem(bio, &issued->certificate);
}

int sk_ca_issue_terminal(
	SkCa *ca, const char *terminal_id, const SkCsrKey *key, SkCaPeriod period, SkCaIssued *ret_issued)
{
	char names[64 + SK_ID_SIZE];
	SkCaIssued issued = {0};
	int r;

	if (!sk_id_check(terminal_id))
		return -EINVAL;
	sk_str_format(names, sizeof(names), "URI:urn:sekisho:terminal:%s", terminal_id);
	r = issue(ca,
		&(Order){
			.subject = {.key = key->pkey, .issuer = ca->root, .name = terminal_id},
			.purpose = "clientAuth",
			.names = names,
			.period = period,
		},
		&issued);
	ERR_clear_error();
	if (r == 0)
		*ret_issued = issued;
	return r;
}

/* Letters, digits, dots and hyphens: nothing that means anything to OpenSSL's configuration language. */
static bool is_host_name(const char *name)
{
	size_t size = strlen(name);

	return size > 0 && size <= 253 && name[0] != '.' && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == size;
}

static int format_names(const char *const *names, size_t n_names, char *ret_text, size_t size)
{
	size_t used = 0;

	if (n_names == 0 || n_names > SK_CA_NAMES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n_names; i++) {
		uint8_t address[16];
		bool is_address = inet_pton(AF_INET, names[i], address) == 1 ||
				  inet_pton(AF_INET6, names[i], address) == 1;

		if (!is_address && !is_host_name(names[i]))
			return -EINVAL;
		if (!sk_str_format(ret_text + used, size - used, "%s%s:%s", i ? "," : "",
			    is_address ? "IP" : "DNS", names[i]))
			return -EINVAL;
		used += strlen(ret_text + used);
	}
	return 0;
}

int sk_ca_format_key(EVP_PKEY *key, char **ret_pem)
{
	own_bio BIO *bio = BIO_new(BIO_s_secmem());

	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return -ENOMEM;
	return sk_ca_take_pem(bio, ret_pem);
}

int sk_ca_issue_server(
	SkCa *ca, const char *const *names, size_t n_names, SkCaPeriod period, SkCaIssued *ret_issued)
{
	own_pkey EVP_PKEY *key = EVP_EC_gen("P-256");
	char text[8192];
	SkCaIssued issued = {0};
	int r = key ? format_names(names, n_names, text, sizeof(text)) : -ENOMEM;

	if (r == 0)
		r = issue(ca,
			&(Order){
				/* A name of a host may be longer than a CN; who looks, looks at the names. */
				.subject = {.key = key, .issuer = ca->root, .name = "Sekisho console"},
				.purpose = "serverAuth",
				.names = text,
				.period = period,
			},
			&issued);
	if (r == 0)
		r = sk_ca_format_key(key, &issued.key);
	ERR_clear_error();
	if (r < 0)
		free(issued.certificate);
	else
		*ret_issued = issued;
	return r;
}

static int add_revoked(X509_CRL *crl, const SkCaRevoked *revoked)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *at = ASN1_TIME_new();
	BIGNUM *number = NULL;
	ASN1_INTEGER *serial = NULL;
	bool fine = strlen(revoked->serial) == 32 && strspn(revoked->serial, "0123456789abcdef") == 32 &&
		    BN_hex2bn(&number, revoked->serial) == 32 &&
		    (serial = BN_to_ASN1_INTEGER(number, NULL)) != NULL && entry && at &&
		    set_time(at, revoked->at) && X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
		    X509_REVOKED_set_revocationDate(entry, at) == 1;

	if (fine)
		fine = X509_CRL_add0_revoked(crl, entry) == 1;
	if (!fine)
		X509_REVOKED_free(entry);
	ASN1_TIME_free(at);
	BN_free(number);
	ASN1_INTEGER_free(serial);
	return fine ? 0 : -EINVAL;
}

static bool set_crl_number(X509_CRL *crl, uint64_t number)
{
	ASN1_INTEGER *integer = ASN1_INTEGER_new();
	bool fine = integer && ASN1_INTEGER_set_uint64(integer, number) == 1 &&
		    X509_CRL_add1_ext_i2d(crl, NID_crl_number, integer, 0, 0) == 1;

	ASN1_INTEGER_free(integer);
	return fine;
}

static bool set_head(X509_CRL *crl, const SkCa *ca, const SkCaRevocations *revocations)
{
	ASN1_TIME *time = ASN1_TIME_new();
	bool fine = time && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
		    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->root)) == 1 &&
		    set_time(time, revocations->now) && X509_CRL_set1_lastUpdate(crl, time) == 1 &&
		    set_time(time, revocations->next) && X509_CRL_set1_nextUpdate(crl, time) == 1 &&
		    set_crl_number(crl, revocations->number);

	ASN1_TIME_free(time);
	return fine;
}

int sk_ca_make_crl(SkCa *ca, const SkCaRevocations *revocations, char **ret_crl)
{
	own_x509_crl X509_CRL *crl = X509_CRL_new();
	own_bio BIO *bio = BIO_new(BIO_s_mem());

	if (!crl || !bio || !set_head(crl, ca, revocations))
		return -ENOMEM;
	for (size_t i = 0; i < revocations->count; i++) {
		int r = add_revoked(crl, &revocations->list[i]);

		if (r < 0)
			return r;
	}
	X509_CRL_sort(crl);
	if (X509_CRL_sign(crl, ca->key, EVP_sha256()) == 0 || PEM_write_bio_X509_CRL(bio, crl) != 1)
		return -ENOMEM;
	return sk_ca_take_pem(bio, ret_crl);
}
