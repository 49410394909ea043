/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The gate: a fanotify permission group on the whole file system of a mount that nobody sees yet. lib/gate
 * reads it.
 */

#include <stdbool.h>

/* root_fd: see media_root_open(). writable: the group also hears when what was open for writing is closed.
 * Return: the group; -EOPNOTSUPP the kernel has no permission events; other negative errno. */
int media_gate_new(int root_fd, bool writable);
