/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Requests that wait until something changes for a terminal: the agents' long polls. A waiting request costs
 * its waiter and its connection, no thread. For any thread.
 *
 * The order that loses nothing: arm, look at the database, suspend. A wake between arming and suspending
 * makes the suspension end at once.
 */
#include <stdbool.h>
#include <stdint.h>

#include "console/store/id.h"
#include "lib/base/own.h"

typedef struct SkPoll SkPoll;
typedef struct SkWaiter SkWaiter;

/* Return: 0 or -ENOMEM. */
int sk_poll_new(SkPoll **ret_poll);
void sk_poll_free(SkPoll *poll); /* nobody waits any more */

/* A waiter of a request. resume is called once for each suspension, from any thread, and may not call back.
 */
int sk_waiter_new(void (*resume)(void *userdata), void *userdata, SkWaiter **ret_waiter);
/* Not while it is suspended. */
void sk_waiter_free(SkPoll *poll, SkWaiter *waiter);

int sk_poll_arm(SkPoll *poll, SkWaiter *waiter, const char *terminal);
/* The request has been suspended until the time (ms of the monotonic clock). */
void sk_poll_suspended(SkPoll *poll, SkWaiter *waiter, int64_t until);
/* Did it end without being woken? */
bool sk_waiter_timed_out(const SkWaiter *waiter);

/* terminal NULL: everybody. */
void sk_poll_wake(SkPoll *poll, const char *terminal);
/* Ends what has waited long enough; called about ten times a second. */
void sk_poll_tick(SkPoll *poll, int64_t now);

unsigned sk_poll_count(SkPoll *poll);
