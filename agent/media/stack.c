/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/media/newmount.h"
#include "agent/media/workplace.h"
#include "lib/base/own.h"

#define TEXT(key_, value_)                                                                                   \
	{                                                                                                    \
		MEDIA_OPTION_TEXT, key_, value_, false                                                       \
	}
#define END                                                                                                  \
	{                                                                                                    \
		MEDIA_OPTION_END, NULL, NULL, false                                                          \
	}

/* An empty, read-only layer: overlayfs wants two. It is the upper one, so that it lends its owner and mode to
 * the root, and so that directories of the medium are taken as they are, whatever attributes they carry. */
static int new_empty(const struct stat *root, MediaDetail *detail)
{
	char mode[8];

	snprintf(mode, sizeof(mode), "%04o", root->st_mode & 07777u);
	const MediaOption options[] = {{MEDIA_OPTION_UID, "uid", NULL, false},
		{MEDIA_OPTION_GID, "gid", NULL, false}, TEXT("mode", mode), TEXT("size", "4k"),
		TEXT("nr_inodes", "2"), END};

	return media_mount_new(&(MediaMountOrder){.type = "tmpfs",
				       .source = "sekisho",
				       .options = options,
				       .owner = {root->st_uid, root->st_gid}},
		MEDIA_ATTR, detail);
}

static int new_overlay(const char *layers, MediaDetail *detail)
{
	/* Nothing that the medium says about overlays is followed. */
	const MediaOption options[] = {TEXT("lowerdir", layers), TEXT("redirect_dir", "nofollow"),
		TEXT("metacopy", "off"), TEXT("index", "off"), END};

	return media_mount_new(&(MediaMountOrder){.type = "overlay", .source = "sekisho", .options = options},
		MEDIA_ATTR, detail);
}

static int is_stacking_possible(void)
{
	own_fd int fs_fd = media_fsopen("overlay");

	return fs_fd < 0 ? (fs_fd == -ENODEV ? -ENOSYS : fs_fd) : 0;
}

int media_stack(int mount_fd, MediaDetail *detail)
{
	own_fd int empty = -1, first = -1;
	struct stat root;
	int r = is_stacking_possible();

	if (r < 0)
		return r;
	if (fstatat(mount_fd, "", &root, AT_EMPTY_PATH) < 0)
		return -errno;
	empty = new_empty(&root, detail);
	if (empty < 0)
		return empty;
	r = media_move_mount(empty, AT_FDCWD, WORKPLACE_EMPTY);
	if (r == 0)
		r = media_move_mount(mount_fd, AT_FDCWD, WORKPLACE_MEDIUM);
	if (r < 0)
		return r;
	first = new_overlay(WORKPLACE_EMPTY ":" WORKPLACE_MEDIUM, detail);
	if (first < 0)
		return first;
	r = media_move_mount(first, AT_FDCWD, WORKPLACE_FIRST);
	return r < 0 ? r : new_overlay(WORKPLACE_EMPTY ":" WORKPLACE_FIRST, detail);
}
