/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Leases: the key of a medium's slot, sealed to one terminal until a time (lib/crypt/lease.h). The terminal
 * asks before it seals, so no lease is out that the console does not know: a receipt of destruction names
 * every one. It ends with its time, or when the terminal says that it is gone, which it does as soon as it
 * hears that the grant has ended.
 */
#include "console/rules/actor.h"

extern const SkTable sk_leases_table;

typedef struct SkLeaseNote {
	char id[SK_ID_SIZE];
	char grant[SK_ID_SIZE];
	int64_t from, until;
} SkLeaseNote;

/*
 * actor: the terminal. The one that is out already is given again. Return: as in actor.h; SK_GRANT_NONE no
 * grant holds for it; SK_LEASE_NOT_GRANTED the grant allows none, or its time is over; SK_TERMINAL_NOT_SEALED
 * it has told no seal key.
 */
int sk_lease_take(const SkActor *actor, const char *medium, SkLeaseNote *ret_note);

/* actor: the terminal; it is gone there. One that is over is 0. Return: as in actor.h; SK_NOT_FOUND. */
int sk_lease_wiped(const SkActor *actor, const char *lease);
