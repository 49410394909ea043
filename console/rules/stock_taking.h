/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * 棚卸 (OUT-3): a run lists what the ledger says should be there; each medium is then seen (scanned, entered,
 * or plugged in at a terminal) or is missing when the run is closed. What is out by a request counts as out,
 * not as missing.
 */
#include "console/rules/actor.h"

extern const SkTable sk_stock_takings_table;
extern const SkTable sk_stock_sightings_table;

/* Lists all living media of the facility now. fields: facility, name, due, note. */
int sk_stock_taking_begin(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE]);

typedef struct SkSighting {
	const char *run;
	const char *medium; /* its id, or its number on the label */
	const char *place;  /* NULL: where the ledger says */
	const char *note;   /* NULL: none */
} SkSighting;

/*
 * It is there. A medium that the run did not expect (another was entered meanwhile) is added.
 * Return: as in actor.h; SK_STOCK_TAKING_CLOSED; SK_NOT_FOUND: no such medium in this facility.
 */
int sk_stock_taking_see(const SkActor *actor, const SkSighting *sighting);

/* Plugged in at a terminal: it counts in every open run of its facility, and for the ledger. */
int sk_stock_taking_plugged(const SkActor *actor, const char *facility, const char *medium);

/* What was not seen is missing. ret_missing: ids and numbers. Return: as in actor.h; SK_STOCK_TAKING_CLOSED.
 */
int sk_stock_taking_close(const SkActor *actor, const char *run, json_t **ret_missing);
