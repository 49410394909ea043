/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The console of ours over a session (vt.h), with the one who asks for its user's password (unlock.h). */
#include "agent/lock/lock.h"

/* Finds what one before us left, and watches which console is in front. Return: 0 or negative errno. */
int cover_open(Lock *lock);

/* Asks for it; lock_look() is called when it is there. */
void cover_take(Lock *lock, const Seen *session);

/* Is it over this session? */
bool cover_is_over(const Lock *lock, const Seen *session);

/* The session is not there any more: nobody is to be let back in. */
void cover_forget_gone(Lock *lock);
