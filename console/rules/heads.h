/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * That nobody can make another history later (LOG-2): the console signs the heads of the agents' chains, and
 * a time stamping authority signs that those signatures, and the heads of the console's own chains, existed.
 *
 * A stamp (a row of `anchors`) covers the countersignatures of a span of time, as lines
 * "TERMINAL SEQ SHA256\n" in the order of terminal and number, and behind them "INSTANCE SEQ SHA256\n" of
 * each chain of the console; its subject names the span and those last lines, so that the digest can be made
 * again.
 */
#include "console/rules/actor.h"
#include "lib/crypt/digest.h"

extern const SkTable sk_anchors_table;

#define SK_HEADS_ROWS 200

/* A head that is to be signed. */
typedef struct SkHead {
	char terminal[SK_ID_SIZE], facility[SK_ID_SIZE];
	int64_t seq;
	uint8_t hash[SK_SHA256_SIZE];
} SkHead;

/* Heads that moved on since they were signed, at most SK_HEADS_ROWS. Return: 0 or negative errno. */
int sk_heads_unsigned(SkDb *db, SkHead ret_heads[SK_HEADS_ROWS], size_t *ret_n);

typedef struct SkCountersignature {
	const SkHead *head;
	const char *key_id;
	const char *envelope; /* the signed statement (DSSE) */
} SkCountersignature;

/* Return: as in actor.h. */
int sk_head_sign(const SkActor *actor, const SkCountersignature *countersignature);

/* A new row to be stamped, when the last one is older than so many ms and something was signed since. Return:
 * as in actor.h. */
int sk_anchor_begin(const SkActor *actor, const char *authority, int64_t every_ms);

/* The oldest row that waits. Return: 0, -ENOENT, others. */
int sk_anchor_waiting(SkDb *db, char ret_id[SK_ID_SIZE], uint8_t ret_digest[SK_SHA256_SIZE]);

typedef struct SkAnchorToken {
	const uint8_t *der;
	size_t size;
	int64_t time;
} SkAnchorToken;

/* Return: as in actor.h, for both. */
int sk_anchor_stamped(const SkActor *actor, const char *id, const SkAnchorToken *token);
int sk_anchor_failed(const SkActor *actor, const char *id, const char *error);

/* Makes the digest again of what is in the database now. Return: 0 the same, -EBADMSG another, -ENOENT,
 * others. */
int sk_anchor_check(SkDb *db, const char *id);
