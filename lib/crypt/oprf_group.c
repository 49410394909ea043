/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypt/oprf_group.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "lib/base/str.h"

#define BLOCK_SIZE 128 /* of SHA-512 */
#define LABEL_MAX 80

_Static_assert(crypto_core_ristretto255_BYTES == SK_OPRF_ELEMENT_SIZE, "size of an element");
_Static_assert(crypto_core_ristretto255_SCALARBYTES == SK_OPRF_SCALAR_SIZE, "size of a scalar");

/* label || "OPRFV1-" || I2OSP(mode, 1) || "-ristretto255-SHA512"; the mode is a byte that may be 0. */
static size_t format_tag(SkOprfMode mode, const char *label, uint8_t ret_tag[LABEL_MAX])
{
	static const char before[] = "OPRFV1-", after[] = "-ristretto255-SHA512";
	size_t size = strlen(label);

	memcpy(ret_tag, label, size);
	memcpy(ret_tag + size, before, sizeof(before) - 1);
	size += sizeof(before) - 1;
	ret_tag[size++] = (uint8_t)mode;
	memcpy(ret_tag + size, after, sizeof(after) - 1);
	return size + sizeof(after) - 1;
}

/* Two blocks of RFC 9380's loop are one here: 64 bytes are one output of SHA-512. */
void sk_oprf_expand(
	SkOprfMode mode, const char *label, const SkOprfPiece *pieces, size_t n_pieces, uint8_t ret[64])
{
	static const uint8_t zeros[BLOCK_SIZE], length_and_zero[3] = {0, 64, 0}, one = 1;
	uint8_t tag[LABEL_MAX + 1], first[crypto_hash_sha512_BYTES];
	size_t tag_size = format_tag(mode, label, tag);
	crypto_hash_sha512_state hash;

	tag[tag_size] = (uint8_t)tag_size;
	tag_size++;
	crypto_hash_sha512_init(&hash);
	crypto_hash_sha512_update(&hash, zeros, sizeof(zeros));
	for (size_t i = 0; i < n_pieces; i++)
		crypto_hash_sha512_update(&hash, pieces[i].data, pieces[i].size);
	crypto_hash_sha512_update(&hash, length_and_zero, sizeof(length_and_zero));
	crypto_hash_sha512_update(&hash, tag, tag_size);
	crypto_hash_sha512_final(&hash, first);
	crypto_hash_sha512_init(&hash);
	crypto_hash_sha512_update(&hash, first, sizeof(first));
	crypto_hash_sha512_update(&hash, &one, 1);
	crypto_hash_sha512_update(&hash, tag, tag_size);
	crypto_hash_sha512_final(&hash, ret);
	sodium_memzero(first, sizeof(first));
	sodium_memzero(&hash, sizeof(hash));
}

void sk_oprf_hash_to_scalar(SkOprfMode mode, const char *label, const SkOprfPiece *pieces, size_t n_pieces,
	uint8_t ret_scalar[32])
{
	uint8_t wide[64];

	sk_oprf_expand(mode, label, pieces, n_pieces, wide);
	crypto_core_ristretto255_scalar_reduce(ret_scalar, wide);
	sodium_memzero(wide, sizeof(wide));
}

bool sk_oprf_scalar_check(const uint8_t scalar[32])
{
	uint8_t wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES] = {0}, reduced[32];
	bool same;

	memcpy(wide, scalar, 32);
	crypto_core_ristretto255_scalar_reduce(reduced, wide);
	same = sodium_memcmp(reduced, scalar, 32) == 0 && !sodium_is_zero(scalar, 32);
	sodium_memzero(wide, sizeof(wide));
	sodium_memzero(reduced, sizeof(reduced));
	return same;
}

bool sk_oprf_element_check(const uint8_t element[SK_OPRF_ELEMENT_SIZE])
{
	return !sodium_is_zero(element, SK_OPRF_ELEMENT_SIZE) &&
	       crypto_core_ristretto255_is_valid_point(element) == 1;
}

static const uint8_t two_bytes_32[2] = {0, 32};
#define ELEMENT(e)                                                                                           \
	{two_bytes_32, 2},                                                                                   \
	{                                                                                                    \
		(e), 32                                                                                      \
	}

