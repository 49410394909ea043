/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Grants: who may open which medium where, how, and until when. Each is signed when it is issued, and the row
 * keeps what was signed: what is told to terminals (authority.h) is read from there, so that a row that
 * somebody edited grants nothing. A grant lives until its time is over, or its medium leaves the states in
 * which it may be used, or somebody takes it back; its terminals hear of each in the same transaction.
 *
 * A carry-out request is granted to the terminal it was asked from, or, without one, to every group of the
 * facility. A grant for preparing is given by a person, to one terminal; it carries the new medium's public
 * key of the oblivious function, and the organisation's recovery key.
 */
#include "console/keys/signing.h"
#include "console/keys/vault.h"
#include "console/rules/actor.h"
#include "console/rules/medium_life.h"

extern const SkTable sk_grants_table;

/* Issues what an approved request is about, in the transaction of the approval. Return: as in actor.h. */
int sk_grants_of_request(const SkActor *actor, const SkSigning *signing, const char *request);

typedef struct SkGrantKeys {
	const SkSigning *signing;
	SkVault *vault;
} SkGrantKeys;

typedef struct SkPreparation {
	const char *medium, *terminal;
	const char *user; /* account on the terminal; "" anybody who may prepare there */
	int64_t hours;
	bool again; /* it is a medium already, and is to be encrypted anew */
} SkPreparation;

/*
 * Lets a terminal make a registered medium out of a blank one: the medium gets its key here.
 * Return: as in actor.h; SK_NOT_FOUND the terminal; SK_MEDIUM_NOT_POSSIBLE it is not in stock;
 * SK_MEDIUM_PREPARED_ALREADY; SK_RECOVERY_KEY_MISSING.
 */
int sk_grant_prepare(const SkActor *actor, const SkGrantKeys *keys, const SkPreparation *preparation,
	char ret_id[SK_ID_SIZE]);

typedef struct SkErasing {
	const char *medium;
	const char *terminal, *group; /* one of them; the other is NULL */
	const char *user;	      /* account on the terminal; "" anybody who may erase there */
	int64_t hours;
} SkErasing;

/*
 * Lets terminals erase a medium that is retired. Return: as in actor.h; SK_NOT_FOUND the terminal or group;
 * -EINVAL neither, or both; SK_MEDIUM_NOT_POSSIBLE it is not retired; SK_MEDIUM_NOT_RECOGNISED it was never
 * prepared, and no terminal could tell it from others.
 */
int sk_grant_erase(
	const SkActor *actor, const SkSigning *signing, const SkErasing *erasing, char ret_id[SK_ID_SIZE]);

typedef struct SkVisitGrant {
	const char *visit, *medium, *terminal;
	const char *mode; /* "read" or "read-write" */
	const char *user; /* the visitor's account */
	int64_t until;
} SkVisitGrant;

/* From now on, for an open visit (visits.h). Return: as in actor.h; SK_MEDIUM_FROZEN. */
int sk_grant_for_visit(const SkActor *actor, const SkSigning *signing, const SkVisitGrant *visit);

/* All that a visit was granted is over. Return: as in actor.h. */
int sk_grants_end_visit(const SkActor *actor, const char *visit);

/* Return: as in actor.h; SK_GRANT_ENDED it is over already; SK_MEDIUM_REASON_NEEDED. */
int sk_grant_revoke(const SkActor *actor, const SkRowKey *key, const char *reason);

/*
 * The medium (its row as it was) has another state now: grants that this ends are ended, and who has to know
 * is told. For console/rules/ledger.c.
 */
int sk_grants_follow(const SkActor *actor, const json_t *medium, SkMediumState to, const char *reason);

/* One grant is over and its terminals are told. state: "ended" or "revoked". */
int sk_grant_end(const SkActor *actor, const char *grant, const char *state, const char *reason);

/* actor: the terminal. For reading, there, for a working day, by whoever sits at it (sighting.h). Return: as
 * in actor.h. */
int sk_grant_reading(const SkActor *actor, const SkSigning *signing, const char *medium);
