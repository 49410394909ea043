/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/uplink/identity.h"
#include "agent/uplink/key.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

typedef struct Fixture {
	char directory[64];
	int fd;
} Fixture;

static int setup(void **state)
{
	Fixture *f = calloc(1, sizeof(*f));

	sk_str_copy(f->directory, sizeof(f->directory), "/tmp/sekisho-identity-XXXXXX");
	if (!mkdtemp(f->directory))
		return -1;
	f->fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->fd < 0 ? -1 : sk_crypt_init();
}

static int teardown(void **state)
{
	Fixture *f = *state;
	char command[128];

	close(f->fd);
	sk_str_format(command, sizeof(command), "rm -r %s", f->directory);
	free(f);
	return system(command);
}

/* Self-signed: who signed it is the business of the connection. */
static char *certificate(EVP_PKEY *key)
{
	X509 *x509 = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long size;

	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), 0);
	X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
	X509_set_pubkey(x509, key);
	assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
	size = BIO_get_mem_data(bio, &data);
	text = sk_str_dup(data, (size_t)size);
	BIO_free(bio);
	X509_free(x509);
	return text;
}

static Identity *make(Fixture *f)
{
	Identity *identity = calloc(1, sizeof(*identity));
	char *pem;

	sk_str_copy(identity->host, sizeof(identity->host), "console.example.org");
	identity->port = 8444;
	sk_str_copy(identity->terminal, sizeof(identity->terminal), "01JABCDEFGHJKMNPQRSTVWXYZ0");
	identity->ca = strdup("-----BEGIN CERTIFICATE-----\n");
	identity_next_key_name(f->fd, identity->key_name);
	assert_int_equal(key_new(f->fd, identity->key_name, false, &identity->key), 0);
	pem = certificate(identity->key);
	assert_int_equal(identity_set_certificate(identity, pem), 0);
	free(pem);
	return identity;
}

static void what_is_stored_is_loaded(void **state)
{
	Fixture *f = *state;
	own_identity Identity *identity = NULL, *loaded = NULL;

	assert_int_equal(identity_load(f->fd, &loaded), -ENOENT);
	identity = make(f);
	assert_int_equal(identity_store(f->fd, identity), 0);
	assert_int_equal(identity_load(f->fd, &loaded), 0);
	assert_string_equal(loaded->host, identity->host);
	assert_string_equal(loaded->terminal, identity->terminal);
	assert_string_equal(loaded->certificate, identity->certificate);
	assert_int_equal(loaded->port, 8444);
	assert_int_equal(loaded->valid_until - loaded->valid_from, 3600);
	assert_int_equal(EVP_PKEY_eq(loaded->key, identity->key), 1);
	assert_false(key_is_in_tpm(loaded->key));
}

static void a_certificate_of_another_key_is_refused(void **state)
{
	Fixture *f = *state;
	own_identity Identity *identity = make(f), *other = make(f);

	assert_int_equal(identity_set_certificate(identity, other->certificate), -EBADMSG);
	assert_int_equal(identity_set_certificate(identity, "no certificate"), -EBADMSG);
}

/* Keys that neither file names are of an attempt that ended. */
static void keys_that_nothing_names_are_removed(void **state)
{
	Fixture *f = *state;
	own_identity Identity *identity = make(f), *pending_identity = make(f), *lost = make(f);
	Pending pending = {.code = "host/0"}, loaded;

	assert_int_equal(identity_store(f->fd, identity), 0);
	sk_str_copy(pending.key_name, sizeof(pending.key_name), pending_identity->key_name);
	assert_int_equal(pending_store(f->fd, &pending), 0);
	identity_sweep(f->fd);
	assert_int_equal(faccessat(f->fd, identity->key_name, F_OK, 0), 0);
	assert_int_equal(faccessat(f->fd, pending.key_name, F_OK, 0), 0);
	assert_int_equal(faccessat(f->fd, lost->key_name, F_OK, 0), -1);
	assert_int_equal(pending_load(f->fd, &loaded), 0);
	assert_string_equal(loaded.code, pending.code);
	identity_forget(f->fd);
	assert_int_equal(pending_load(f->fd, &loaded), -ENOENT);
	assert_int_equal(faccessat(f->fd, identity->key_name, F_OK, 0), -1);
}

static void damaged_files_are_told(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{\"format\": 1}",
		"{\"format\":2,\"host\":\"h\",\"port\":1,\"terminal\":\"t\",\"ca\":\"c\",\"certificate\":"
		"\"x\","
		"\"key\":\"key-1\"}",
		"{\"format\":1,\"host\":\"h\",\"port\":1,\"terminal\":\"t\",\"ca\":\"c\",\"certificate\":"
		"\"x\","
		"\"key\":\"key-/../../etc/passwd\"}",
		"{\"format\":1,\"host\":\"h\",\"port\":70000,\"terminal\":\"t\",\"ca\":\"c\",\"certificate\":"
		"\"x\","
		"\"key\":\"key-1\"}",
		"{\"format\":1,\"host\":\"h\",\"port\":1,\"terminal\":\"t\",\"ca\":\"c\",\"certificate\":"
		"\"x\","
		"\"key\":\"key-99\"}"};
	Fixture *f = *state;
	Identity *identity;

	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		assert_int_equal(
			sk_io_replace_file_at(f->fd, "identity.json", 0600, bad[i], strlen(bad[i])), 0);
		assert_int_equal(identity_load(f->fd, &identity), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_stored_is_loaded, setup, teardown),
		cmocka_unit_test_setup_teardown(a_certificate_of_another_key_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_that_nothing_names_are_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_files_are_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