/* The weight of ComputeComposites() for a batch of one. */
static void weigh(const uint8_t public_key[32], const uint8_t blinded[32], const uint8_t evaluated[32],
	uint8_t ret_weight[32])
{
	static const uint8_t seed_size[2] = {0, 64}, index[2] = {0, 0};
	uint8_t tag[LABEL_MAX], tag_size[2], seed[64];
	size_t size = format_tag(SK_OPRF_VERIFIABLE, "Seed-", tag);
	crypto_hash_sha512_state hash;
	const SkOprfPiece pieces[] = {{seed_size, 2}, {seed, 64}, {index, 2}, ELEMENT(blinded),
		ELEMENT(evaluated), {"Composite", 9}};

	tag_size[0] = 0;
	tag_size[1] = (uint8_t)size;
	crypto_hash_sha512_init(&hash);
	crypto_hash_sha512_update(&hash, two_bytes_32, 2);
	crypto_hash_sha512_update(&hash, public_key, 32);
	crypto_hash_sha512_update(&hash, tag_size, 2);
	crypto_hash_sha512_update(&hash, tag, size);
	crypto_hash_sha512_final(&hash, seed);
	sk_oprf_hash_to_scalar(
		SK_OPRF_VERIFIABLE, "HashToScalar-", pieces, SK_ARRAY_SIZE(pieces), ret_weight);
}

/* m, z: the composites; t2, t3: the commitments. */
typedef struct Transcript {
	const uint8_t *public_key;
	uint8_t m[32], z[32], t2[32], t3[32];
} Transcript;

static void challenge(const Transcript *t, uint8_t ret_challenge[32])
{
	const SkOprfPiece pieces[] = {ELEMENT(t->public_key), ELEMENT(t->m), ELEMENT(t->z), ELEMENT(t->t2),
		ELEMENT(t->t3), {"Challenge", 9}};

	sk_oprf_hash_to_scalar(
		SK_OPRF_VERIFIABLE, "HashToScalar-", pieces, SK_ARRAY_SIZE(pieces), ret_challenge);
}

int sk_oprf_prove(SkSecret *key, const uint8_t blinded[32], const uint8_t evaluated[32], const uint8_t *nonce,
	uint8_t ret_proof[SK_OPRF_PROOF_SIZE])
{
	Transcript t = {.public_key = sk_oprf_key_public(key)};
	const uint8_t *scalar = sk_oprf_key_scalar(key);
	uint8_t weight[32], r[32], product[32];
	int wrong = 0;

	weigh(t.public_key, blinded, evaluated, weight);
	if (nonce)
		memcpy(r, nonce, sizeof(r));
	else
		crypto_core_ristretto255_scalar_random(r);
	wrong |= crypto_scalarmult_ristretto255(t.m, weight, blinded);
	wrong |= crypto_scalarmult_ristretto255(t.z, scalar, t.m);
	wrong |= crypto_scalarmult_ristretto255_base(t.t2, r);
	wrong |= crypto_scalarmult_ristretto255(t.t3, r, t.m);
	challenge(&t, ret_proof);
	crypto_core_ristretto255_scalar_mul(product, ret_proof, scalar);
	crypto_core_ristretto255_scalar_sub(ret_proof + 32, r, product);
	sodium_memzero(r, sizeof(r));
	sodium_memzero(product, sizeof(product));
	return wrong ? -EBADMSG : 0;
}

/* scalar_a * a + scalar_b * b */
static int combine(const uint8_t scalar_a[32], const uint8_t *a, const uint8_t scalar_b[32],
	const uint8_t b[32], uint8_t ret_sum[32])
{
	uint8_t first[32], second[32];
	int wrong = a ? crypto_scalarmult_ristretto255(first, scalar_a, a)
		      : crypto_scalarmult_ristretto255_base(first, scalar_a);

	wrong |= crypto_scalarmult_ristretto255(second, scalar_b, b);
	wrong |= crypto_core_ristretto255_add(ret_sum, first, second);
	return wrong ? -EKEYREJECTED : 0;
}

int sk_oprf_check_proof(const uint8_t public_key[32], const uint8_t blinded[32], const uint8_t evaluated[32],
	const uint8_t proof[SK_OPRF_PROOF_SIZE])
{
	const uint8_t *c = proof, *s = proof + 32;
	Transcript t = {.public_key = public_key};
	uint8_t weight[32], expected[32];
	int r;

	if (!sk_oprf_element_check(public_key) || !sk_oprf_element_check(blinded) ||
		!sk_oprf_element_check(evaluated))
		return -EBADMSG;
	if (!sk_oprf_scalar_check(c) || !sk_oprf_scalar_check(s))
		return -EBADMSG;
	weigh(public_key, blinded, evaluated, weight);
	if (crypto_scalarmult_ristretto255(t.m, weight, blinded) != 0 ||
		crypto_scalarmult_ristretto255(t.z, weight, evaluated) != 0)
		return -EBADMSG;
	r = combine(s, NULL, c, public_key, t.t2);
	if (r == 0)
		r = combine(s, t.m, c, t.z, t.t3);
	if (r < 0)
		return r;
	challenge(&t, expected);
	return sodium_memcmp(expected, c, 32) == 0 ? 0 : -EKEYREJECTED;
}
