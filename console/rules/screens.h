/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The screens of the PCs (LOCK-1): how each is, as its terminal tells it, what stands open without its user,
 * and the evidence of each day.
 */
#include <stdio.h>

#include "console/rules/actor.h"

/* By terminal and day. */
extern const SkTable sk_lock_days_table;

/*
 * The member `lock` of what the actor's terminal says of itself. A day only grows: what comes late or twice
 * takes nothing back. A screen that stands open, or one that nobody watches any more, is an alert in the same
 * transaction. Return: as in actor.h.
 */
int sk_screen_report(const SkActor *actor, const json_t *lock);

/* What the report is of. */
typedef struct SkScreenPeriod {
	const char *from, *to; /* 2026-01-31, both within */
	const char *facility;  /* NULL: all of the scope */
	const char *after;     /* id of a terminal; NULL: from the first */
	size_t limit;	       /* 0: all */
} SkScreenPeriod;

/* One row for each terminal, also for those that told nothing. {items, next} of the contract. Return: 0 or
 * negative errno. */
int sk_screen_days(SkDb *db, const SkScope *scope, const SkScreenPeriod *period, json_t **ret_answer);

/* The same as a list for spreadsheets, with headings in that language ("ja", "en"). */
int sk_screen_days_csv(
	SkDb *db, const SkScope *scope, const SkScreenPeriod *period, const char *language, FILE *out);
