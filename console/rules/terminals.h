/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * PCs: one-time codes, enrolment, certificates, what they tell of themselves, and the end. An agent is
 * believed to be the terminal of its certificate and nothing else; one that was retired is nobody, whatever
 * its certificate says.
 */
#include "console/keys/ca.h"
#include "console/rules/actor.h"

#define SK_TERMINAL_SECRET_HASH_SIZE 32 /* SHA-256 of the secret's text (lib/enrol/code.h) */

extern const SkTable sk_terminals_table;
extern const SkTable sk_enrolment_codes_table;

typedef struct SkEnrolmentOrder {
	const char *facility;
	const char *group; /* NULL: the first of the facility, made when there is none */
	const char *name;  /* that the terminal gets; "": as it calls itself */
	int64_t expires;
	uint8_t secret_hash[SK_TERMINAL_SECRET_HASH_SIZE];
} SkEnrolmentOrder;

/* Return: as in actor.h; SK_NOT_FOUND the facility or group; SK_REQUEST_INVALID it would never be valid. */
int sk_enrolment_create(const SkActor *actor, const SkEnrolmentOrder *order, char ret_id[SK_ID_SIZE]);

/* Return: as in actor.h; SK_ENROLMENT_OVER it was used, or taken back before. */
int sk_enrolment_revoke(const SkActor *actor, const SkRowKey *key);

/* Who signs certificates of terminals, and for how long. */
typedef struct SkTerminalIssuer {
	SkCa *ca;
	int64_t life_ms;
} SkTerminalIssuer;

typedef struct SkTerminalRequest {
	SkTerminalIssuer issuer;
	const SkCsrKey *key;
	uint8_t secret_hash[SK_TERMINAL_SECRET_HASH_SIZE];
	const json_t
		*facts; /* {name, system, kernel, machine, version}: of a stranger, checked by the contract */
} SkTerminalRequest;

typedef struct SkTerminalEnrolled {
	char terminal[SK_ID_SIZE];
	char *certificate; /* PEM; the caller frees it. A transaction that is run again makes another one */
} SkTerminalEnrolled;

/*
 * The same code with the same key again is the same terminal: an enrolment that was cut. Return: as in
 * actor.h; SK_ENROLMENT_REFUSED no such code, used, taken back, too late: a stranger does not hear which.
 */
int sk_terminal_enrol(const SkActor *actor, const SkTerminalRequest *request, SkTerminalEnrolled *enrolled);

/* Another certificate for the actor's terminal; the one before stays good until its end. Return: as in
 * actor.h. */
int sk_terminal_renew(const SkActor *actor, const SkTerminalIssuer *issuer, const SkCsrKey *key,
	SkTerminalEnrolled *enrolled);

/* Is it enrolled now? Return: 0, -ENOENT, others. */
int sk_terminal_check(SkDb *db, const char *terminal);

/* What it tells: status as the contract has it. Return: as in actor.h. */
typedef struct SkTerminalContact {
	const char *address;
	const int64_t *clock_offset; /* ms that its clock is ahead of ours; NULL: it did not say */
} SkTerminalContact;

int sk_terminal_report(const SkActor *actor, const json_t *status, const SkTerminalContact *contact);

/* It has carried out what was told up to a revision. Return: as in actor.h. */
int sk_terminal_confirm(const SkActor *actor, int64_t revision);

/* What a terminal that asks is told beside its documents: by these it knows what to fetch. One statement,
 * because thousands ask at the same time. */
typedef struct SkTerminalNews {
	int64_t revision;
	int64_t records;	     /* where its chain stands; 0 without one */
	int64_t policy, definitions; /* serials of their documents; 0: there is none */
} SkTerminalNews;

/* Return: 0, -ENOENT it is not enrolled, others. */
int sk_terminal_news(SkDb *db, const char *terminal, SkTerminalNews *ret_news);

/* The end: its certificates are revoked, it is not listened to any more. Return: as in actor.h; SK_NOT_FOUND.
 */
int sk_terminal_retire(const SkActor *actor, const SkRowKey *key, const char *reason);
