/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Inside lib/slip: small JSON texts that a terminal signs with its own key, and that are read strictly. */
#include <jansson.h>
#include <stdbool.h>

#include "lib/crypt/sign.h"
#include "lib/dsse/dsse.h"

#define SLIP_PAYLOAD_MAX 16384

typedef struct SlipSigned {
	const void *envelope;
	size_t size;
	const char *type; /* SK_DSSE_* */
} SlipSigned;

/* object NULL: something in it is no text. Return: 0 and the envelope, which the caller frees; -EINVAL,
 * -ENOMEM. */
int slip_json_sign(const json_t *object, const char *type, const SkDsseSigner *terminal, char **ret_envelope);
/* Signed with this key? Return: 0 and a new reference, or as sk_dsse_verify(). */
int slip_json_open(const SlipSigned *text, const uint8_t key[SK_SIGN_PUBLIC_SIZE], json_t **ret_object);

typedef struct SlipText {
	const char *name;
	char *dst;
	size_t size;
} SlipText;

/* Return: false: one is missing, no text, or too long. */
bool slip_texts_read(const json_t *object, const SlipText *texts, size_t n);
