/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Inside of requests: the rule of approval as it is stored, and who a decider is.
 */
#include "console/rules/actor.h"
#include "console/rules/approval.h"

/* The facility's rule now, as JSON text for a request; the caller frees it. */
int sk_request_rule_of_facility(SkDb *db, const char *facility, char **ret_rule);

/* Reads a stored rule; its texts live in json. Return: 0 or -EBADMSG: no rule that can be met. */
int sk_request_rule_parse(const json_t *json, SkApprovalRule *ret_rule);

typedef struct SkDecider {
	SkApprover approver;
	const char *groups[SK_APPROVAL_DECISIONS_MAX + 1];
	json_t *names; /* that groups point into */
} SkDecider;

/* What is known of this person at this facility. Free with sk_decider_deinit(). */
int sk_decider_init(const SkActor *actor, const char *facility, SkDecider *ret_decider);
void sk_decider_deinit(SkDecider *decider);

/* The refusal that a verdict is told as; 0 for those that may. */
int sk_approval_reason(SkApprovalVerdict verdict);
