/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The system calls of the mount interface of Linux 5.2 and later, which not every C library we build with has
 * wrappers for. Each returns what the call does, with errno as -errno.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* Linux 5.14 */
#endif

/* What every mount of ours is. */
#define MEDIA_ATTR_COMMON (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW)
#define MEDIA_ATTR (MOUNT_ATTR_RDONLY | MEDIA_ATTR_COMMON)

static inline int media_result(long value)
{
	return value < 0 ? -errno : (int)value;
}

static inline int media_fsopen(const char *type)
{
	return media_result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

static inline int media_fsconfig(int fs_fd, unsigned command, const char *key, const char *value)
{
	return media_result(syscall(SYS_fsconfig, fs_fd, command, key, value, 0));
}

static inline int media_fsmount(int fs_fd, unsigned attributes)
{
	return media_result(syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, attributes));
}

static inline int media_fspick(int mount_fd)
{
	return media_result(syscall(SYS_fspick, mount_fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC));
}

/* Attaches a detached mount at a path below dir_fd. */
static inline int media_move_mount(int mount_fd, int dir_fd, const char *path)
{
	return media_result(syscall(SYS_move_mount, mount_fd, "", dir_fd, path, MOVE_MOUNT_F_EMPTY_PATH));
}

/* A detached mount of the same file system. */
static inline int media_clone_mount(int mount_fd)
{
	return media_result(syscall(
		SYS_open_tree, mount_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (unsigned)AT_EMPTY_PATH));
}
