/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the kernel's mount table says of a descriptor: also when the file system behind it is dead and answers
 * nothing.
 */
#include <stdbool.h>
#include <stddef.h>

typedef struct MediaMountInfo {
	int id, parent;
	bool ours; /* read-only, nosuid, nodev, noexec, and of a type that we mount */
	char source[64];
} MediaMountInfo;

/* Return: 0, -ENOENT not in our mount namespace, or other negative errno. */
int media_mountinfo_read(int fd, MediaMountInfo *ret_info);

/* The path of a mount that lies on the mount with the number. Return: 0, -ENOENT there is none, or other
 * negative errno. */
int media_mountinfo_child(int parent, char *path, size_t size);
