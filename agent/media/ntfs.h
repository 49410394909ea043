/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * NTFS on kernels without a driver for it: ntfs-3g, a program in user space. It parses hostile bytes, so it
 * runs as a user of its own with no capability at all; the mount that it asks for is made here, beforehand.
 */
#include "agent/media/mount.h"

typedef struct MediaNtfs {
	int device_fd;
	const char *source; /* a path below /dev */
	MediaOwner owner;
	uid_t run_uid; /* whom ntfs-3g runs as; 0: nobody may, NTFS is refused */
	gid_t run_gid;
} MediaNtfs;

/*
 * The program goes on until the file system is unmounted. Return: a detached, read-only mount; -ENOSYS no
 * FUSE, no ntfs-3g or no user to run it as; -EUCLEAN damaged; other negative errno.
 */
int media_ntfs_mount(const MediaNtfs *ntfs, MediaDetail *detail);

/*
 * The part without privilege (ntfs_serve.c): starts ntfs-3g and answers its questions until it serves, then
 * returns; its exit status is the caller's. Already runs as run_uid. Return: 0 serving; -EUCLEAN it says that
 * the volume is damaged; other negative errno.
 */
int media_ntfs_serve(const MediaNtfs *ntfs, int fuse_fd);
