/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Programs that keep a session open although nobody touches it, by logind's list of inhibitors. Any program
 * of a user's may be on it, so it lengthens the limit by a budget at most, and the record names it.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "lib/ipc/proto_lock.h"

typedef struct Lock Lock;
typedef struct Seen Seen;
typedef SkLockHolder Holder;

/* One line of the list, as logind tells it. */
typedef struct Inhibitor {
	const char *what, *who, *why, *mode;
	uid_t uid;
	pid_t pid;
} Inhibitor;

/* Does it keep the sessions of this user from being idle? Then it is noted. */
bool inhibit_note(Holder *holder, const Inhibitor *inhibitor, uid_t user);

/* Asks logind; lock_look() is called when it has answered. */
void inhibit_ask(Lock *lock, Seen *session);

/* The list may have changed: of no interest but to sessions that are kept open right now. */
void inhibit_ask_again(Lock *lock);

/* Its user is there again. */
void inhibit_forget(Seen *session);
