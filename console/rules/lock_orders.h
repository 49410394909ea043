/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * "Lock the screens now" (LOCK-1): of all PCs of a facility, of a group, or of one. The order is a signed
 * command to each of them, under the revision that told it, so that nobody says it a second time; it is
 * handed out for a minute and no longer, so that a PC that is switched on tomorrow does not hear of it. Each
 * PC answers how its screen is then.
 */
#include "console/rules/actor.h"

extern const SkTable sk_lock_orders_table;
extern const SkTable sk_lock_order_terminals_table;

typedef struct SkLockOrder {
	const char *facility;
	const char *group, *terminal; /* at most one; NULL */
	const char *reason;
} SkLockOrder;

/* Return: as in actor.h; SK_NOT_FOUND; SK_REQUEST_INVALID both a group and a PC. */
int sk_lock_order(const SkActor *actor, const SkLockOrder *order, char ret_id[SK_ID_SIZE]);

/* What a terminal is to do now: the payload of a command, the newest that it has not answered. NULL: nothing.
 * Return: 0 or negative errno. */
int sk_lock_order_read(SkDb *db, const char *terminal, json_t **ret_payload);

/* What came of it at the actor's terminal: {id, outcome, tookMs}. Return: 0 or negative errno. */
int sk_lock_order_answer(const SkActor *actor, const json_t *answer);

/* For rows of sk_lock_order_terminals_table: whom the order did not reach in its time. */
int sk_lock_order_judge(SkDb *db, json_t *row);
