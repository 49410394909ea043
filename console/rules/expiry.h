/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What ends because its time is over, and what is thrown away because nobody asks for it any more. Each call
 * does a bounded number of rows in one transaction, by the console itself, and tells how many, so that the
 * caller comes again while there are some.
 */
#include "console/rules/actor.h"

#define SK_EXPIRY_ROWS 200

/* A request of sk_request_expired(); its media go back to stock. Return: as in actor.h: one whose medium has
 * a story of its own by now is refused, and stays as it is. */
int sk_expire_request(const SkActor *actor, const char *id);

/* Grants and leases past their end: their terminals hear of it. */
int sk_expire_grants(const SkActor *actor, int64_t *ret_count);

/* Offline codes and break-glass codes that nobody used in their time. */
int sk_expire_codes(const SkActor *actor, int64_t *ret_count);

/* Sessions, challenges, attempts, counters and keys of repeated requests that are over since a while. */
int sk_expire_traces(const SkActor *actor, int64_t *ret_count);
