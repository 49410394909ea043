/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Group commit: the transactions of several callers, one after the other, inside of one of the engine, so
 * that they share its fsync. Who runs a transaction (sk_db_transact(), sk_db_snapshot()) does not notice:
 * each is a part with a savepoint, and one that fails takes back itself alone. Nobody may be told that a part
 * happened before sk_db_group_end() has returned 0.
 */
#include "console/db/db.h"

typedef enum SkDbPart {
	SK_DB_PART_GOOD,  /* the parts so far stand */
	SK_DB_PART_ALONE, /* since sk_db_group_next() one asked for what a group cannot do (hooks), or met a
			     row that was made meanwhile: it was taken back, and has to be run again
			     outside */
	SK_DB_PART_OVER,  /* the group is of no use any more: end it, and run all of it again, each alone */
} SkDbPart;

/* Begins a transaction that writes, trying again as sk_db_transact() does. Return: 0 or as there. */
int sk_db_group_begin(SkDb *db);

/* The next caller: what happened to earlier ones does not touch it. */
void sk_db_group_next(SkDb *db);
/* Outside of a group: SK_DB_PART_GOOD. */
SkDbPart sk_db_group_look(const SkDb *db);

/* Commits what stands, or, when the group is over, takes back all of it. Return: 0 committed; -ECANCELED it
 * was over; -ENOTCONN nobody knows; others: not committed. */
int sk_db_group_end(SkDb *db);
