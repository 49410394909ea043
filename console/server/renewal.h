/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The server's certificate while the console serves: taken anew when its files change or SIGHUP comes, and
 * renewed before it ends when it is of our own authority. For the main thread.
 */
#include "console/server/home.h"

/* Before the listeners. Return: 0 or negative errno; home->what says of what. */
int sk_renewal_start(const SkServerSettings *settings, SkHome *home);

/* now: ms of the monotonic clock; to be called every second. */
void sk_renewal_tick(const SkServerSettings *settings, SkHome *home, int64_t now);

/* SIGHUP: at once. */
void sk_renewal_now(const SkServerSettings *settings, SkHome *home);
