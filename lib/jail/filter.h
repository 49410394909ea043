/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The allow-list of system calls, through libseccomp. */
#include <stdbool.h>

#include "lib/jail/jail.h"

/* Return: 0 or negative errno. Adds sk_jail_calls_basic to the calls, with loops sk_jail_calls_loop too. name
 * must live as long as the process.
 */
int sk_filter_apply(const char *name, const SkJailCall *calls, bool loops);
