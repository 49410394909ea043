/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The walker: a child of the parent that opens the files of walks, so that a medium which answers slowly or
 * not at all holds up neither the parent (its watchdog, the files people wait for) nor other media: each walk
 * has a thread of its own. It is the only part of the scanner that opens anything on a medium: core
 * recognises its opens by its pidfd.
 */
#include <stdbool.h>
#include <sys/types.h>

/* Forks it. Return: its pid, or negative errno; ret_fd: the socket for WALK_START, non-blocking. */
pid_t walker_spawn(int *ret_fd);

/*
 * Asks for a walk. Found files come on *ret_fd as WALK_FILE, then WALK_END; closing it ends the walk. All
 * descriptors stay the caller's.
 */
typedef struct WalkerOrder {
	int root_fd;
	int known_fd; /* of SkScanWalk; -1: nothing is */
	bool list;
} WalkerOrder;

int walker_start(int walker_fd, const WalkerOrder *order, int *ret_fd);
