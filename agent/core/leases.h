/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Leases that this terminal holds (lib/crypt/lease.h), STATE/console/leases.json: what the console signed for
 * each, and the box that sekisho-media made of the slot's key. A lease ends with its time, with its grant,
 * and with its medium; then the box is overwritten, and the console hears that it is gone.
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
	size_t box_size; /* 0: nothing is sealed yet */
	uint8_t box[SK_LEASE_BOX_MAX];
} Lease;

/* code: SK_REASON_NONE and the lease, or why not. Called once, perhaps before leases_take() returns. */
typedef void (*LeaseDone)(Core *core, void *userdata, SkReason code, const Lease *lease);

/* Asks the console for a lease for a medium, before anything is sealed. */
void leases_take(Core *core, const char *medium, LeaseDone done, void *userdata);

/* The box for a lease that was taken. Return: SK_REASON_NONE, SK_LEASE_NONE. */
SkReason leases_keep(Core *core, const char *medium, const void *box, size_t size);

/* Return: SK_REASON_NONE and the lease that holds now and has its box; SK_LEASE_NONE. */
SkReason leases_find(Core *core, const char *medium, Lease *ret_lease);

/* For status: [{id, medium, until, sealed}]. */
json_t *leases_to_json(const Core *core);
