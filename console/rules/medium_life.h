/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The life of a medium in the ledger (OUT-3, LOSS-1, LOSS-4): which action leads from which state to which,
 * and what it asks for. The transitions are data; media.c carries them out, and nothing else changes the
 * state of a row.
 *
 *	prepared -> in-stock -> requested -> approved -> out -> returned -> inspected -> in-stock
 *	from any living state: lost -> revoked; lost, revoked -> found; retired -> erased or destroyed
 */
#include <stdbool.h>

typedef enum SkMediumState {
	SK_MEDIUM_PREPARED,
	SK_MEDIUM_IN_STOCK,
	SK_MEDIUM_REQUESTED,
	SK_MEDIUM_APPROVED,
	SK_MEDIUM_OUT,
	SK_MEDIUM_RETURNED,
	SK_MEDIUM_INSPECTED,
	SK_MEDIUM_LOST,
	SK_MEDIUM_REVOKED,
	SK_MEDIUM_FOUND,
	SK_MEDIUM_RETIRED,
	SK_MEDIUM_ERASED,
	SK_MEDIUM_DESTROYED,
	SK_MEDIUM_STATE_MAX,
} SkMediumState;

typedef enum SkMediumAction {
	SK_MEDIUM_STOCK,     /* put into stock: after it was prepared, or inspected */
	SK_MEDIUM_REQUEST,   /* a carry-out request names it */
	SK_MEDIUM_WITHDRAW,  /* the request is withdrawn, refused or has expired */
	SK_MEDIUM_APPROVE,   /* the last approval of the request */
	SK_MEDIUM_CARRY_OUT, /* handed over, or opened for writing under its grant */
	SK_MEDIUM_RETURN,    /* given back */
	SK_MEDIUM_INSPECT,   /* checked for malware and against its manifest (OUT-5) */
	SK_MEDIUM_LOSE,	     /* reported lost or stolen */
	SK_MEDIUM_REVOKE,    /* its key at the console was destroyed */
	SK_MEDIUM_FIND,	     /* it turned up again: frozen */
	SK_MEDIUM_TAKE_BACK, /* found and not revoked: to be inspected as after a return */
	SK_MEDIUM_RETIRE,    /* taken out of use */
	SK_MEDIUM_ERASE,     /* erased and read back */
	SK_MEDIUM_DESTROY,   /* could not be erased: destroyed by hand, with a witness */
	SK_MEDIUM_ACTION_MAX,
} SkMediumAction;

/* What an action asks for besides its state. */
enum {
	SK_LIFE_REASON = 1 << 0,      /* a reason in words */
	SK_LIFE_SECOND = 1 << 1,      /* a second person beside the actor */
	SK_LIFE_CERTIFICATE = 1 << 2, /* a certificate: method, person, device, result */
	SK_LIFE_REQUEST = 1 << 3,     /* comes from a request, never by itself */
	SK_LIFE_KEY_GONE = 1 << 4,    /* only after its key was destroyed */
	SK_LIFE_KEY_LIVES = 1 << 5,   /* only while its key exists: what was revoked stays dead */
};

typedef struct SkMediumTransition {
	SkMediumAction action;
	unsigned from; /* a bit for each state */
	SkMediumState to;
	unsigned asks; /* SK_LIFE_* */
} SkMediumTransition;

/* Return: the transition, or NULL when the action is not possible in this state. */
const SkMediumTransition *sk_medium_transition(SkMediumState state, SkMediumAction action);

/* The words of the database and the API ("in-stock", "carry-out"). Return: the value or -EINVAL. */
int sk_medium_state_parse(const char *word);
int sk_medium_action_parse(const char *word);
const char *sk_medium_state_name(SkMediumState state);
const char *sk_medium_action_name(SkMediumAction action);

/* May a grant for it exist, may it be opened for writing? Only while approved or out. */
bool sk_medium_state_is_usable(SkMediumState state);
/* Is it refused everywhere, as every terminal of the facility knows? */
bool sk_medium_state_is_refused(SkMediumState state);
/* Is it gone for good? Nothing leads out of these. */
bool sk_medium_state_is_final(SkMediumState state);
