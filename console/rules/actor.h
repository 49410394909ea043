/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who does something, for the history, the chain and the rules about two people.
 *
 * What the functions of console/rules answer: 0; a negative errno, which callers forward; or a positive
 * SkReason: the rules refuse it, nothing was changed, and the person is told why. They run inside the
 * caller's transaction (sk_db_transact()), where a refusal rolls back by itself.
 */
#include <jansson.h>
#include <stdint.h>

#include "console/db/db.h"
#include "console/store/chain.h"
#include "console/store/table.h"

typedef struct SkActor {
	SkDb *db;	      /* inside a transaction */
	const SkScope *scope; /* of what the actor may see and change */
	const char *person;   /* its id; NULL: the console itself, or an agent */
	const char *terminal; /* of an agent; NULL: a person at the console */
	const char *second;   /* a second person who was there and confirmed it; NULL: nobody */
	bool fresh;	      /* the person proved themselves just now, with a second factor */
	SkChain *chain;	      /* of this process */
	int64_t now;	      /* ms since 1970: one time for all that the transaction writes */
} SkActor;

/* What a record says. */
typedef struct SkFact {
	const char *kind;	  /* "medium.lose" */
	const char *facility;	  /* NULL: everybody's */
	const char *subject_kind; /* "medium" */
	const char *subject;	  /* its id */
	json_t *body;		  /* taken over; NULL: -ENOMEM, so that json_pack() may stand here */
} SkFact;

/* One record in the console's chain, part of the transaction. Return: 0 or negative errno. */
int sk_actor_record(const SkActor *actor, const SkFact *fact);

#define SK_NUMBER_SIZE 16

/*
 * The next number of a table's rows in a facility, as people call them: the prefix, the year in Japan, and a
 * count from 1
 * ("I2026-0003"). Transactions are serialisable: of two that count at once one is run again.
 */
int sk_actor_number(const SkActor *actor, const char *table, const char *prefix, const char *facility,
	char ret_number[SK_NUMBER_SIZE]);
