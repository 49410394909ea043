/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The screen lock (LOCK-1), as far as core has a part in it: sekisho-lock gets its limits from here and tells
 * what became of the sessions, which is recorded, and summed up for each day (screen_days.h).
 */
#include <jansson.h>

#include "agent/core/peer.h"

extern const PeerType peer_lock_type;

/* Reads the days that are kept, and connects. Return: 0 or negative errno. */
int screen_open(Core *core);
void screen_close(Core *core);

/* The limits or the mode may be others than before. */
void screen_tell_limits(Core *core);

/* Who has every session locked now. */
typedef struct ScreenAsk {
	const char *actor; /* as in records */
	uint64_t cookie;   /* of the states that follow; 0: nobody waits for one */
	json_t *body;	   /* for the record, taken over; NULL: nothing more is known */
} ScreenAsk;

/* Return: 0 or negative errno. */
int screen_lock_now(Core *core, const ScreenAsk *ask);

/* Every session of one user; the caller records why. Return: 0 or negative errno. */
int screen_lock_user(Core *core, uid_t uid);

/* How it is now, and the last days, the newest first. */
json_t *screen_to_json(const Core *core);

/* How the lock is, for the console, with the days that it does not have yet. */
json_t *screen_for_console(Core *core);
