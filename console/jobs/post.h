/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* One HTTPS POST: webhooks and time stamping authorities. */
#include <stdint.h>

#include "console/jobs/outgoing.h"

#define SK_POST_HEADERS_MAX 8

typedef struct SkPost {
	const char *url;
	const char *type;			      /* Content-Type */
	const char *headers[SK_POST_HEADERS_MAX + 1]; /* "Name: value", ended by NULL */
	const void *body;
	size_t size;
	size_t answer_max; /* what is longer is no answer; 0: the body of the answer is not looked at */
	bool plain;	   /* http:// too: what is posted and answered is signed and no secret */
} SkPost;

typedef struct SkPosted {
	unsigned status;
	uint8_t *answer; /* the caller frees it */
	size_t size;
} SkPosted;

/* Return: 0 there is an answer, whatever its status; -EFBIG a too long one; others as sk_outgoing_run(). */
int sk_post(SkOutgoingCall *call, const SkPost *post, SkPosted *ret_posted);

#define SK_WEBHOOK_SECRET_SIZE 32
#define SK_WEBHOOK_SIGNATURE_SIZE (3 + 64 + 1)

/*
 * "v1=HEX": HMAC-SHA-256 of "TIME.ID.BODY" (time in seconds since 1970), so that neither body nor time nor id
 * can be changed or used again.
 */
void sk_webhook_sign(const uint8_t secret[SK_WEBHOOK_SECRET_SIZE], int64_t seconds, const char *id,
	const char *body, char ret_signature[SK_WEBHOOK_SIGNATURE_SIZE]);
