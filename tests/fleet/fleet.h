/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A fleet of agents in one process, for measuring and for tests: each has a key of its own, is enrolled by
 * the API, and does what sekisho-uplink does: one long poll, a heartbeat a minute, its records in order with
 * their hashes and seals, and what became of what it was told. What fails comes back with doubling delays and
 * jitter.
 *
 * What the console acknowledged is kept for each agent, so that a test can ask a database whether it is
 * there.
 */
#include <openssl/ssl.h>

#include "lib/crypt/digest.h"
#include "lib/crypt/ratchet.h"
#include "tests/fleet/loop.h"

#define FLEET_ID_SIZE 27
#define FLEET_KINDS 4

typedef enum FleetKind { FLEET_WAIT, FLEET_STATE, FLEET_STATUS, FLEET_RECORDS } FleetKind;

typedef struct Fleet Fleet;

typedef struct FleetAgent {
	Fleet *fleet;
	unsigned number;
	char terminal[FLEET_ID_SIZE];
	EVP_PKEY *key;
	X509 *certificate;
	FleetConn *wait, *work;
	FleetTimer status_due, records_due, wait_again;
	bool status_wanted, records_wanted;
	unsigned failures[FLEET_KINDS]; /* since the last answer to a call of this kind */
	int64_t revision;
	/* Its log: what was written, and what was acknowledged. */
	uint64_t seq, acked;
	char hash[SK_SHA256_HEX_SIZE], acked_hash[SK_SHA256_HEX_SIZE];
	unsigned unsealed;
	uint64_t epoch;
	uint8_t ratchet[SK_RATCHET_KEY_SIZE];
	char *lines; /* not acknowledged yet */
	size_t lines_size;
	bool sending; /* they are on their way */
} FleetAgent;

typedef struct FleetRhythm {
	int64_t status_us, record_us; /* on the average; a record comes at random */
	int64_t retry_us;	      /* the first pause after a failure, at most; it doubles */
} FleetRhythm;

struct Fleet {
	FleetLoop loop;
	FleetPeer peer; /* the listener of the agents */
	FleetRhythm rhythm;
	FleetAgent *agents;
	unsigned count, waiting;
	char boot[33];
	/* How the calls went since the last fleet_clear(). */
	FleetStats took[FLEET_KINDS], woken;
	uint64_t answers[FLEET_KINDS], failed[FLEET_KINDS]; /* failed: no answer, or 429 and 5xx */
	uint64_t refused;				    /* an answer that says that we did wrong */
	int64_t wake_us; /* what changed for all: polls that end are measured from here; 0: nothing did */
};

/* As many descriptors as this process, and what it starts from now on, may have. */
void fleet_raise_limit(void);

/* Agents of the folder, made there when they are not; none is enrolled yet. */
void fleet_init(Fleet *fleet, const char *folder, unsigned count, const char *authority);
void fleet_deinit(Fleet *fleet);

/* Keeps terminals and certificates in the folder. */
void fleet_store(const Fleet *fleet, const char *folder);

typedef struct FleetOfficer {
	const char *host;
	uint16_t port; /* of the people */
	const char *cookie, *csrf, *facility;
} FleetOfficer;

/* Those that are not enrolled yet, by the API. Return: how many were. Ends the program when one is refused.
 */
unsigned fleet_enrol(Fleet *fleet, const FleetOfficer *officer);

/* Begins all agents of the part [first, first + count) at random moments of the time. */
void fleet_start(Fleet *fleet, unsigned first, unsigned count, int64_t within_us);
void fleet_stop(Fleet *fleet);
void fleet_clear(Fleet *fleet);

/* agent.c */
void fleet_agent_start(FleetAgent *agent, int64_t us_from_now);
void fleet_agent_stop(FleetAgent *agent);
int64_t fleet_random(int64_t below);

/* chain.c: the next record of its log, and sometimes a seal behind it. */
void fleet_chain_append(FleetAgent *agent);
