/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Maintenance visits (MNT-1): applied for day by day, approved by somebody else before, opened when the
 * visitor is there, ended with a report, and checked by a third look. While one is open the media that it
 * names are granted to its account at its terminals; nothing else is.
 *
 *	waiting -> approved -> open -> ended -> closed; waiting -> refused, withdrawn; approved -> withdrawn
 */
#include "console/keys/signing.h"
#include "console/rules/actor.h"

extern const SkTable sk_visits_table;

#define SK_VISIT_HOURS_MAX 24 /* it is applied for day by day */

/* fields: the application, with terminals: ids and devices: [{medium, mode}]. Return: as in actor.h;
 * SK_VISIT_WRONG the time, or what is not of this facility. */
int sk_visit_create(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE]);

/* By an approver other than who applied; alone with a fresh proof where the clinic has one person.
 * Return: as in actor.h; SK_VISIT_NOT_POSSIBLE, SK_REQUEST_OWN, SK_PROOF_NEEDED, SK_MEDIUM_REASON_NEEDED. */
int sk_visit_decide(const SkActor *actor, const char *visit, bool approved, const char *reason);

typedef enum SkVisitAction {
	SK_VISIT_WITHDRAW,
	SK_VISIT_OPEN, /* within its time */
	SK_VISIT_END,  /* text: the work report */
	SK_VISIT_CLOSE /* checked, by somebody else than who applied */
} SkVisitAction;

/* signing: for OPEN. Return: as in actor.h; SK_VISIT_NOT_POSSIBLE, SK_NOT_BY_YOURSELF,
 * SK_MEDIUM_REASON_NEEDED. */
int sk_visit_act(const SkActor *actor, const SkSigning *signing, const char *visit, SkVisitAction action,
	const char *text);
