/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Codes that a security officer reads out to somebody at a PC without a network (lib/crypt/offline_code.h):
 * for one medium, one account, one action and some hours, once. The row keeps a hash. What the terminal tells
 * when the network is back closes it; a code that was taken back meanwhile, or that nobody gave out, is an
 * alarm.
 */
#include "console/rules/actor.h"
#include "lib/crypt/offline_code.h"
#include "lib/crypt/secret.h"

extern const SkTable sk_offline_codes_table;

typedef struct SkOfflineOrder {
	const char *facility; /* that both belong to */
	const char *terminal, *medium;
	const char *user;   /* account on the terminal */
	const char *action; /* "read" or "read-write" */
	const char *reason;
	int64_t hours; /* 1 to 24; rounded up to what a code can say */
} SkOfflineOrder;

/*
 * console_secret: of seal_key.h. Return: as in actor.h; SK_NOT_FOUND terminal or medium, or they are of two
 * facilities; SK_TERMINAL_NOT_SEALED; SK_MEDIUM_FROZEN.
 */
int sk_offline_code_issue(const SkActor *actor, SkSecret *console_secret, const SkOfflineOrder *order,
	char ret_id[SK_ID_SIZE], char ret_code[SK_OFFLINE_CODE_SIZE]);

/* Works when the terminal hears of it. Return: as in actor.h; SK_CODE_OVER used, taken back or out of its
 * time. */
int sk_offline_code_revoke(const SkActor *actor, const SkRowKey *key);

/* What a terminal tells of a code that was entered there. */
typedef struct SkOfflineUse {
	int64_t counter, start_hour; /* of the code; the counter modulo 4096 */
	const char *medium, *user, *action;
	int64_t at;
} SkOfflineUse;

/* actor: the terminal. Told again it is 0. Return: as in actor.h; SK_NOT_FOUND, which is a record, too. */
int sk_offline_code_used(const SkActor *actor, const SkOfflineUse *use, bool *ret_unknown);
