/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The certificate of an erasure (LOSS-4): which medium, on which device, by whom, how, and what was read
 * back; signed by the terminal that did it, as its slips are (lib/slip/slip.h). A try that failed has one
 * too.
 */
#include <jansson.h>
#include <stdint.h>

#include "lib/crypt/sign.h"
#include "lib/dsse/dsse.h"
#include "lib/slip/slip.h"

#define SK_ERASURE_RESULT_VERIFIED "verified"
#define SK_ERASURE_RESULT_FAILED "failed"

typedef struct SkErasure {
	char medium[32], number[72], label[256], uuid[40];
	char terminal[32], organisation[256], grant[32], user[SK_SLIP_USER_SIZE];
	char device[256];      /* how it calls itself */
	char device_hash[136]; /* as in agent.prepared; "none" */
	char method[128];
	char result[16];		  /* SK_ERASURE_RESULT_* */
	char reason[256];		  /* why it failed; else "" */
	int64_t begun, ended;		  /* ms since 1970 */
	uint64_t size, written, compared; /* bytes: of the medium, overwritten, read back and found so */
} SkErasure;

/* What is signed, for people. Return: NULL: something in it is no text. */
json_t *sk_erasure_to_json(const SkErasure *erasure);
/* The envelope; the caller frees it. Return: 0, -EINVAL, -ENOMEM. */
int sk_erasure_sign(const SkErasure *erasure, const SkDsseSigner *terminal, char **ret_envelope);
/* Signed with this key, and possible: what is verified was written and compared whole. Return: 0, -EBADMSG,
 * or as sk_dsse_verify(). */
int sk_erasure_open(
	const void *envelope, size_t size, const uint8_t key[SK_SIGN_PUBLIC_SIZE], SkErasure *ret_erasure);
