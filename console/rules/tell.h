/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Telling terminals that something changed for them: their revision is raised in the transaction of the
 * change, which ends their long poll. The revision is the serial of what is signed for a terminal, too
 * (authority.h), so it is at least the time in ms: a console whose database came from a backup is above what
 * its terminals have seen as soon as anything changes.
 */
#include "console/rules/actor.h"

/* What is signed for them and stays as it was, but for its serial. */
enum { SK_SAME_GRANTS = 1, SK_SAME_REVOCATIONS = 2 };

/* Which terminals: exactly one is set; and of what they need not hear. */
typedef struct SkAudience {
	const char *terminal, *group, *facility;
	bool given; /* to whom a policy was given in this moment (terminal_policies) */
	bool all;
	unsigned same; /* SK_SAME_* */
} SkAudience;

/* Return: 0 or negative errno of the database. */
int sk_tell(const SkActor *actor, const SkAudience *audience);
