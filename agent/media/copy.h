/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * `import copy`: everything on a medium is read once into memory, and people get the copy. A medium that
 * answers differently at the second reading is never read twice.
 */
#include "agent/media/mount.h"

/* More than this many files and directories, or a deeper tree, is refused with -EFBIG. */
#define MEDIA_COPY_FILES_MAX 200000
#define MEDIA_COPY_DEPTH_MAX 64

typedef struct MediaCopyOrder {
	int source_root; /* directory */
	uint64_t copy_max;
	MediaOwner owner;
} MediaCopyOrder;

/*
 * Changes the file system identity of the calling process to the session user (for workers): what that user
 * may not read is left out, like everything that is no file or directory. Return: a detached, read-only mount
 * in memory; -EFBIG too large; other negative errno, and detail names the file.
 */
int media_copy(const MediaCopyOrder *order, MediaDetail *detail);
