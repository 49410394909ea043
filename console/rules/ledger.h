/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The ledger of media (OUT-3, OUT-6): registering, changing what is written about a medium, and moving it
 * through its life (medium_life.h). Every change leaves a row in the history and a record in the console's
 * chain.
 */
#include "console/rules/actor.h"
#include "console/rules/medium_life.h"

extern const SkTable sk_media_table;
extern const SkTable sk_media_history_table;

/*
 * A medium that is entered by hand or from a list: it is in stock, and its mode is "none" until an agent
 * prepared it, so it cannot carry data out. fields: as a caller sent them, with the facility. Return: as in
 * actor.h; SK_ALREADY_THERE: the number is taken in this facility.
 */
int sk_ledger_register(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE]);

/* Changes fields of the row; only differences go to the history. Return: as in actor.h. */
int sk_ledger_change(const SkActor *actor, const SkRowKey *key, json_t *fields);

typedef struct SkMediumStep {
	SkRowKey key;
	SkMediumAction action;
	const char *reason;  /* NULL: none was given */
	const char *request; /* of a step that comes from a request; NULL: none */
	bool certified;	     /* the caller writes the certificate of an erasure (erasure.h) */
	bool key_gone;	     /* its key was destroyed in this transaction or before */
} SkMediumStep;

/*
 * One transition. Return: as in actor.h; SK_MEDIUM_NOT_POSSIBLE: not in this state; SK_MEDIUM_REASON_NEEDED,
 * SK_SECOND_PERSON_NEEDED, SK_MEDIUM_CERTIFICATE_NEEDED, SK_MEDIUM_KEY_DEAD, SK_MEDIUM_IN_REQUEST (only the
 * request moves it).
 */
int sk_ledger_step(const SkActor *actor, const SkMediumStep *step);

/* It was seen: by a stock-taking, or plugged in. by: "terminal:ID", "person:ID", "stock-taking:ID". */
int sk_ledger_see(const SkActor *actor, const char *medium, const char *by);
