/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Wakes the agents whose terminal has another revision than before, whichever process changed it: the table
 * of revisions is looked at some times a second, by an index, so that a look at nothing new costs nothing. A
 * handler that wants it sooner calls sk_poll_wake() after its transaction. For one thread.
 */
#include "console/db/db.h"
#include "console/server/poll.h"

typedef struct SkWake SkWake;

/* Return: 0 or -ENOMEM. db and poll are borrowed. */
int sk_wake_new(SkDb *db, SkPoll *poll, SkWake **ret_wake);
void sk_wake_free(SkWake *wake);

/* Return: 0 or negative errno of the database; the next look makes up for it. */
int sk_wake_look(SkWake *wake);
