/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The recovery key of a medium: a second slot with a random key, for who has forgotten the passphrase or has
 * to open what somebody left. The terminal that prepares the medium seals it (lib/crypt/box.h) to the
 * organisation's recovery key, whose secret half is on no machine of the network; the console wraps the box
 * once more under the medium's leaf, so that a revocation destroys it, too. The console can neither open a
 * box nor give one out alone:
 *
 *	1. one person asks, with a reason;
 *	2. another one approves, within SK_ESCROW_WAIT_MS;
 *	3. either of the two takes the box, once, within SK_ESCROW_TAKE_MS of the approval;
 *	4. where the recovery key is kept, the box is opened with it (the key itself is kept so that it takes
 * two: one has the token or the paper, the other its passphrase);
 *	5. the slot of the medium is replaced: the escrow is `opened`, and an alert says so until a new one
 * came.
 */
#include <stddef.h>
#include <stdint.h>

#include "console/db/db.h"
#include "console/keys/vault.h"

#define SK_ESCROW_ID_SIZE 27
#define SK_ESCROW_BOX_MAX 1024
#define SK_ESCROW_WAIT_MS (INT64_C(24) * 3600 * 1000)
#define SK_ESCROW_TAKE_MS (INT64_C(3600) * 1000)

/* What the label of the box is made of, for terminal and recovery alike: aad is the medium's id. */
#define SK_ESCROW_BOX_INFO "sekisho escrow 1"

typedef struct SkEscrowBox {
	const char *recovery_key; /* id of the public key */
	const void *box;
	size_t size;
} SkEscrowBox;

/*
 * Stores a box for the living key of a medium, instead of the one before. Inside a transaction.
 * Return: 0, -ENOENT no living key, -EBADMSG no box of ours, -E2BIG, and those of the database.
 */
int sk_escrow_store(SkDb *db, SkVault *vault, const char *medium_id, const SkEscrowBox *box,
	char ret_id[SK_ESCROW_ID_SIZE]);

/* Was this very box stored for the medium, now or ever? Return: 1, 0, negative errno. */
int sk_escrow_is_known(SkDb *db, const char *medium_id, const void *box, size_t size);

/* Inside a transaction. Return: 0 with the opening's id, -ENOENT the medium has no living escrow, -EINVAL no
 * reason. */
int sk_escrow_ask(SkDb *db, const char *medium_id, const char *person_id, const char *reason,
	char ret_opening[SK_ESCROW_ID_SIZE]);

/*
 * Inside a transaction. approve false: refuses. Return: 0, -ENOENT no such opening waits, -EPERM the one who
 * asked cannot decide, -ETIME too late.
 */
int sk_escrow_decide(SkDb *db, const char *opening_id, const char *person_id, bool approve);

/*
 * The box, once. Inside a transaction. The caller frees it.
 * Return: 0, -ENOENT it is not approved (any more), -EPERM neither of the two, -ETIME too late, -EKEYREVOKED
 * the medium was revoked meanwhile.
 */
int sk_escrow_take(
	SkDb *db, SkVault *vault, const char *opening_id, const char *person_id, SkSecret **ret_box);
