/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Oblivious pseudorandom function of RFC 9497, ristretto255-SHA512, on libsodium's group. A terminal blinds
 * what it derived from the passphrase, the console evaluates with the medium's key and learns nothing, the
 * terminal removes the blind and has a key that neither could compute alone.
 *
 * We use the verifiable mode: the console proves that it used the key whose public half stands in the signed
 * grant. It costs three multiplications more, and buys that
 * - nobody between terminal and console (a balancer that ends TLS, a console that was broken into) can answer
 *   with a key of his own while a medium is being prepared, and then guess the passphrase off line;
 * - a wrong key (a bad restore, another medium) is told from a wrong passphrase, instead of making a medium
 *   that nobody opens, or counting as a guess.
 *
 * The base mode is here because RFC 9497's vectors for it are the ground the other stands on.
 *
 * Elements and scalars come from the network: encodings that are not canonical and the identity are refused.
 * Time does not depend on secrets.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/secret.h"

#define SK_OPRF_ELEMENT_SIZE 32
#define SK_OPRF_SCALAR_SIZE 32
#define SK_OPRF_PROOF_SIZE 64
#define SK_OPRF_OUTPUT_SIZE 64
#define SK_OPRF_SEED_SIZE 32
#define SK_OPRF_INPUT_MAX 65535

/* Name of the suite and mode in stored and sent structures. */
#define SK_OPRF_ALGORITHM "voprf-ristretto255-sha512"

/* The values of RFC 9497, section 3. The same key gives different results in different modes. */
typedef enum SkOprfMode { SK_OPRF_BASE = 0, SK_OPRF_VERIFIABLE = 1 } SkOprfMode;

/* What the console sends back. In base mode the proof is zeros. */
typedef struct SkOprfAnswer {
	uint8_t element[SK_OPRF_ELEMENT_SIZE];
	uint8_t proof[SK_OPRF_PROOF_SIZE];
} SkOprfAnswer;

/* A question as the terminal remembers it; blinded is what it sends. Free with sk_oprf_question_free(). */
typedef struct SkOprfQuestion SkOprfQuestion;

/* A random key. Return: 0 or -ENOMEM. */
int sk_oprf_key_new(SkSecret **ret_key, uint8_t ret_public[SK_OPRF_ELEMENT_SIZE]);

/* DeriveKeyPair() of RFC 9497, section 3.2.1. Return: 0, -EINVAL for info beyond 65535 bytes, -ENOMEM. */
int sk_oprf_key_derive(SkOprfMode mode, const uint8_t seed[SK_OPRF_SEED_SIZE], const char *info,
	SkSecret **ret_key, uint8_t ret_public[SK_OPRF_ELEMENT_SIZE]);

/* A key from its scalar. Return: 0, -EBADMSG when it is zero or not canonical, -ENOMEM. */
int sk_oprf_key_load(const uint8_t scalar[SK_OPRF_SCALAR_SIZE], SkSecret **ret_key);

/* The scalar and the public half, inside the key. */
const uint8_t *sk_oprf_key_scalar(SkSecret *key);
const uint8_t *sk_oprf_key_public(SkSecret *key);

/* Is it a canonical element other than the identity? */
bool sk_oprf_element_check(const uint8_t element[SK_OPRF_ELEMENT_SIZE]);

/* The console's part. Return: 0, -EBADMSG for a bad element, -EINVAL when key is another secret, -ENOMEM. */
int sk_oprf_evaluate(SkOprfMode mode, SkSecret *key, const uint8_t blinded[SK_OPRF_ELEMENT_SIZE],
	SkOprfAnswer *ret_answer);

/*
 * The terminal's part. input is copied. blind NULL: a random one (a given one is for the vectors of the RFC).
 * Return: 0, -EINVAL for too long an input or a bad blind, -ENOMEM.
 */
int sk_oprf_ask(
	SkOprfMode mode, const void *input, size_t size, const uint8_t *blind, SkOprfQuestion **ret_question);
const uint8_t *sk_oprf_question_blinded(const SkOprfQuestion *question);
void sk_oprf_question_free(SkOprfQuestion *question);
OWN_DEFINE(SkOprfQuestion, sk_oprf_question_free)
#define own_oprf_question own_(sk_oprf_question_freep)

/*
 * public_key: of the grant; NULL in base mode.
 * Return: 0 with SK_OPRF_OUTPUT_SIZE bytes, -EBADMSG for a bad element, -EKEYREJECTED when the proof is not
 * one for this key, -ENOMEM.
 */
int sk_oprf_finalize(const SkOprfQuestion *question, const SkOprfAnswer *answer, const uint8_t *public_key,
	SkSecret **ret_output);
