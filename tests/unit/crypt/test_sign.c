/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/sign.h"

static int init(void **state)
{
	return sk_crypt_init();
}

/* RFC 8032, section 7.1, TEST 2. */
static const char rfc_seed[] = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
static const char rfc_public[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
static const char rfc_signature[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
				    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

static void signatures_are_those_of_rfc_8032(void **state)
{
	uint8_t seed[SK_SIGN_SEED_SIZE], public_key[SK_SIGN_PUBLIC_SIZE], signature[SK_SIGNATURE_SIZE];
	char hex[2 * SK_SIGNATURE_SIZE + 1];
	own_secret SkSecret *key = NULL;

	assert_int_equal(sk_hex_parse(seed, sizeof(seed), rfc_seed), 0);
	assert_int_equal(sk_sign_key_new(seed, &key, public_key), 0);
	sk_hex_format(hex, public_key, sizeof(public_key));
	assert_string_equal(hex, rfc_public);
	assert_int_equal(sk_sign(key, "\x72", 1, signature), 0);
	sk_hex_format(hex, signature, sizeof(signature));
	assert_string_equal(hex, rfc_signature);
	assert_true(sk_sign_verify(public_key, "\x72", 1, signature));
}

static void any_changed_bit_is_refused(void **state)
{
	uint8_t public_key[SK_SIGN_PUBLIC_SIZE], signature[SK_SIGNATURE_SIZE], message[20] = "a grant";
	own_secret SkSecret *key = NULL;

	assert_int_equal(sk_sign_key_new(NULL, &key, public_key), 0);
	assert_int_equal(sk_sign(key, message, sizeof(message), signature), 0);
	assert_true(sk_sign_verify(public_key, message, sizeof(message), signature));
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(sk_sign_verify(public_key, message, sizeof(message), signature));
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(message); bit++) {
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(sk_sign_verify(public_key, message, sizeof(message), signature));
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_false(sk_sign_verify(public_key, message, sizeof(message) - 1, signature));
}

static void a_secret_of_another_size_signs_nothing(void **state)
{
	uint8_t signature[SK_SIGNATURE_SIZE] = {0};
	own_secret SkSecret *secret = NULL;

	assert_int_equal(sk_secret_new(32, &secret), 0);
	assert_int_equal(sk_sign(secret, "x", 1, signature), -EINVAL);
}

static void digest_in_pieces_is_the_same(void **state)
{
	uint8_t whole[SK_SHA256_SIZE], pieces[SK_SHA256_SIZE];
	char hex[SK_SHA256_HEX_SIZE];
	SkSha256 hash;

	sk_sha256(whole, "abc", 3);
	sk_hex_format(hex, whole, sizeof(whole));
	/* FIPS 180-4, example of one block. */
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sk_sha256_init(&hash);
	sk_sha256_update(&hash, "a", 1);
	sk_sha256_update(&hash, "bc", 2);
	sk_sha256_final(&hash, pieces);
	assert_memory_equal(whole, pieces, sizeof(whole));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_those_of_rfc_8032),
		cmocka_unit_test(any_changed_bit_is_refused),
		cmocka_unit_test(a_secret_of_another_size_signs_nothing),
		cmocka_unit_test(digest_in_pieces_is_the_same),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
