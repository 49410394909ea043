/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Programs of the system that a worker runs in a jail of theirs: mkfs.exfat, fsck.exfat. */
#include "agent/media/mount.h"
#include "lib/jail/jail.h"

typedef struct MediaTool {
	const char *program;	      /* absolute */
	const char *const *arguments; /* with its name, ended by NULL */
	SkJail jail;		      /* of which user and group are ours */
} MediaTool;

/* Runs it to its end, without a word from it. Return: its exit status; -EIO and detail when a signal ended
 * it; other negative errno. */
int media_tool_run(const MediaTool *tool, MediaDetail *detail);
