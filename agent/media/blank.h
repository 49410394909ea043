/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* For workers: a disk on which nothing is any more, and a new file system. No byte of the medium says
 * anything to who writes it. */
#include <stdint.h>

#include "agent/media/mount.h"

/* What was there is no longer found by anybody: tables at both ends, and where the device can, all the rest.
 * Return: 0 or negative errno. */
int media_wipe(int device_fd, uint64_t size);

/* By mkfs.exfat, in a jail. path: of a block device. Return: 0; -EIO and detail; other negative errno. */
int media_make_exfat(const char *path, MediaDetail *detail);
