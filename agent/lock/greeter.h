/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who comes back to his session by the sign-in screen of a display manager (light-locker leads there, so does
 * "switch user") has given his password already: the display manager tells logind to unlock the session.
 */
#include <stdbool.h>
#include <systemd/sd-bus.h>

typedef struct Lock Lock;

/* A call to logind that went by. When it unlocks a session and comes from a display manager, its user is
 * there. */
void greeter_hear(Lock *lock, sd_bus_message *message);

/* Where a desktop was ended, or was covered when it ended, its display manager does not always come back by
 * itself (GDM switches consoles while ours is still locked, or leaves it to the session's own process, which
 * was ended with it), and a dead console would be left: a sign-in screen that waits in the background is
 * shown. */
void greeter_show(Lock *lock);

/* A program that asks for passwords before sessions. */
bool greeter_is_known(const char *path);
