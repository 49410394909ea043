/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The key of the oblivious function of a medium: made, used within limits, and (epoch.h) destroyed. In the
 * database it is wrapped under a leaf of the vault that is its own.
 */
#include <stdint.h>

#include "console/db/db.h"
#include "console/keys/vault.h"
#include "lib/crypt/oprf.h"

#define SK_MEDIUM_KEY_ID_SIZE 27

typedef struct SkMediumKey {
	char id[SK_MEDIUM_KEY_ID_SIZE];
	uint8_t public_key[SK_OPRF_ELEMENT_SIZE]; /* for the grant, and the ledger */
} SkMediumKey;

/*
 * A new key for a medium that has none alive. Inside sk_db_transact().
 * Return: 0, -EEXIST it has one, -ESTALE no such medium in this facility, -EKEYREVOKED, and those of the
 * database.
 */
int sk_medium_key_new(
	SkDb *db, SkVault *vault, const char *medium_id, const char *facility_id, SkMediumKey *ret_key);

/* Return: 0, -ENOENT the medium never had a key, -EKEYREVOKED it has none alive. */
int sk_medium_key_find(SkDb *db, const char *medium_id, SkMediumKey *ret_key);

/* Who asks for which medium from where. Terminal and person are ids; person: whom the grant names. */
typedef struct SkKeyUse {
	const char *medium_id, *terminal_id, *person_id;
	uint8_t blinded[SK_OPRF_ELEMENT_SIZE];
	const char *grant_id;  /* under which; NULL: none */
	const char *user_name; /* account on the terminal; NULL: not known */
	const char *limited;   /* out: "medium", "terminal" or "person" with -EDQUOT */
} SkKeyUse;

/* What a facility allows of each; 0: nothing. Rows of key_limits go before these. */
typedef struct SkKeyLimit {
	int64_t per_hour, per_day;
} SkKeyLimit;

typedef struct SkKeyLimits {
	SkKeyLimit medium, terminal, person;
} SkKeyLimits;

/*
 * Counts the use, notes it in key_uses and evaluates. Both are in the database before the answer is computed,
 * so a kill in between costs a count and gives nothing away. A guess of a passphrase costs one evaluation.
 * Hours and days are those of UTC; around their ends twice the limit is possible within one hour. Not inside
 * a transaction.
 *
 * Return: 0; -EDQUOT over a limit, use->limited says of what, and nothing was counted; -EBADMSG no element;
 * -ENOENT, -EKEYREVOKED as above; those of the database.
 */
int sk_medium_key_evaluate(
	SkDb *db, SkVault *vault, const SkKeyLimits *limits, SkKeyUse *use, SkOprfAnswer *ret_answer);

/* Forgets the counts of days that are over. */
int sk_medium_key_forget_counts(SkDb *db);
