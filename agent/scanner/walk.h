/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * All regular files beneath a directory, one at a time, shallow folders first. Nothing but names of folders
 * still to be read is kept, so a medium with a million files costs no more than one with ten.
 *
 * A hostile medium cannot lead out (openat2: beneath, no symbolic links, no other file system), nor make an
 * open wait (O_NONBLOCK; only regular files are opened), nor go on for ever: depth, path length, folders kept
 * and folders read are bounded. What is beyond is passed over; it stays closed until somebody opens it and
 * waits for its verdict.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc/proto_scanner.h"

#define WALK_DEPTH_MAX 64
#define WALK_FOLDERS_KEPT_MAX 65536
#define WALK_FOLDERS_READ_MAX 1000000

typedef struct Walk Walk;

/* What is only listed: everything, or what is among these identities, sorted by memcmp(). */
typedef struct WalkKnown {
	bool all;
	const SkFileId *files;
	size_t n;
} WalkKnown;

/* root_fd and what known points to stay the caller's and must outlive the walk; NULL: nothing is known.
 * Return: NULL when out of memory. */
Walk *walk_new(int root_fd, const WalkKnown *known);
Walk *walk_free(Walk *walk);

/*
 * The next file, opened for reading (-1: only listed). path: below the root, valid until the next call.
 * Return: 1; 0 when there are no more; negative errno when the medium can no longer be read (-EIO, -ENODEV).
 */
int walk_next(Walk *walk, int *ret_fd, SkFileId *ret_file, const char **ret_path);

/* Files and folders that could not be opened or lie beyond the bounds: nobody knows what is in them. */
uint64_t walk_passed_over(const Walk *walk);
