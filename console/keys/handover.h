/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The holders of a vault, and how secrets get from one to the next: sealed to a key that lives in the memory
 * of the receiving process only. What lies in the database, and in its backups, is closed for good when that
 * process ends, even for who later has its files.
 *
 * Who is a holder. The first is the one that made the vault. Another asks; a person compares the fingerprint
 * that the new instance shows with the one that a holder shows, and lets it in: a database that was written
 * to cannot add a holder by itself. A holder's key for later hand-overs carries a MAC that only a holder can
 * make.
 */
#include <stdint.h>

#include "console/db/db.h"
#include "console/keys/vault.h"

#define SK_HANDOVER_FINGERPRINT_SIZE 40 /* 8 groups of 4 hexadecimal digits */

/* Tells the others where to hand over to. At start, after sk_epoch_apply(). */
int sk_handover_publish(SkDb *db, SkVault *vault);

/* One more instance that has the vault. Inside a transaction; the row of `instances` exists. */
int sk_handover_add_holder(SkDb *db, const char *instance_id);

/* A holder that is gone for good does not hold up the end of an epoch any more. Inside a transaction. */
int sk_handover_end_holder(SkDb *db, const char *instance_id);

/*
 * Seals a new generation's tree to every other holder. Inside a transaction.
 * Return: 0, -EHOSTDOWN a holder has published no key that can be believed, and those of the database.
 */
int sk_handover_seal(SkDb *db, SkVault *vault, uint64_t epoch, SkSecret *tree);

/*
 * The part of sk_epoch_apply() for a renewal. A renewal that was cut short before anybody had its tree is
 * abandoned, when this is the only holder. Return: 0, -ESTALE nothing was handed over to us.
 */
int sk_handover_apply(SkDb *db, SkVault *vault, uint64_t epoch, uint32_t generation);

/* An instance that wants to join: its key, in memory. */
typedef struct SkJoin SkJoin;

/*
 * The row of `instances` exists. The fingerprint is for a person to compare. Who was let in and ended before
 * it had anything asks again. Return: 0, -EALREADY it is a holder.
 */
int sk_join_ask(SkDb *db, const char *instance_id, SkJoin **ret_join,
	char ret_fingerprint[SK_HANDOVER_FINGERPRINT_SIZE]);
void sk_join_free(SkJoin *join);
OWN_DEFINE(SkJoin, sk_join_free)
#define own_join own_(sk_join_freep)

typedef struct SkAdmission {
	const char *instance_id;
	const char *fingerprint; /* as the new instance showed it */
	const char *actor;
	SkSecret *home; /* what else it needs, for sk_join_home(); NULL: nothing */
} SkAdmission;

/*
 * By a holder. Inside a transaction. Return: 0, -ENOENT nobody asked, -EKEYREJECTED another fingerprint,
 * -ESTALE sk_epoch_apply() first.
 */
int sk_join_admit(SkDb *db, SkVault *vault, const SkAdmission *admission);

/*
 * By the new instance, when it was let in: what else was handed over, before sk_join_take(). Return: 0,
 * -EAGAIN not yet, -EBADMSG it is not for us.
 */
int sk_join_home(SkDb *db, SkJoin *join, SkSecret **ret_home);

/*
 * By the new instance, when it was let in: makes its vault, and ends the join. sk_epoch_apply() follows.
 * Takes the keystore on success. Return: 0, -EAGAIN not yet, and those of sk_vault_import().
 */
int sk_join_take(SkDb *db, SkJoin *join, const char *directory, SkKeystore *keystore, SkVault **ret_vault);
