/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The keys with which this instance of the console signs what agents believe: policy, grants, revocations,
 * definitions, heads. Ed25519; seeds are files epoch-N.seed (0600) in a directory of their own (0700), public
 * halves are rows of public_keys, purpose "signing:INSTANCE", which every instance tells the agents.
 *
 * Replacing a key has an overlap: until it ends both sign, so an agent that knows either believes. The old
 * seed is then destroyed; its public half stays, to verify what it signed.
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

/* A new key from now on; the ones before sign until now + overlap (ms). Not inside a transaction. For one
 * thread. */
int sk_signing_rotate(SkDb *db, SkSigning *signing, int64_t overlap);

/* Signs with every key that is valid now. For any thread. The caller frees the envelope. Return: 0, -ENOMEM.
 */
int sk_signing_sign(const SkSigning *signing, SkDssePayload payload, char **ret_envelope);

/* The keys of all instances that agents are to believe now. The caller frees the list. */
int sk_signing_list(SkDb *db, SkDsseKey **ret_keys, size_t *ret_count);
