/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Consoles on which somebody works although logind knows no session there: a shell of openvt(1), a sign-in
 * whose PAM has no pam_systemd, an X server started by hand. Each is watched as a session of its own
 * ("tty3"), which can be covered, but not ended. Processes are looked at when another console comes to the
 * front, when a session or an owner goes, and once for each limit that passes.
 */
#include "agent/lock/lock.h"

/* Looks who is there. */
void front_read(Lock *lock);

/* Is it time to look whether somebody is there now? */
bool front_is_due(const Lock *lock, const LockLimits *limits, uint64_t now);

/* When that will be at the latest, or LOCK_NEVER. */
uint64_t front_next(const Lock *lock, const LockLimits *limits);

/* Nobody there can be ended: what would be is covered. */
LockLimits front_limits(const LockLimits *limits);

/* Watches them no more. */
void front_close(Lock *lock);
