/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Around everything that comes from the network. */

/* directory: of the mirror. Return: 0 or negative errno. */
int mirror_jail_enter(const char *directory);
