/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Inside of the chain: chain.c writes records, chain_open.c opens and recovers, chain_export.c reads. */
#include <pthread.h>

#include "console/store/chain.h"
#include "console/store/id.h"
#include "lib/audit/line.h"
#include "lib/audit/state.h"

#define SK_CHAIN_ACTOR "\"console\"" /* of the chain's own records, as JSON */

/* A record that waits for the end of its transaction. */
typedef struct SkChainRecord {
	struct SkChainRecord *next;
	char *kind;
	char *actor; /* JSON */
	char *body;  /* JSON */
	char *facility;
	char *subject;
} SkChainRecord;

/* Those of one transaction. */
typedef struct SkChainBatch {
	struct SkChainBatch *next;
	SkChain *chain;
	SkDb *db;
	SkChainRecord *first;
	SkChainRecord **last;
	bool locked; /* holds the writing lock */
	SkRatchet *
		ratchet; /* a copy that has stepped over the seals of this batch; the chain's at the commit */
	SkAuditHead head;
	SkAuditHead seal;
	uint32_t unsealed;
} SkChainBatch;

struct SkChain {
	char instance[SK_ID_SIZE];
	int dir_fd;
	int head_fd;
	SkAuditOptions options;
	char boot[33];

	pthread_mutex_t batches_mutex;
	SkChainBatch *batches;

	pthread_mutex_t mutex; /* what follows; held from the writing of records to the end of their commit */
	SkAuditHead head;      /* acknowledged */
	SkSealState seal;
	SkRatchet *ratchet; /* of the epoch that is due */
	uint32_t unsealed;  /* records behind the last seal */
	unsigned head_slot;
	bool doubtful;	/* nobody knows whether the last commit happened: read again first */
	bool state_due; /* seal-state could not be written */
};

/* Formats, hashes and inserts one record behind batch->head. */
int sk_chain_write(SkChainBatch *batch, const SkChainRecord *record);

/*
 * Looks at what the database has behind the last known seal: completes seals whose ratchet did not step, and
 * finds the end. ret_last: the last record there (seq 0: none).
 */
int sk_chain_catch_up(SkChain *chain, SkDb *db, SkAuditHead *ret_last);

/* Stores the seal and the ratchet. */
int sk_chain_store_seal(SkChain *chain);
