/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Wakes the agents whose terminal has another revision than before, whichever process changed it. A thread
 * and a connection of its own: the database tells it of each commit that changed a revision
 * (SK_DB_REVISIONS), and it looks by itself too, at the table's index, so that nothing depends on a notice:
 * after each connection that it had to make anew, and from time to time.
 */
#include "console/server/poll.h"

typedef struct SkWake SkWake;

/* database: for sk_db_open(), borrowed like poll. Return: 0, -ENOMEM, -EAGAIN no thread. */
int sk_wake_new(const char *database, SkPoll *poll, SkWake **ret_wake);
/* Ends the thread. */
void sk_wake_free(SkWake *wake);
