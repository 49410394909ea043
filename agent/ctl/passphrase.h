/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The passphrase of a medium, asked of who sits there, and handed over in a memfd that nobody can change.
 */

/* Asks without showing it; where standard input is no terminal, its first line. Return: CTL_OK and a
 * descriptor, or the exit status (told on standard error). */
int ctl_passphrase_ask(int *ret_fd);

/* The same for a new one: told what it must be, asked twice on a terminal, and not taken when it is weak. */
int ctl_passphrase_choose(int *ret_fd);
