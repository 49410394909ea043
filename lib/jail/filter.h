/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The allow-list of system calls, through libseccomp. */
#include "lib/jail/jail.h"

/* Only the jail's calls, with sk_jail_calls_basic and the lists that it asks for. Return: 0 or negative
 * errno. */
int sk_filter_apply(const SkJail *jail);
