/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What ends because its time is over, and what is thrown away because nobody asks for it any more. Each call
 * does a bounded number of rows in one transaction, by the console itself, and tells how many, so that the
 * caller comes again while there are some.
 */
#include "console/rules/actor.h"

#define SK_EXPIRY_ROWS 200

/* Requests whose time is over and that never went out; their media go back to stock. Return: as in actor.h.
 */
int sk_expire_requests(const SkActor *actor, int64_t *ret_count);

/* Grants and leases past their end: their terminals hear of it. */
int sk_expire_grants(const SkActor *actor, int64_t *ret_count);

/* Offline codes and break-glass codes that nobody used in their time. */
int sk_expire_codes(const SkActor *actor, int64_t *ret_count);

/* Sessions, challenges, attempts, counters and keys of repeated requests that are over since a while. */
int sk_expire_traces(const SkActor *actor, int64_t *ret_count);
