/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/oprf.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/oprf_group.h"

/* A key is its scalar and then its public half, so that no proof has to compute the latter again. */
#define KEY_SIZE (SK_OPRF_SCALAR_SIZE + SK_OPRF_ELEMENT_SIZE)

struct SkOprfQuestion {
	SkOprfMode mode;
	SkSecret *input;
	size_t input_size;
	SkSecret *blind;
	uint8_t blinded[SK_OPRF_ELEMENT_SIZE];
};

const uint8_t *sk_oprf_key_scalar(SkSecret *key)
{
	return sk_secret_data(key);
}

const uint8_t *sk_oprf_key_public(SkSecret *key)
{
	return sk_secret_data(key) + SK_OPRF_SCALAR_SIZE;
}

int sk_oprf_key_load(const uint8_t scalar[SK_OPRF_SCALAR_SIZE], SkSecret **ret_key)
{
	own_secret SkSecret *key = NULL;
	int r;

	if (!sk_oprf_scalar_check(scalar))
		return -EBADMSG;
	r = sk_secret_new(KEY_SIZE, &key);
	if (r < 0)
		return r;
	memcpy(sk_secret_data(key), scalar, SK_OPRF_SCALAR_SIZE);
	if (crypto_scalarmult_ristretto255_base(sk_secret_data(key) + SK_OPRF_SCALAR_SIZE, scalar) != 0)
		return -EBADMSG;
	*ret_key = own_take(key);
	return 0;
}

int sk_oprf_key_new(SkSecret **ret_key, uint8_t ret_public[SK_OPRF_ELEMENT_SIZE])
{
	uint8_t scalar[SK_OPRF_SCALAR_SIZE];
	int r;

	crypto_core_ristretto255_scalar_random(scalar);
	r = sk_oprf_key_load(scalar, ret_key);
	sodium_memzero(scalar, sizeof(scalar));
	if (r < 0)
		return r;
	memcpy(ret_public, sk_oprf_key_public(*ret_key), SK_OPRF_ELEMENT_SIZE);
	return 0;
}

int sk_oprf_key_derive(SkOprfMode mode, const uint8_t seed[SK_OPRF_SEED_SIZE], const char *info,
	SkSecret **ret_key, uint8_t ret_public[SK_OPRF_ELEMENT_SIZE])
{
	size_t size = strlen(info);
	uint8_t scalar[SK_OPRF_SCALAR_SIZE], info_size[2], counter = 0;
	const SkOprfPiece pieces[] = {{seed, SK_OPRF_SEED_SIZE}, {info_size, 2}, {info, size}, {&counter, 1}};
	int r;

	if (size > UINT16_MAX)
		return -EINVAL;
	info_size[0] = (uint8_t)(size >> 8);
	info_size[1] = (uint8_t)size;
	do {
		sk_oprf_hash_to_scalar(mode, "DeriveKeyPair", pieces, SK_ARRAY_SIZE(pieces), scalar);
		r = sk_oprf_key_load(scalar, ret_key);
	} while (r == -EBADMSG && counter++ < UINT8_MAX);
	sodium_memzero(scalar, sizeof(scalar));
	if (r < 0)
		return r;
	memcpy(ret_public, sk_oprf_key_public(*ret_key), SK_OPRF_ELEMENT_SIZE);
	return 0;
}

int sk_oprf_evaluate(
	SkOprfMode mode, SkSecret *key, const uint8_t blinded[SK_OPRF_ELEMENT_SIZE], SkOprfAnswer *ret_answer)
{
	SkOprfAnswer answer = {0};
	int r;

	if (sk_secret_size(key) != KEY_SIZE)
		return -EINVAL;
	if (!sk_oprf_element_check(blinded))
		return -EBADMSG;
	if (crypto_scalarmult_ristretto255(answer.element, sk_oprf_key_scalar(key), blinded) != 0)
		return -EBADMSG;
	if (mode == SK_OPRF_VERIFIABLE) {
		r = sk_oprf_prove(key, blinded, answer.element, NULL, answer.proof);
		if (r < 0)
			return r;
	}
	*ret_answer = answer;
	return 0;
}

void sk_oprf_question_free(SkOprfQuestion *question)
{
	if (!question)
		return;
	sk_secret_free(question->input);
	sk_secret_free(question->blind);
	free(question);
}

const uint8_t *sk_oprf_question_blinded(const SkOprfQuestion *question)
{
	return question->blinded;
}

