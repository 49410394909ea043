/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/slip/slip.h"
#include "tests/unit/unit.h"

typedef struct Party {
	SkDsseSigner signer;
	SkDsseKey key;
} Party;

static Party console, terminal, stranger;

static void make(Party *party, uint8_t seed)
{
	uint8_t bytes[SK_SIGN_SEED_SIZE];

	memset(bytes, seed, sizeof(bytes));
	assert_int_equal(sk_sign_key_new(bytes, &party->signer.key, party->key.public_key), 0);
	sk_dsse_key_id(party->key.public_key, party->key.id);
	strcpy(party->signer.id, party->key.id);
}

static int begin(void **state)
{
	if (sk_crypt_init() < 0)
		return -1;
	make(&console, 1);
	make(&terminal, 2);
	make(&stranger, 3);
	return 0;
}

static int end(void **state)
{
	sk_secret_free(console.signer.key);
	sk_secret_free(terminal.signer.key);
	sk_secret_free(stranger.signer.key);
	return 0;
}

static SkSlip sample(void)
{
	SkSlip slip = {.serial = 1700000000001,
		.opened = 1700000000000,
		.closed = 1700000000001,
		.complete = true,
		.files = 3,
		.bytes = 99,
		.manifest = {.size = 7},
		.sums = {.size = 8}};

	strcpy(slip.kind, SK_SLIP_CARRY_OUT);
	strcpy(slip.medium, "01J0MEDIUM");
	strcpy(slip.number, "K-001");
	strcpy(slip.label, "紹介状用");
	strcpy(slip.terminal, "01J0TERMINAL");
	return slip;
}

static char *certify(const Party *who, const Party *whose, const char *name)
{
	char key[SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE)];
	own_free char *text = NULL;
	char *envelope = NULL;

	sk_base64_format(whose->key.public_key, SK_SIGN_PUBLIC_SIZE, key);
	assert_true(asprintf(&text, "{\"terminal\":\"%s\",\"key\":\"%s\",\"made\":0}", name, key) > 0);
	assert_int_equal(sk_dsse_sign(&who->signer, 1,
				 (SkDssePayload){SK_DSSE_TERMINAL_KEY, text, strlen(text)}, &envelope),
		0);
	return envelope;
}

/* The file as `signer` would make it, with the words of `certifier` about `certified`. */
static int verify(const Party *signer, const Party *certifier, const Party *certified, const char *name)
{
	const SkSlipTrust trust = {&console.key, 1};
	SkSlip slip = sample(), found;
	own_free char *envelope = NULL, *key = certify(certifier, certified, name), *file = NULL;
	int r;

	assert_int_equal(sk_slip_sign(&slip, &signer->signer, &envelope), 0);
	assert_int_equal(sk_slip_file_format(envelope, key, &file), 0);
	r = sk_slip_verify(file, strlen(file), &trust, &found);
	if (r == 0) {
		assert_string_equal(found.label, slip.label);
		assert_int_equal(found.serial, slip.serial);
		assert_int_equal(found.sums.size, 8);
		assert_true(found.complete);
	}
	return r;
}

static void the_chain_holds(void **state)
{
	assert_int_equal(verify(&terminal, &console, &terminal, "01J0TERMINAL"), 0);
}

static void a_broken_chain_does_not(void **state)
{
	assert_int_equal(verify(&stranger, &console, &terminal, "01J0TERMINAL"), -EKEYREJECTED);
	assert_int_equal(verify(&stranger, &stranger, &stranger, "01J0TERMINAL"), -EKEYREJECTED);
	/* Another terminal of the same clinic does not speak for this one. */
	assert_int_equal(verify(&terminal, &console, &terminal, "01J0OTHER"), -EKEYREJECTED);
}

static void what_is_not_a_slip(void **state)
{
	static const char *const wrong[] = {"", "{}", "[1,2]", "{\"slip\":{},\"terminalKey\":{}}",
		"{\"slip\":{},\"terminalKey\":{},\"more\":{}}", "{\"slip\":1,\"slip\":1}"};
	const SkSlipTrust trust = {&console.key, 1};
	own_free char *large = calloc(1, SK_SLIP_FILE_MAX + 1);
	SkSlip slip;

	for (size_t i = 0; i < SK_ARRAY_SIZE(wrong); i++)
		assert_int_equal(sk_slip_verify(wrong[i], strlen(wrong[i]), &trust, &slip), -EBADMSG);
	assert_int_equal(sk_slip_verify(large, SK_SLIP_FILE_MAX + 1, &trust, &slip), -E2BIG);
}

/* Signed as something else, by the right key: not a slip. */
static void another_type_is_no_slip(void **state)
{
	const char *text = "{\"serial\":1}";
	own_free char *envelope = NULL;
	SkSlip slip;

	assert_int_equal(sk_dsse_sign(&terminal.signer, 1, (SkDssePayload){SK_DSSE_GRANT, text, strlen(text)},
				 &envelope),
		0);
	assert_int_equal(
		sk_slip_open(envelope, strlen(envelope), terminal.key.public_key, &slip), -EPROTOTYPE);
}

static void names_tell_the_serial(void **state)
{
	SkSlip slip = sample();
	char name[SK_SLIP_NAME_SIZE];
	uint64_t serial = 0;

	sk_slip_name(slip.serial, name);
	assert_true(sk_slip_serial_of(name, &serial));
	assert_int_equal(serial, slip.serial);
	assert_false(sk_slip_serial_of("slip-99999999999999999999.dsse.json", &serial));
	assert_false(sk_slip_serial_of("slip-1.json", &serial));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_chain_holds),
		cmocka_unit_test(a_broken_chain_does_not),
		cmocka_unit_test(what_is_not_a_slip),
		cmocka_unit_test(another_type_is_no_slip),
		cmocka_unit_test(names_tell_the_serial),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
