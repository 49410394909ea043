/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The key of a medium's second slot is given out to two people (console/keys/escrow.h): one asks with a
 * reason, another one approves within a day, either takes it within an hour, once. What they get is sealed to
 * the organisation's recovery key, which is on no machine of the network (docs/keys.md). What was given out
 * is open, and an alert says so, until a terminal has replaced the slot (preparation.h). Each step is a
 * record.
 */
#include "console/keys/escrow.h"
#include "console/rules/actor.h"

extern const SkTable sk_recoveries_table;

typedef struct SkRecoveryOrder {
	const char *facility, *medium, *reason;
} SkRecoveryOrder;

/* Return: as in actor.h; SK_NOT_FOUND no such medium there, SK_ESCROW_NONE nothing is kept for it,
 * SK_MEDIUM_FROZEN it was lost. */
int sk_recovery_ask(const SkActor *actor, const SkRecoveryOrder *order, char ret_id[SK_ID_SIZE]);

/* Return: -ENOENT no such row, SK_RECOVERY_NOT_NOW it does not wait, SK_RECOVERY_NOT_BY_YOU the one who
 * asked.
 */
int sk_recovery_decide(const SkActor *actor, const char *id, bool approve);

/* What is given out. */
typedef struct SkRecovered {
	char medium[SK_ID_SIZE];
	char recovery_key[64]; /* that it is sealed to */
	SkSecret *box;
} SkRecovered;

/* Return: as above; SK_RECOVERY_NOT_BY_YOU neither of the two, SK_KEY_DESTROYED the medium was revoked. */
int sk_recovery_take(const SkActor *actor, SkVault *vault, const char *id, SkRecovered *ret_recovered);
void sk_recovered_deinit(SkRecovered *recovered);

/*
 * The medium's second slot has another key, and its escrow another box: what was given out is over with it,
 * and who waits for the one before would get what opens nothing. Return: 1 something was given out, 0, or
 * negative errno.
 */
int sk_recovery_replaced(const SkActor *actor, const char *medium);

/* Ends what nobody decided, or took, in time. */
int sk_recovery_expire(const SkActor *actor, int64_t *ret_count);
