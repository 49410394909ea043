/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The console's half of a medium's key, asked on behalf of sekisho-media: only under a grant that holds here,
 * now, for the account that sits here. The passphrase is not in what is asked (lib/crypt/oprf.h), and core
 * neither sees nor keeps the key; media checks the answer with the public key of the signed grant.
 */
#include "agent/core/grants.h"
#include "lib/crypt/oprf.h"

typedef struct KeyAnswer {
	SkOprfAnswer answer;
	uint8_t public_key[SK_OPRF_ELEMENT_SIZE]; /* of the grant */
	char grant[32];
} KeyAnswer;

/* code: SK_REASON_NONE and the answer, or why not. Called once, perhaps before media_key_ask() returns. */
typedef void (*KeyDone)(Core *core, void *userdata, SkReason code, const KeyAnswer *answer);

typedef struct KeyAsk {
	GrantAsk grant;
	uint8_t blinded[SK_OPRF_ELEMENT_SIZE];
	KeyDone done;
	void *userdata;
} KeyAsk;

/* Codes: those of grants_find(), those of the console (56xx), and SK_CONSOLE_NEEDED. */
void media_key_ask(Core *core, const KeyAsk *ask);

/* SK_REASON_NONE: the console has it, or will hear of it; or why it does not want it. */
typedef void (*KeyTold)(Core *core, const char *subject, SkReason code);

/*
 * Tells the console of a medium that was prepared: now, or when it can be reached again. body: as the
 * contract of agent.prepared has it, borrowed. Return: 0 and told is called once; negative errno: it is not.
 */
int media_key_prepared(Core *core, json_t *body, const char *subject, KeyTold told);

/* The same of a medium whose key slots were changed: its new recovery key (agent.escrow). */
int media_key_escrow(Core *core, json_t *body, const char *subject, KeyTold told);
