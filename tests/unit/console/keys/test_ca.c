/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the authority issues is judged by OpenSSL's own command line; requests are made by it. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "console/keys/ca.h"
#include "console/store/time.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define TERMINAL "01J0000000000000000TERM1NA"
#define DAY (INT64_C(24) * 3600 * 1000)

static char directory[64];
static SkCa *ca;

static int shell(const char *command)
{
	char text[2048];

	sk_str_format(text, sizeof(text), "cd %s && (%s) > out 2>&1", directory, command);
	return system(text);
}

static void write_file(const char *name, const char *text)
{
	char path[160];
	FILE *file;

	sk_str_format(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static void assert_out_has(const char *words)
{
	char path[160];
	own_free char *text = NULL;
	size_t size;

	sk_str_format(path, sizeof(path), "%s/out", directory);
	assert_int_equal(sk_io_read_file_at(AT_FDCWD, path, 65536, &text, &size), 0);
	if (!strstr(text, words))
		fprintf(stderr, "no \"%s\" in: %s\n", words, text);
	assert_non_null(strstr(text, words));
}

static int read_csr(const char *name, SkCsrKey **ret_key)
{
	char path[160];
	own_free char *text = NULL;
	size_t size;

	sk_str_format(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(sk_io_read_file_at(AT_FDCWD, path, 65536, &text, &size), 0);
	return sk_csr_read(text, size, ret_key);
}

static SkCaPeriod period(void)
{
	return (SkCaPeriod){sk_time_now() - 1000, sk_time_now() + DAY};
}

static int init(void **state)
{
	char path[160];

	sk_str_copy(directory, sizeof(directory), "/tmp/sekisho-ca-XXXXXX");
	if (sk_crypt_init() < 0 || !mkdtemp(directory))
		return -1;
	sk_str_format(path, sizeof(path), "%s/ca", directory);
	if (mkdir(path, 0700) < 0 || sk_ca_create(path, "\xE5\x8C\xBB\xE9\x99\xA2 & Co", 10, &ca) < 0)
		return -1;
	write_file("ca.pem", sk_ca_certificate(ca));
	return shell("openssl ecparam -name prime256v1 -genkey -noout -out t.key &&"
		     "openssl req -new -key t.key -subj '/CN=admin/O=anybody' -addext "
		     "subjectAltName=URI:urn:sekisho:terminal:OTHER -out t.csr &&"
		     "openssl req -in t.csr -outform DER -out t.der");
}

static int deinit(void **state)
{
	char command[128];

	sk_ca_free(ca);
	sk_str_format(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static void issue_terminal(SkCaIssued *ret_issued)
{
	own_csr_key SkCsrKey *key = NULL;

	assert_int_equal(read_csr("t.csr", &key), 0);
	assert_int_equal(sk_ca_issue_terminal(ca, TERMINAL, key, period(), ret_issued), 0);
	write_file("t.pem", ret_issued->certificate);
}

static void a_terminal_is_who_we_say(void **state)
{
	SkCaIssued issued;

	issue_terminal(&issued);
	assert_int_equal(shell("openssl verify -CAfile ca.pem -purpose sslclient -x509_strict t.pem"), 0);
	assert_int_not_equal(shell("openssl verify -CAfile ca.pem -purpose sslserver t.pem"), 0);
	assert_int_equal(shell("openssl x509 -in t.pem -noout -text"), 0);
	assert_out_has("URI:urn:sekisho:terminal:" TERMINAL);
	assert_out_has("Subject: CN = " TERMINAL);
	assert_out_has("TLS Web Client Authentication");
	assert_out_has("CA:FALSE");
	assert_out_has("ecdsa-with-SHA256");
	assert_int_not_equal(shell("openssl x509 -in t.pem -noout -text | grep -E 'OTHER|admin|anybody'"), 0);
	assert_int_equal(shell("openssl x509 -in t.pem -noout -pubkey > a && openssl ec -in t.key -pubout > "
			       "b 2> /dev/null"
			       " && cmp a b"),
		0);
	assert_int_equal(issued.public_key_size, 91);
	free(issued.certificate);
}

static void a_server_has_its_names(void **state)
{
	static const char *const names[] = {"console.clinic.example", "192.0.2.7", "2001:db8::7"};
	SkCaIssued issued;

	assert_int_equal(sk_ca_issue_server(ca, names, 3, period(), &issued), 0);
	write_file("s.pem", issued.certificate);
	write_file("s.key", issued.key);
	assert_int_equal(shell("openssl verify -CAfile ca.pem -purpose sslserver -verify_hostname "
			       "console.clinic.example s.pem"),
		0);
	assert_int_equal(shell("openssl verify -CAfile ca.pem -verify_ip 2001:db8::7 s.pem"), 0);
	assert_int_not_equal(shell("openssl verify -CAfile ca.pem -verify_hostname other.example s.pem"), 0);
	assert_int_equal(shell("openssl x509 -in s.pem -noout -pubkey > a && openssl pkey -in s.key -pubout "
			       "> b && cmp a b"),
		0);
	free(issued.certificate);
	free(issued.key);
}

static void names_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "a b", "a,DNS:b", "-a", ".a", "a\nb", "a@b", "URI:x", "\xE3\x81\x82"};
	SkCaIssued issued;
	own_csr_key SkCsrKey *key = NULL;

	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		assert_int_equal(sk_ca_issue_server(ca, &bad[i], 1, period(), &issued), -EINVAL);
	assert_int_equal(sk_ca_issue_server(ca, bad, 0, period(), &issued), -EINVAL);
	assert_int_equal(read_csr("t.der", &key), 0);
	assert_int_equal(sk_ca_issue_terminal(ca, "x,CA:TRUE", key, period(), &issued), -EINVAL);
}

static void revoked_ones_are_on_the_list(void **state)
{
	SkCaIssued kept, gone;
	SkCaRevocations revocations = {
		.count = 1, .number = 7, .now = sk_time_now(), .next = sk_time_now() + DAY};
	own_free char *crl = NULL, *none = NULL;
	SkCaRevoked revoked = {.at = sk_time_now()};

	issue_terminal(&kept);
	issue_terminal(&gone);
	sk_str_copy(revoked.serial, sizeof(revoked.serial), gone.serial);
	revocations.list = &revoked;
	assert_int_equal(sk_ca_make_crl(ca, &revocations, &crl), 0);
	write_file("crl.pem", crl);
	write_file("kept.pem", kept.certificate);
	write_file("gone.pem", gone.certificate);
	assert_int_equal(shell("openssl verify -CAfile ca.pem -CRLfile crl.pem -crl_check kept.pem"), 0);
	assert_int_not_equal(shell("openssl verify -CAfile ca.pem -CRLfile crl.pem -crl_check gone.pem"), 0);
	assert_out_has("certificate revoked");
	sk_str_copy(revoked.serial, sizeof(revoked.serial), "xyz");
	assert_int_equal(sk_ca_make_crl(ca, &revocations, &none), -EINVAL);
	free(kept.certificate);
	free(gone.certificate);
}

/* Each is made by a command, and refused. */
static void requests_of_other_kinds_are_refused(void **state)
{
	static const struct {
		const char *command;
		int error;
	} cases[] = {
		{"openssl req -new -newkey rsa:2048 -nodes -keyout k -subj /CN=a -out c", -EKEYREJECTED},
		{"openssl req -new -newkey ed25519 -nodes -keyout k -subj /CN=a -out c", -EKEYREJECTED},
		{"openssl ecparam -name secp256k1 -genkey -noout -out k && openssl req -new -key k -subj "
		 "/CN=a -out c",
			-EKEYREJECTED},
		{"openssl ecparam -name prime256v1 -param_enc explicit -genkey -noout -out k && "
		 "openssl req -new -key k -subj /CN=a -out c",
			-EKEYREJECTED},
		{"openssl req -new -key t.key -sha1 -subj /CN=a -out c", -EKEYREJECTED},
		{"head -c 200 t.der > c", -EBADMSG},
		{"(cat t.der; printf x) > c", -EBADMSG},
		{"cp ca.pem c", -EBADMSG},
		{"printf '' > c", -EBADMSG},
		{"head -c 9000 /dev/zero > c", -E2BIG},
		{"python3 -c \"d=bytearray(open('t.der','rb').read());d[-1]^=1;open('c','wb').write(d)\"",
			-EKEYREJECTED},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		SkCsrKey *key = NULL;

		assert_int_equal(shell(cases[i].command), 0);
		assert_int_equal(read_csr("c", &key), cases[i].error);
		assert_null(key);
	}
	own_csr_key SkCsrKey *key = NULL;

	assert_int_equal(shell("openssl ecparam -name secp384r1 -genkey -noout -out k && "
			       "openssl req -new -key k -sha384 -subj /CN=a -out c"),
		0);
	assert_int_equal(read_csr("c", &key), 0);
}

static void the_root_comes_back(void **state)
{
	char path[160], key_path[160];
	SkCa *again = NULL;
	uint8_t a[32], b[32];
	struct stat st;

	sk_str_format(path, sizeof(path), "%s/ca", directory);
	assert_int_equal(sk_ca_create(path, "x", 1, &again), -EEXIST);
	assert_int_equal(sk_ca_open(path, &again), 0);
	assert_string_equal(sk_ca_certificate(again), sk_ca_certificate(ca));
	sk_ca_fingerprint(ca, a);
	sk_ca_fingerprint(again, b);
	assert_memory_equal(a, b, sizeof(a));
	sk_ca_free(own_take(again));
	sk_str_format(key_path, sizeof(key_path), "%s/ca.key", path);
	assert_int_equal(stat(key_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(
		shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca/ca.key"), 0);
	assert_int_equal(sk_ca_open(path, &again), -EBADMSG);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(sk_ca_open(path, &again), -EPERM);
	assert_int_equal(sk_ca_open("/nonexistent", &again), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_is_who_we_say),
		cmocka_unit_test(a_server_has_its_names),
		cmocka_unit_test(names_that_are_none_are_refused),
		cmocka_unit_test(revoked_ones_are_on_the_list),
		cmocka_unit_test(requests_of_other_kinds_are_refused),
		cmocka_unit_test(the_root_comes_back),
	};

	return cmocka_run_group_tests(tests, init, deinit);
}
