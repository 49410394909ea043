/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements, scalars, answers and proofs from the other side. Whatever is accepted is canonical, is not the
 * identity, and gives something that is accepted again; no proof that was made up is believed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypt/digest.h"
#include "lib/crypt/oprf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void ask_the_console(SkSecret *key, const uint8_t element[32])
{
	SkOprfAnswer answer;
	int r = sk_oprf_evaluate(SK_OPRF_VERIFIABLE, key, element, &answer);

	require((r == 0) == sk_oprf_element_check(element));
	if (r == 0)
		require(sk_oprf_element_check(answer.element));
}

static void answer_the_terminal(const uint8_t public_key[32], const uint8_t *data, size_t size)
{
	own_oprf_question SkOprfQuestion *question = NULL;
	own_secret SkSecret *output = NULL;
	SkOprfAnswer answer = {0};

	memcpy(&answer, data, size < sizeof(answer) ? size : sizeof(answer));
	require(sk_oprf_ask(SK_OPRF_VERIFIABLE, data, size, NULL, &question) == 0);
	require(sk_oprf_finalize(question, &answer, public_key, &output) < 0 && !output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static SkSecret *key;
	static uint8_t public_key[32];
	own_secret SkSecret *loaded = NULL;
	uint8_t bytes[32] = {0};

	if (!key) {
		require(sk_crypt_init() == 0);
		require(sk_oprf_key_new(&key, public_key) == 0);
	}
	if (size > 4096)
		return 0;
	memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
	ask_the_console(key, bytes);
	answer_the_terminal(public_key, data, size);
	if (sk_oprf_key_load(bytes, &loaded) == 0)
		require(memcmp(sk_oprf_key_scalar(loaded), bytes, 32) == 0 &&
			sk_oprf_element_check(sk_oprf_key_public(loaded)));
	return 0;
}
