/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who may approve a request, and when it is approved (OUT-4): by somebody else, in one or two steps, each
 * step by so many members of a group of approvers. Pure: what is known of the request goes in, the answer
 * comes out.
 *
 * A clinic with a single person can say so (`single`): then the requester may decide alone, with a second
 * factor that was asked for just now; the decision carries the mark "alone" into every report.
 */
#include <stdbool.h>
#include <stddef.h>

#define SK_APPROVAL_STEPS_MAX 2
#define SK_APPROVAL_DECISIONS_MAX 16

typedef struct SkApprovalStep {
	const char *group; /* of approvers; "" every approver of the facility */
	unsigned needed;   /* approvals, at least 1 */
} SkApprovalStep;

typedef struct SkApprovalRule {
	SkApprovalStep steps[SK_APPROVAL_STEPS_MAX];
	size_t n_steps; /* at least 1 */
	bool single;
} SkApprovalRule;

typedef struct SkApprovalDecision {
	const char *person;
	size_t step; /* from 0 */
	bool approved;
} SkApprovalDecision;

/* One who wants to decide. */
typedef struct SkApprover {
	const char *person;
	bool is_approver;	   /* holds the role at this facility */
	bool fresh_second_factor;  /* was asked for just now */
	const char *const *groups; /* that the person is in; ends with NULL */
} SkApprover;

typedef enum SkApprovalState {
	SK_APPROVAL_WAITING,
	SK_APPROVAL_APPROVED,
	SK_APPROVAL_REFUSED
} SkApprovalState;

typedef struct SkApprovalStatus {
	SkApprovalState state;
	size_t step;	  /* that is waited for */
	unsigned missing; /* approvals of this step */
} SkApprovalStatus;

typedef enum SkApprovalVerdict {
	SK_APPROVAL_MAY,
	SK_APPROVAL_MAY_ALONE, /* the requester, in a clinic of a single person */
	SK_APPROVAL_DECIDED,   /* nothing is waited for any more */
	SK_APPROVAL_NOT_APPROVER,
	SK_APPROVAL_OWN_REQUEST,
	SK_APPROVAL_OTHER_GROUP,   /* this step is for others */
	SK_APPROVAL_TWICE,	   /* has decided about this request already */
	SK_APPROVAL_SECOND_FACTOR, /* alone, but without a second factor just now */
} SkApprovalVerdict;

/* A rule that can be met at all. */
bool sk_approval_rule_check(const SkApprovalRule *rule);

/* Where the request stands after these decisions, in the order they were made. One refusal refuses it. */
SkApprovalStatus sk_approval_status(
	const SkApprovalRule *rule, const SkApprovalDecision *decisions, size_t n_decisions);

/* May this person decide now? */
SkApprovalVerdict sk_approval_may(const SkApprovalRule *rule, const char *requester,
	const SkApprovalDecision *decisions, size_t n_decisions, const SkApprover *approver);
