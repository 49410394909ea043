/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/ntfs.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/media/newmount.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define TEXT(key_, value_)                                                                                   \
	{                                                                                                    \
		MEDIA_OPTION_TEXT, key_, value_, false                                                       \
	}
#define FLAG(key_)                                                                                           \
	{                                                                                                    \
		MEDIA_OPTION_FLAG, key_, NULL, false                                                         \
	}
#define END                                                                                                  \
	{                                                                                                    \
		MEDIA_OPTION_END, NULL, NULL, false                                                          \
	}

/* The mount exists before anybody serves it: requests wait in the descriptor. It belongs to the initial user
 * namespace, so every user is served, and the kernel checks permissions by the modes that are told. */
static int mount_fuse(const MediaNtfs *ntfs, int fuse_fd, MediaDetail *detail)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", fuse_fd);
	const MediaOption options[] = {TEXT("fd", number), TEXT("rootmode", "40000"), TEXT("user_id", "0"),
		TEXT("group_id", "0"), TEXT("subtype", "ntfs"), FLAG("allow_other"),
		FLAG("default_permissions"), END};

	return media_mount_new(&(MediaMountOrder){.type = "fuse", .source = ntfs->source, .options = options},
		MEDIA_ATTR, detail);
}

static int drop_identity(const MediaNtfs *ntfs)
{
	if (setgroups(0, NULL) < 0 || setresgid(ntfs->run_gid, ntfs->run_gid, ntfs->run_gid) < 0 ||
		setresuid(ntfs->run_uid, ntfs->run_uid, ntfs->run_uid) < 0)
		return -errno;
	return 0; /* the kernel took all capabilities with the last root id */
}

/* The go-between: holds what ntfs-3g must not open by itself, and is gone as soon as it serves. */
_Noreturn static void run_helper(const MediaNtfs *ntfs, int fuse_fd, int result_fd)
{
	int r = chdir("/") < 0 ? -errno : drop_identity(ntfs); /* the workplace is root's alone */

	if (r == 0)
		r = media_ntfs_serve(ntfs, fuse_fd);
	ssize_t n = write(result_fd, &r, sizeof(r));

	_exit(n == (ssize_t)sizeof(r) ? 0 : 1);
}

static int run_ntfs3g(const MediaNtfs *ntfs, int fuse_fd)
{
	int sockets[2], r = -ECHILD;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	own_fd int here = sockets[0], there = sockets[1];
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_helper(ntfs, fuse_fd, there);
	close(own_take_fd(&there));
	if (TEMP_FAILURE_RETRY(read(here, &r, sizeof(r))) != (ssize_t)sizeof(r))
		r = -ECHILD;
	TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0));
	return r;
}

int media_ntfs_mount(const MediaNtfs *ntfs, MediaDetail *detail)
{
	own_fd int fuse_fd = -1, mount_fd = -1;
	int r;

	if (ntfs->run_uid == 0 || !sk_str_starts(ntfs->source, "/dev/")) {
		sk_str_copy(detail->text, sizeof(detail->text), "no user to run ntfs-3g as");
		return -ENOSYS;
	}
	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	r = -errno;
	if (fuse_fd < 0) {
		sk_str_copy(detail->text, sizeof(detail->text), "the kernel has neither ntfs3 nor FUSE");
		return r == -ENOENT || r == -ENODEV ? -ENOSYS : r;
	}
	mount_fd = mount_fuse(ntfs, fuse_fd, detail);
	if (mount_fd < 0)
		return mount_fd;
	r = run_ntfs3g(ntfs, fuse_fd);
	if (r == -ENOSYS)
		sk_str_copy(detail->text, sizeof(detail->text),
			"the kernel has no driver for ntfs3, and ntfs-3g is not installed");
	return r < 0 ? r : own_take_fd(&mount_fd);
}
