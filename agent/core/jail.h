/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What sekishod may do once it runs: see jail.c. */

/* state_directory is where it may write. Return: 0 or negative errno. */
int core_jail_enter(const char *state_directory);
