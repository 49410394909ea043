/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Carry-out requests (OUT-4): asked, decided by somebody else, handed over, given back, inspected. A request
 * moves its media through the ledger; nothing else takes a medium out.
 *
 *	waiting -> approved -> out -> returned -> closed
 *	waiting -> refused, withdrawn, expired; approved -> withdrawn, expired
 */
#include "console/rules/actor.h"

extern const SkTable sk_requests_table;
extern const SkTable sk_request_decisions_table;

/* Files for a receiver in an archive; the media of such a request are of this mode in the ledger, too. */
#define SK_REQUEST_KIND_HAND_OVER "hand-over"
/* The same on a disc that is written once, at the PC that the request names. */
#define SK_REQUEST_KIND_OPTICAL "optical"
#define SK_REQUEST_MEDIA_MAX 50
#define SK_REQUEST_DAYS_MAX 366 /* longest period, where the facility says nothing else */

/*
 * fields: the form as it was sent, with "media": ids. The rule of approval is that of the facility now.
 * Return: as in actor.h; SK_REQUEST_PERIOD_WRONG, SK_REQUEST_MEDIUM_TAKEN, SK_MEDIUM_NOT_ENCRYPTED,
 * SK_MEDIUM_FOR_CARRY_OUT, SK_MEDIUM_NO_DISC, SK_DISC_WRITTEN_BEFORE, SK_REQUEST_NO_TERMINAL.
 */
int sk_request_create(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE]);

typedef struct SkRequestDecision {
	const char *request;
	bool approved;
	const char *reason;	/* of a refusal it is needed */
	const char *conditions; /* "" none */
} SkRequestDecision;

/*
 * One person's decision; the last one that was missing approves the request and its media.
 * ret_done: the request is approved now, its grants are due (grants.h).
 * Return: as in actor.h; SK_REQUEST_DECIDED, SK_REQUEST_OWN, SK_REQUEST_OTHER_GROUP,
 * SK_REQUEST_DECIDED_BY_YOU, SK_ROLE_MISSING, SK_SECOND_FACTOR_NEEDED, SK_REQUEST_EXPIRED,
 * SK_MEDIUM_REASON_NEEDED.
 */
int sk_request_decide(const SkActor *actor, const SkRequestDecision *decision, bool *ret_done);

typedef enum SkRequestAction {
	SK_REQUEST_WITHDRAW,  /* by its requester, or a security officer */
	SK_REQUEST_HAND_OVER, /* the media leave */
	SK_REQUEST_RETURN,    /* all media are back */
	SK_REQUEST_CLOSE,     /* all media are inspected */
	SK_REQUEST_EXPIRE,    /* the console's own: its time is over and it never went out */
} SkRequestAction;

/* Return: as in actor.h; SK_REQUEST_NOT_POSSIBLE; SK_REQUEST_NOT_YOURS. */
int sk_request_act(const SkActor *actor, const char *request, SkRequestAction action, const char *note);

/* The media of a request, as rows of the ledger. */
int sk_request_media(const SkActor *actor, const char *request, json_t **ret_media);

/* Requests whose time is over and that never went out: up to 100 ids. */
int sk_request_expired(SkDb *db, int64_t now, json_t **ret_ids);