static int make_blind(const uint8_t *given, SkSecret **ret_blind)
{
	own_secret SkSecret *blind = NULL;
	int r;

	if (given && !sk_oprf_scalar_check(given))
		return -EINVAL;
	r = sk_secret_new(SK_OPRF_SCALAR_SIZE, &blind);
	if (r < 0)
		return r;
	if (given)
		memcpy(sk_secret_data(blind), given, SK_OPRF_SCALAR_SIZE);
	else
		crypto_core_ristretto255_scalar_random(sk_secret_data(blind));
	*ret_blind = own_take(blind);
	return 0;
}

static int blind_input(SkOprfQuestion *question)
{
	const SkOprfPiece piece = {sk_secret_data(question->input), question->input_size};
	uint8_t wide[64], element[SK_OPRF_ELEMENT_SIZE];
	int wrong;

	sk_oprf_expand(question->mode, "HashToGroup-", &piece, 1, wide);
	wrong = crypto_core_ristretto255_from_hash(element, wide);
	wrong |= crypto_scalarmult_ristretto255(question->blinded, sk_secret_data(question->blind), element);
	sodium_memzero(wide, sizeof(wide));
	sodium_memzero(element, sizeof(element));
	return wrong ? -EINVAL : 0;
}

int sk_oprf_ask(
	SkOprfMode mode, const void *input, size_t size, const uint8_t *blind, SkOprfQuestion **ret_question)
{
	own_oprf_question SkOprfQuestion *question = NULL;
	int r;

	if (size > SK_OPRF_INPUT_MAX)
		return -EINVAL;
	question = calloc(1, sizeof(*question));
	if (!question)
		return -ENOMEM;
	question->mode = mode;
	question->input_size = size;
	r = sk_secret_new(size ? size : 1, &question->input);
	if (r == 0)
		r = make_blind(blind, &question->blind);
	if (r < 0)
		return r;
	memcpy(sk_secret_data(question->input), input, size);
	r = blind_input(question);
	if (r < 0)
		return r;
	*ret_question = own_take(question);
	return 0;
}

/* Finalize() of RFC 9497, section 3.3.1, once the element is known to be good. */
static int unblind(
	const SkOprfQuestion *question, const uint8_t element[SK_OPRF_ELEMENT_SIZE], uint8_t *ret_output)
{
	uint8_t inverse[SK_OPRF_SCALAR_SIZE], plain[SK_OPRF_ELEMENT_SIZE], size[2];
	crypto_hash_sha512_state hash;
	int wrong = crypto_core_ristretto255_scalar_invert(inverse, sk_secret_data(question->blind));

	wrong |= crypto_scalarmult_ristretto255(plain, inverse, element);
	crypto_hash_sha512_init(&hash);
	size[0] = (uint8_t)(question->input_size >> 8);
	size[1] = (uint8_t)question->input_size;
	crypto_hash_sha512_update(&hash, size, 2);
	crypto_hash_sha512_update(&hash, sk_secret_data(question->input), question->input_size);
	size[0] = 0;
	size[1] = sizeof(plain);
	crypto_hash_sha512_update(&hash, size, 2);
	crypto_hash_sha512_update(&hash, plain, sizeof(plain));
	crypto_hash_sha512_update(&hash, (const uint8_t *)"Finalize", 8);
	crypto_hash_sha512_final(&hash, ret_output);
	sodium_memzero(inverse, sizeof(inverse));
	sodium_memzero(plain, sizeof(plain));
	sodium_memzero(&hash, sizeof(hash));
	return wrong ? -EBADMSG : 0;
}

int sk_oprf_finalize(const SkOprfQuestion *question, const SkOprfAnswer *answer, const uint8_t *public_key,
	SkSecret **ret_output)
{
	own_secret SkSecret *output = NULL;
	int r;

	if (!sk_oprf_element_check(answer->element))
		return -EBADMSG;
	if (question->mode == SK_OPRF_VERIFIABLE) {
		r = sk_oprf_check_proof(public_key, question->blinded, answer->element, answer->proof);
		if (r < 0)
			return r;
	}
	r = sk_secret_new(SK_OPRF_OUTPUT_SIZE, &output);
	if (r == 0)
		r = unblind(question, answer->element, sk_secret_data(output));
	if (r < 0)
		return r;
	*ret_output = own_take(output);
	return 0;
}
