/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Media that are out and due (OUT-4): a ladder of steps, each so many hours before or after the due time, to
 * whom. As delivered: the requester a day before and at the time, whoever approved it a day after, the
 * security officers after three days; the last step comes again each week. A clinic changes it in the rule
 * "return-late" (alerts.h).
 */
#include "console/rules/actor.h"

#define SK_ESCALATION_ROWS 20

/* Writes to whom it is time to write, of at most SK_ESCALATION_ROWS requests. Return: as in actor.h. */
int sk_escalate(const SkActor *actor, int64_t *ret_count);
