/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* No filter of calls of its own: its child runs the PAM modules of this PC, which are not known here; the
 * unit's is in force. */

/* Return: 0 or negative errno. */
int lock_jail_enter(void);
