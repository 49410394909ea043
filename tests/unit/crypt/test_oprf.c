/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vectors of RFC 9497, appendix A.1.1 and A.1.2, and what a hostile other side may send. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/oprf.h"
#include "lib/crypt/oprf_group.h"

#define BLIND "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"

typedef struct Vector {
	SkOprfMode mode;
	const char *key, *public_key, *input, *blinded, *evaluated, *proof, *nonce, *output;
} Vector;

#define BASE_KEY "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e"
#define KEY "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909"
#define PUBLIC "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"
#define NONCE "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e"

static const Vector vectors[] = {
	{SK_OPRF_BASE, BASE_KEY, NULL, "00",
		"609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
		"7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e", NULL, NULL,
		"527759c3d9366f277d8c6020418d96bb393ba2afb20ff90df23fb7708264e2f3"
		"ab9135e3bd69955851de4b1f9fe8a0973396719b7912ba9ee8aa7d0b5e24bcf6"},
	{SK_OPRF_BASE, BASE_KEY, NULL, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
		"da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
		"b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25", NULL, NULL,
		"f4a74c9c592497375e796aa837e907b1a045d34306a749db9f34221f7e750cb4"
		"f2a6413a6bf6fa5e19ba6348eb673934a722a7ede2e7621306d18951e7cf2c73"},
	{SK_OPRF_VERIFIABLE, KEY, PUBLIC, "00",
		"863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
		"aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
		"ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd06"
		"6d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
		NONCE,
		"b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d"
		"a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c"},
	{SK_OPRF_VERIFIABLE, KEY, PUBLIC, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
		"cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
		"60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
		"401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a"
		"67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
		NONCE,
		"8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60"
		"356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6"},
};

static int init(void **state)
{
	return sk_crypt_init();
}

static void assert_hex(const uint8_t *bytes, size_t size, const char *expected)
{
	char hex[200];

	sk_hex_format(hex, bytes, size);
	assert_string_equal(hex, expected);
}

static size_t unhex(const char *hex, uint8_t *ret)
{
	assert_int_equal(sk_hex_parse(ret, strlen(hex) / 2, hex), 0);
	return strlen(hex) / 2;
}

static void keys_are_derived_as_in_the_rfc(void **state)
{
	uint8_t seed[SK_OPRF_SEED_SIZE], public_key[32];
	own_secret SkSecret *base = NULL, *verifiable = NULL;

	memset(seed, 0xa3, sizeof(seed));
	assert_int_equal(sk_oprf_key_derive(SK_OPRF_BASE, seed, "test key", &base, public_key), 0);
	assert_hex(sk_oprf_key_scalar(base), 32, BASE_KEY);
	assert_int_equal(
		sk_oprf_key_derive(SK_OPRF_VERIFIABLE, seed, "test key", &verifiable, public_key), 0);
	assert_hex(sk_oprf_key_scalar(verifiable), 32, KEY);
	assert_hex(public_key, 32, PUBLIC);
	assert_hex(sk_oprf_key_public(verifiable), 32, PUBLIC);
}

static void the_vectors_of_the_rfc_hold(void **state)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(vectors); i++) {
		const Vector *v = &vectors[i];
		own_oprf_question SkOprfQuestion *question = NULL;
		own_secret SkSecret *key = NULL, *output = NULL;
		uint8_t scalar[32], blind[32], input[32], nonce[32], proof[64], public_key[32];
		size_t size = unhex(v->input, input);
		SkOprfAnswer answer;

		unhex(v->key, scalar);
		unhex(BLIND, blind);
		assert_int_equal(sk_oprf_key_load(scalar, &key), 0);
		assert_int_equal(sk_oprf_ask(v->mode, input, size, blind, &question), 0);
		assert_hex(sk_oprf_question_blinded(question), 32, v->blinded);
		assert_int_equal(
			sk_oprf_evaluate(v->mode, key, sk_oprf_question_blinded(question), &answer), 0);
		assert_hex(answer.element, 32, v->evaluated);
		if (v->mode == SK_OPRF_VERIFIABLE) {
			unhex(v->nonce, nonce);
			unhex(v->public_key, public_key);
			assert_int_equal(sk_oprf_prove(key, sk_oprf_question_blinded(question),
						 answer.element, nonce, proof),
				0);
			assert_hex(proof, sizeof(proof), v->proof);
		}
		assert_int_equal(sk_oprf_finalize(question, &answer, public_key, &output), 0);
		assert_hex(sk_secret_data(output), SK_OPRF_OUTPUT_SIZE, v->output);
	}
}

