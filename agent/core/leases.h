/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Leases that this terminal holds (lib/crypt/lease.h), STATE/console/leases.json: what the console signed for
 * each, and the box that sekisho-luks made of the slot's key. A lease ends with its time, with its grant,
 * with its medium, and with too many tries; then the box is gone, the console hears of it, and that it was
 * there is remembered for a while, so that who asks is told why it does not open.
 */
#include <jansson.h>

#include "lib/crypt/lease.h"
#include "lib/reason/reason.h"

typedef struct Core Core;
typedef struct Leases Leases;

/* After grants_open(). Return: 0 or negative errno. */
int leases_open(Core *core);
void leases_close(Core *core);

/* Ends what is over; grants.c calls it whenever anything changed. */
void leases_look(Core *core);
/* This PC belongs to no console any more: all end. */
void leases_forget(Core *core);

typedef struct Lease {
	char id[32], medium[32];
	int64_t from, until;
	size_t box_size; /* 0: nothing is sealed */
	uint8_t box[SK_LEASE_BOX_MAX];
} Lease;

/* code: SK_REASON_NONE and the lease, or why not. Called once, perhaps before leases_take() returns. */
typedef void (*LeaseDone)(Core *core, void *userdata, SkReason code, const Lease *lease);

/* Asks the console for a lease for a medium, before anything is sealed. */
void leases_take(Core *core, const char *medium, LeaseDone done, void *userdata);

/* The box for a lease that was taken. Return: SK_REASON_NONE, SK_LEASE_NONE. */
SkReason leases_keep(Core *core, const char *medium, const void *box, size_t size);

/*
 * The lease that holds now, its box replaced by what was in it, for one try of a passphrase: who tries too
 * often ends it, as at the console. Return: SK_REASON_NONE; SK_LEASE_NONE, SK_LEASE_TIME_OVER,
 * SK_LEASE_GUESSED, SK_CLOCK_SET; SK_RECORDS_FAIL the try cannot be counted.
 */
SkReason leases_try(Core *core, const char *medium, Lease *ret_lease);
/* The passphrase was the right one. */
void leases_opened(Core *core, const char *medium);

/* It has another passphrase now, and what is in the box opens nothing: the next opening takes another lease.
 */
void leases_rekeyed(Core *core, const char *medium);

/* For status: [{id, medium, until, sealed}]. */
json_t *leases_to_json(const Core *core);
