/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/approval.h"

#include <string.h>

bool sk_approval_rule_check(const SkApprovalRule *rule)
{
	if (rule->n_steps == 0 || rule->n_steps > SK_APPROVAL_STEPS_MAX)
		return false;
	for (size_t i = 0; i < rule->n_steps; i++)
		if (rule->steps[i].needed == 0 || rule->steps[i].needed > SK_APPROVAL_DECISIONS_MAX / 2)
			return false;
	/* Alone there is nobody for a second step. */
	return !rule->single || (rule->n_steps == 1 && rule->steps[0].needed == 1);
}

static unsigned count(const SkApprovalDecision *decisions, size_t n, size_t step)
{
	unsigned approvals = 0;

	for (size_t i = 0; i < n; i++)
		approvals += decisions[i].step == step && decisions[i].approved;
	return approvals;
}

SkApprovalStatus sk_approval_status(
	const SkApprovalRule *rule, const SkApprovalDecision *decisions, size_t n_decisions)
{
	for (size_t i = 0; i < n_decisions; i++)
		if (!decisions[i].approved)
			return (SkApprovalStatus){SK_APPROVAL_REFUSED, decisions[i].step, 0};
	for (size_t step = 0; step < rule->n_steps; step++) {
		unsigned approvals = count(decisions, n_decisions, step);

		if (approvals < rule->steps[step].needed)
			return (SkApprovalStatus){
				SK_APPROVAL_WAITING, step, rule->steps[step].needed - approvals};
	}
	return (SkApprovalStatus){SK_APPROVAL_APPROVED, rule->n_steps - 1, 0};
}

static bool is_member(const SkApprover *approver, const char *group)
{
	if (!*group)
		return true;
	for (const char *const *g = approver->groups; *g; g++)
		if (strcmp(*g, group) == 0)
			return true;
	return false;
}

static SkApprovalVerdict may_decide_own(const SkApprovalRule *rule, const SkApprover *approver)
{
	if (!rule->single)
		return SK_APPROVAL_OWN_REQUEST;
	return approver->fresh_second_factor ? SK_APPROVAL_MAY_ALONE : SK_APPROVAL_SECOND_FACTOR;
}

SkApprovalVerdict sk_approval_may(const SkApprovalRule *rule, const char *requester,
	const SkApprovalDecision *decisions, size_t n_decisions, const SkApprover *approver)
{
	SkApprovalStatus status = sk_approval_status(rule, decisions, n_decisions);

	if (status.state != SK_APPROVAL_WAITING || n_decisions >= SK_APPROVAL_DECISIONS_MAX)
		return SK_APPROVAL_DECIDED;
	if (!approver->is_approver)
		return SK_APPROVAL_NOT_APPROVER;
	for (size_t i = 0; i < n_decisions; i++)
		if (strcmp(decisions[i].person, approver->person) == 0)
			return SK_APPROVAL_TWICE;
	if (!is_member(approver, rule->steps[status.step].group))
		return SK_APPROVAL_OTHER_GROUP;
	if (strcmp(approver->person, requester) == 0)
		return may_decide_own(rule, approver);
	return SK_APPROVAL_MAY;
}
