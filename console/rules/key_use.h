/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The console's half of opening a medium (LOSS-3): a terminal asks for an evaluation of the medium's
 * oblivious function, under a grant that lives for it, for the account that the grant names, now. Each
 * question is counted and noted in key_uses, the refused ones too; a guess of a passphrase costs one.
 *
 * Limits by hour and day: of the medium 20 and 60, of a terminal and of a person 60 and 300; a row of
 * key_limits is another limit for its subject.
 */
#include "console/keys/medium_key.h"
#include "console/keys/vault.h"
#include "console/rules/actor.h"

extern const SkTable sk_key_uses_table;
extern const SkTable sk_key_limits_table;

typedef struct SkKeyQuestion {
	const char *terminal; /* that asks, by its certificate */
	const char *medium;
	const char *user; /* account on the terminal, by its own word */
	uint8_t blinded[SK_OPRF_ELEMENT_SIZE];
	int64_t now;
} SkKeyQuestion;

typedef struct SkKeyReply {
	char grant[SK_ID_SIZE];
	uint8_t public_key[SK_OPRF_ELEMENT_SIZE];
	SkOprfAnswer answer;
} SkKeyReply;

/*
 * Not inside a transaction. Return: 0; negative errno; SK_GRANT_NONE, SK_GRANT_NOT_YET, SK_GRANT_OVER,
 * SK_GRANT_OTHER_USER, SK_MEDIUM_FROZEN, SK_KEY_LIMIT_MEDIUM, SK_KEY_LIMIT_TERMINAL, SK_KEY_LIMIT_PERSON,
 * SK_KEY_DESTROYED, SK_REQUEST_INVALID (no element).
 */
int sk_key_use(SkDb *db, SkVault *vault, const SkKeyQuestion *question, SkKeyReply *ret_reply);

typedef struct SkKeyCut {
	const char *medium, *reason;
} SkKeyCut;

/*
 * In the transaction of what ends the medium: its key is cut where it has one (vault NULL: it is left). The
 * caller applies that right after the transaction (sk_epoch_apply()). ret_gone: nothing at the console opens
 * the medium any more. Return: as in actor.h.
 */
int sk_key_cut(const SkActor *actor, SkVault *vault, const SkKeyCut *cut, bool *ret_gone);

typedef struct SkKeyLimitOrder {
	const char *facility;
	const char *kind, *id; /* "medium", "terminal" or "person" of the facility */
	int64_t per_hour, per_day;
} SkKeyLimitOrder;

/* Another limit for one subject. Return: as in actor.h; SK_NOT_FOUND no such subject there. */
int sk_key_limit_set(const SkActor *actor, const SkKeyLimitOrder *order);

/* The usual limit again, also where there was no other. Return: as in actor.h; SK_NOT_FOUND. */
int sk_key_limit_remove(const SkActor *actor, const SkKeyLimitOrder *order);
