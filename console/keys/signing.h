/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The keys with which this instance of the console signs what agents believe: policy, grants, revocations,
 * definitions, heads. Ed25519; seeds are files epoch-N.seed (0600) in a directory of their own (0700), public
 * halves are rows of public_keys, purpose "signing:INSTANCE", which every instance tells the agents.
 *
 * Replacing a key has an overlap: until it ends both sign, so an agent that knows either believes, and learns
 * the new one. The old seed is then destroyed; its public half stays, to verify what it signed.
 */
#include <stdint.h>

#include "console/db/db.h"
#include "lib/dsse/dsse.h"

typedef struct SkSigning SkSigning;

/* Makes the first key when there is none, destroys the seeds whose overlap is over. Not inside a transaction.
 * Return: 0, -EPERM, -EBADMSG, those of the database. */
int sk_signing_open(SkDb *db, const char *directory, const char *instance_id, SkSigning **ret_signing);
void sk_signing_free(SkSigning *signing);
OWN_DEFINE(SkSigning, sk_signing_free)
#define own_signing own_(sk_signing_freep)

/*
 * Every instance gets a new key, and the ones before, of all of them, sign until then. Each does its part in
 * sk_signing_follow(), which SK_EPOCH_CHANNEL calls for. Inside a transaction. Return: 0, -EBUSY an overlap
 * is not over yet, those of the database.
 */
int sk_signing_retire(SkDb *db, int64_t until);

/*
 * Makes the key that this instance lacks, and destroys those whose overlap is over. Not inside a transaction.
 * For one thread. Return: 1 what agents are to believe has changed, 0, or negative errno.
 */
int sk_signing_follow(SkDb *db, SkSigning *signing);

/* Signs with every key that is valid now. For any thread. The caller frees the envelope. Return: 0, -ENOMEM.
 */
int sk_signing_sign(const SkSigning *signing, SkDssePayload payload, char **ret_envelope);

/* The keys of all instances that agents are to believe now. The caller frees the list. */
int sk_signing_list(SkDb *db, SkDsseKey **ret_keys, size_t *ret_count);
