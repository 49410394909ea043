/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Core's side: limits come in, what became of sessions goes out. */
#include "agent/lock/lock.h"

/* Accepts core, one after the other. Return: 0 or negative errno. */
int core_listen(Lock *lock, int listen_fd);

/* Tells what a step brought; without a core it is kept for the next one. */
void core_tell(Lock *lock, const Seen *session, const LockStep *step);

/* Tells how all of them are, if that is news. */
void core_tell_state(Lock *lock);