static void two_blinds_one_result(void **state)
{
	own_oprf_question SkOprfQuestion *first = NULL, *second = NULL;
	own_secret SkSecret *key = NULL, *a = NULL, *b = NULL;
	uint8_t public_key[32];
	SkOprfAnswer answer;

	assert_int_equal(sk_oprf_key_new(&key, public_key), 0);
	assert_int_equal(sk_oprf_ask(SK_OPRF_VERIFIABLE, "passphrase", 10, NULL, &first), 0);
	assert_int_equal(sk_oprf_ask(SK_OPRF_VERIFIABLE, "passphrase", 10, NULL, &second), 0);
	assert_memory_not_equal(sk_oprf_question_blinded(first), sk_oprf_question_blinded(second), 32);
	assert_int_equal(
		sk_oprf_evaluate(SK_OPRF_VERIFIABLE, key, sk_oprf_question_blinded(first), &answer), 0);
	assert_int_equal(sk_oprf_finalize(first, &answer, public_key, &a), 0);
	assert_int_equal(sk_oprf_finalize(second, &answer, public_key, &b), -EKEYREJECTED);
	assert_int_equal(
		sk_oprf_evaluate(SK_OPRF_VERIFIABLE, key, sk_oprf_question_blinded(second), &answer), 0);
	assert_int_equal(sk_oprf_finalize(second, &answer, public_key, &b), 0);
	assert_memory_equal(sk_secret_data(a), sk_secret_data(b), SK_OPRF_OUTPUT_SIZE);
}

static void another_key_is_noticed(void **state)
{
	own_oprf_question SkOprfQuestion *question = NULL;
	own_secret SkSecret *key = NULL, *other = NULL, *output = NULL;
	uint8_t public_key[32], other_public[32];
	SkOprfAnswer answer;

	assert_int_equal(sk_oprf_key_new(&key, public_key), 0);
	assert_int_equal(sk_oprf_key_new(&other, other_public), 0);
	assert_int_equal(sk_oprf_ask(SK_OPRF_VERIFIABLE, "x", 1, NULL, &question), 0);
	assert_int_equal(
		sk_oprf_evaluate(SK_OPRF_VERIFIABLE, other, sk_oprf_question_blinded(question), &answer), 0);
	assert_int_equal(sk_oprf_finalize(question, &answer, public_key, &output), -EKEYREJECTED);
	assert_null(output);
}

static void any_changed_bit_is_refused(void **state)
{
	own_oprf_question SkOprfQuestion *question = NULL;
	own_secret SkSecret *key = NULL;
	uint8_t public_key[32];
	SkOprfAnswer answer;

	assert_int_equal(sk_oprf_key_new(&key, public_key), 0);
	assert_int_equal(sk_oprf_ask(SK_OPRF_VERIFIABLE, "x", 1, NULL, &question), 0);
	assert_int_equal(
		sk_oprf_evaluate(SK_OPRF_VERIFIABLE, key, sk_oprf_question_blinded(question), &answer), 0);
	for (size_t bit = 0; bit < 8 * sizeof(answer); bit++) {
		SkOprfAnswer changed = answer;
		own_secret SkSecret *output = NULL;

		((uint8_t *)&changed)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(sk_oprf_finalize(question, &changed, public_key, &output) < 0);
		assert_null(output);
	}
}

static void encodings_that_are_none_are_refused(void **state)
{
	/* Identity; not canonical; negative; no square root; all ones (RFC 9496, appendix A.2 has these
	 * kinds). */
	static const char *const elements[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	/* Zero, the order, the order plus one. */
	static const char *const scalars[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
		"eed3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	own_secret SkSecret *key = NULL, *none = NULL;
	own_oprf_question SkOprfQuestion *question = NULL;
	uint8_t public_key[32], bytes[32];
	SkOprfAnswer answer = {0};

	assert_int_equal(sk_oprf_key_new(&key, public_key), 0);
	assert_int_equal(sk_oprf_ask(SK_OPRF_BASE, "x", 1, NULL, &question), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(elements); i++) {
		unhex(elements[i], bytes);
		assert_false(sk_oprf_element_check(bytes));
		assert_int_equal(sk_oprf_evaluate(SK_OPRF_BASE, key, bytes, &answer), -EBADMSG);
		memcpy(answer.element, bytes, 32);
		assert_int_equal(sk_oprf_finalize(question, &answer, NULL, &none), -EBADMSG);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(scalars); i++) {
		unhex(scalars[i], bytes);
		assert_int_equal(sk_oprf_key_load(bytes, &none), -EBADMSG);
		assert_int_equal(sk_oprf_ask(SK_OPRF_BASE, "x", 1, bytes, &question), -EINVAL);
	}
	assert_null(none);
}

static void inputs_have_a_bound(void **state)
{
	static uint8_t input[SK_OPRF_INPUT_MAX + 1];
	own_oprf_question SkOprfQuestion *question = NULL, *empty = NULL;
	SkOprfQuestion *none = NULL;

	assert_int_equal(sk_oprf_ask(SK_OPRF_BASE, input, sizeof(input), NULL, &none), -EINVAL);
	assert_null(none);
	assert_int_equal(sk_oprf_ask(SK_OPRF_BASE, input, sizeof(input) - 1, NULL, &question), 0);
	assert_int_equal(sk_oprf_ask(SK_OPRF_BASE, input, 0, NULL, &empty), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_derived_as_in_the_rfc),
		cmocka_unit_test(the_vectors_of_the_rfc_hold),
		cmocka_unit_test(two_blinds_one_result),
		cmocka_unit_test(another_key_is_noticed),
		cmocka_unit_test(any_changed_bit_is_refused),
		cmocka_unit_test(encodings_that_are_none_are_refused),
		cmocka_unit_test(inputs_have_a_bound),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
