/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Codes that somebody reads out (lib/crypt/offline_code.h), entered here while there is no network: what each
 * allows holds until its window ends, once, and the console hears of it when it can be reached.
 * STATE/console/codes.json keeps what was taken and how often somebody was wrong: over a restart neither is
 * forgotten.
 */
#include <jansson.h>

#include "agent/core/grants.h"

typedef struct Codes Codes;

/* After seal_open(). Return: 0 or negative errno. */
int codes_open(Core *core);
void codes_close(Core *core);
void codes_forget(Core *core);

typedef struct CodeEntry {
	const char *text;
	const char *medium, *action; /* "read" or "read-write" */
	const char *user, *actor;
} CodeEntry;

/* Return: SK_CODE_TAKEN; SK_CODE_SLIP, SK_CODE_WRONG, SK_CODE_NOT_NOW, SK_CODE_OVER, SK_CODES_TOO_MANY,
 * SK_CODE_NO_SECRET, SK_MEDIUM_FROZEN. Each is a record. */
SkReason codes_enter(Core *core, const CodeEntry *entry);

/* What was taken and holds: a grant, borrowed; NULL. */
const json_t *codes_find(Core *core, const GrantAsk *ask, const SkStrictTime *now);

/*
 * Wrong codes of all kinds are counted together. Return: may one more be tried? codes_wrong(): it was wrong.
 */
bool codes_may_try(Core *core);
void codes_wrong(Core *core);
