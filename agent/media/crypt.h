/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The mapping of dm-crypt, by the kernel's own interface: what is mapped are the numbers that sekisho-luks
 * gave for a header that was checked, and the cipher of the profile. libdevmapper is not used: it waits for
 * udev over semaphores that a jail would have to allow, and there is no header for it to look at.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "lib/ipc/proto_carry.h"

#define MEDIA_CRYPT_PATH_SIZE 32

typedef struct MediaCrypt {
	int device_fd;
	bool read_only; /* for the kernel: nobody writes through it */
	const SkLuksVolume *volume;
} MediaCrypt;

/*
 * Maps, and opens what came of it. Return: the descriptor and its path ("/dev/dm-3"); -ENODEV the kernel has
 * no device mapper; -EINVAL a volume that is none; other negative errno.
 */
int media_crypt_open(const MediaCrypt *crypt, char ret_path[MEDIA_CRYPT_PATH_SIZE]);

/* The mapping ends with its last user, be that fd or a mount. fd: of media_crypt_open(). Return: 0 or
 * negative errno. */
int media_crypt_release(int fd);

/*
 * Now, whoever uses it: what is not written yet is written, then the mapping leads nowhere, reads and writes
 * fail, and the kernel forgets the key. Return: 0; -ENOENT the device is no mapping of ours; other negative
 * errno.
 */
int media_crypt_cut(dev_t device);
