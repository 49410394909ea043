/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The emergency function (EMG-1): a code on paper in a sealed envelope that makes one PC, or each PC of a
 * group, refuse nothing for some minutes, without the network, once. Terminals get what they check it with
 * (100 bits behind SHA-256, with the code's id), the console keeps a hash. Every use has to be reviewed by
 * somebody else than who made the code, and then a new one goes into a new envelope.
 */
#include "console/rules/actor.h"
#include "lib/crypt/glass.h"

extern const SkTable sk_break_glass_table;

typedef struct SkBreakGlassOrder {
	const char *facility;
	const char *terminal, *group; /* one of them; the other is NULL */
	const char *kept_by;	      /* who keeps the envelope */
	int64_t minutes, days;	      /* how long a use lasts; how long the code is good */
	const char *replaces;	      /* one that was used; NULL: none */
} SkBreakGlassOrder;

/* Return: as in actor.h; SK_NOT_FOUND; SK_CODE_OVER what it replaces was not used. */
int sk_break_glass_create(const SkActor *actor, const SkBreakGlassOrder *order, char ret_id[SK_ID_SIZE],
	char ret_code[SK_GLASS_CODE_SIZE]);

/* Return: as in actor.h; SK_CODE_OVER. */
int sk_break_glass_revoke(const SkActor *actor, const SkRowKey *key);

typedef struct SkBreakGlassUse {
	const char *id, *user, *reason;
	int64_t at;    /* 0: see ended */
	int64_t ended; /* 0: it runs */
} SkBreakGlassUse;

/* actor: the terminal. Return: as in actor.h; SK_NOT_FOUND it is not of this terminal. */
int sk_break_glass_used(const SkActor *actor, const SkBreakGlassUse *use);

/* What the review found. Return: as in actor.h; SK_CODE_OVER not used, or reviewed before;
 * SK_NOT_BY_YOURSELF. */
int sk_break_glass_review(const SkActor *actor, const SkRowKey *key, const char *finding);
