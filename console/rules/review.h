/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The periodic review of the records (LOG-4): for each facility and month a task that says what was new, due
 * two weeks into the next month; a person looks, and notes what was found and what is done about it. What was
 * noted stays as it is. One that is overdue is an alert.
 */
#include "console/rules/actor.h"

extern const SkTable sk_reviews_table;

/* Makes the task of the month before now, where a facility has none yet; at most one. Return: as in actor.h.
 */
int sk_review_open(const SkActor *actor, int64_t *ret_count);

typedef struct SkReviewResult {
	SkRowKey key;
	const char *finding; /* what was found: "nothing" is a finding, too */
	const char *action;  /* what is done about it; "": nothing */
} SkReviewResult;

/* Return: as in actor.h; SK_REVIEW_DONE. */
int sk_review_finish(const SkActor *actor, const SkReviewResult *result);
