/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a revocation has destroyed, as a document: honest about what it does not reach yet. Also the copies of
 * the vault that people keep, sealed to the offline recovery key, and which of them a revocation has made
 * dangerous.
 */
#include <jansson.h>
#include <stdint.h>

#include "console/db/db.h"
#include "console/keys/vault.h"
#include "console/store/id.h"

/*
 * {
 *   "version": 1, "medium": ID, "made": MS, "epoch": N, "vault": ID, "reason": TEXT, "revoked": MS,
 *   "algorithms": {"function": ..., "wrap": ..., "tree": ...},
 *   "keys": [{"id", "destroyed"}],               what was destroyed
 *   "holders": [{"instance", "name", "keystore", "confirmed": MS or null}],   where, and who has not
 * confirmed yet "destroyed": MS or null,                     everywhere since "leases": [{"terminal",
 * "until", "kind"}],   sealed to terminals, open until then "copies": [{"id", "holder", "place", "epoch",
 * "made"}],   of the vault from before: renew and destroy them "unreadable_from": MS or null null: as long as
 * a holder or a copy is left, nobody can say
 * }
 * Return: 0, -ENOENT the medium was never revoked, -ENOMEM, and those of the database. The caller owns the
 * tree.
 */
int sk_receipt_make(SkDb *db, const char *medium_id, json_t **ret_receipt);

typedef struct SkVaultCopy {
	const char *kind, *holder, *place; /* paper, token, sealed-file; who; where */
	const char *recovery_key;	   /* id of the public key that it is sealed to */
	const char *made_by;
} SkVaultCopy;

typedef struct SkSealedCopy {
	char id[SK_ID_SIZE]; /* of its row */
	SkWrap box;	     /* the caller frees the bytes */
} SkSealedCopy;

/*
 * Seals the vault to the recovery key, for keeping off the machine, and notes who has it. Inside a
 * transaction. The label of the box: info "sekisho vault copy 1", aad the id of the vault. The caller frees
 * it.
 */
#define SK_VAULT_COPY_INFO "sekisho vault copy 1"
int sk_copy_make(SkDb *db, SkVault *vault, const uint8_t recovery_public[SK_BOX_KEY_SIZE],
	const SkVaultCopy *copy, SkSealedCopy *ret_sealed);

/* Somebody says that a copy is destroyed. note: may be NULL. Inside a transaction. Return: 0, -ENOENT. */
int sk_copy_end(SkDb *db, const char *copy_id, const char *person_id, const char *note);

/*
 * A condition on rows of epoch_copies: somebody has it still, and it would bring back what was destroyed
 * since, or lacks a key with which this console signs by now. It is to be destroyed, and a new one made.
 */
#define SK_COPY_IS_OLD                                                                                       \
	"destroyed IS NULL AND (epoch < (SELECT COALESCE(MAX(number), 0) FROM epochs WHERE kind IN "         \
	"('revoke', 'drop', 'restore')) OR made < (SELECT COALESCE(MAX(created), 0) FROM public_keys WHERE " \
	"purpose LIKE 'signing:%'))"

/* How many there are. */
int sk_copy_count_old(SkDb *db, int64_t *ret_count);
