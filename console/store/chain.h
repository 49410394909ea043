/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The console's own records: a chain of the form of lib/audit for each instance, written in the transaction
 * of what it tells of. Either both are there or neither is.
 *
 * Records are gathered while the transaction runs and written as its last part, under a lock of the process:
 * so the threads of a process queue for the time of a commit only, and nobody waits for the lock while
 * holding what the holder waits for.
 *
 * Outside of the database, in a directory of the instance, are the files of lib/audit/state.h: start-key (to
 * be moved away), seal-state (the ratchet) and head (the last acknowledged record). A database that is put
 * back to an older state is therefore noticed, and recorded as a loss.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/db/db.h"
#include "lib/audit/audit.h"

typedef struct SkChain SkChain;

/*
 * Opens the chain of an instance, or begins it, and brings it in order after a kill. db is used for the
 * opening only. One process an instance (flock on the directory). The row in `instances` is there already.
 * options: seal_every, now and userdata as in lib/audit; NULL: their defaults.
 * Return: 0; -EBUSY another process has it; -EBADMSG the last rows are no records; others.
 */
int sk_chain_open(SkDb *db, const char *instance, const char *directory, const SkAuditOptions *options,
	SkChain **ret_chain);
void sk_chain_free(SkChain *chain);
OWN_DEFINE(SkChain, sk_chain_free)
#define own_chain own_(sk_chain_freep)

typedef struct SkChainEntry {
	const char *kind;     /* dotted words: "request.approved" */
	const char *actor;    /* "person:ID", "terminal:ID", "console" */
	const json_t *body;   /* an object; looked at only during the call */
	const char *facility; /* whom it concerns; NULL: everybody */
	const char *subject;  /* "medium:ID", for the history of a row; NULL: none */
} SkChainEntry;

/*
 * Inside a transaction of sk_db_transact(): this record is part of it. For any thread with its own
 * connection. Return: 0; -EINVAL it cannot be a record; -EMSGSIZE longer than SK_AUDIT_LINE_MAX; others.
 */
int sk_chain_append(SkChain *chain, SkDb *db, const SkChainEntry *entry);

/* Seals what is not sealed yet, in a transaction of its own: before the end of the process, and when idle. */
int sk_chain_seal(SkChain *chain, SkDb *db);

/* The last acknowledged record. */
void sk_chain_get_head(SkChain *chain, SkAuditHead *ret_head);

/* Hands out the lines of an instance in order. fn returning not 0 ends it with that. */
int sk_chain_read(SkDb *db, const char *instance, uint64_t from_seq,
	int (*fn)(void *userdata, uint64_t seq, const char *line), void *userdata);

/*
 * Writes the chain of an instance into an empty directory as segments and a head that sk_audit_verify()
 * reads. The sealing key stays where it is: the verifier remarks that seal-state is missing.
 */
int sk_chain_export(SkDb *db, const char *instance, const char *directory);

/* What is wrong with the last records of a chain. */
#define SK_CHAIN_CHECK_MAX 100000

typedef struct SkChainReport {
	uint64_t records; /* looked at */
	uint64_t last;	  /* the newest one */
	uint64_t bad;	  /* the first that is none, or does not follow the one before; 0: none */
	uint64_t gaps;	  /* where records are missing: the database came from a backup */
	uint64_t head;	  /* the last acknowledged record, by the directory */
	bool head_found;  /* and it is in the database */
} SkChainReport;

/* For anybody, also beside the process that writes. Return: 0, errors of the directory, of the database. */
int sk_chain_check(SkDb *db, const char *instance, const char *directory, SkChainReport *ret_report);
