/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/workplace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/media/newmount.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define TEXT(key_, value_)                                                                                   \
	{                                                                                                    \
		MEDIA_OPTION_TEXT, key_, value_, false                                                       \
	}
#define END                                                                                                  \
	{                                                                                                    \
		MEDIA_OPTION_END, NULL, NULL, false                                                          \
	}

int media_workplace_enter(MediaDetail *detail)
{
	static const MediaOption options[] = {
		TEXT("mode", "0700"), TEXT("size", "4k"), TEXT("nr_inodes", "8"), END};
	static const char *const names[] = {
		WORKPLACE_EMPTY, WORKPLACE_MEDIUM, WORKPLACE_FIRST, WORKPLACE_FINAL};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	own_fd int mount_fd = media_mount_new(
		&(MediaMountOrder){
			.type = "tmpfs", .source = "sekisho", .options = options, .writable = true},
		MEDIA_ATTR_COMMON, detail);

	if (mount_fd < 0)
		return mount_fd;
	int r = media_move_mount(mount_fd, AT_FDCWD, "/");

	if (r < 0)
		return r;
	own_fd int dir = media_root_open(mount_fd);

	if (dir < 0)
		return dir;
	if (fchdir(dir) < 0)
		return -errno;
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		if (mkdir(names[i], 0700) < 0)
			return -errno;
	return 0;
}
