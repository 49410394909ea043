/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Hashing to the group and the proof of equal logarithms, RFC 9497 sections 2.2 and 4.1, for oprf.c alone.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/crypt/oprf.h"

/* A string in pieces, so that nothing has to be put together in memory of its own. */
typedef struct SkOprfPiece {
	const void *data;
	size_t size;
} SkOprfPiece;

/* expand_message_xmd(pieces, label || contextString, 64) of RFC 9380 with SHA-512. */
void sk_oprf_expand(
	SkOprfMode mode, const char *label, const SkOprfPiece *pieces, size_t n_pieces, uint8_t ret[64]);

void sk_oprf_hash_to_scalar(SkOprfMode mode, const char *label, const SkOprfPiece *pieces, size_t n_pieces,
	uint8_t ret_scalar[32]);

/* nonce NULL: a random one. Return: 0 or -EBADMSG. */
int sk_oprf_prove(SkSecret *key, const uint8_t blinded[32], const uint8_t evaluated[32], const uint8_t *nonce,
	uint8_t ret_proof[SK_OPRF_PROOF_SIZE]);

/* Return: 0, -EBADMSG bad elements or scalars, -EKEYREJECTED no proof. */
int sk_oprf_check_proof(const uint8_t public_key[32], const uint8_t blinded[32], const uint8_t evaluated[32],
	const uint8_t proof[SK_OPRF_PROOF_SIZE]);

/* Canonical and not zero? */
bool sk_oprf_scalar_check(const uint8_t scalar[32]);
