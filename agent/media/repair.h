/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A file system that was not closed, because its medium was pulled out or the power went. exfat has no
 * journal: what was being written may hold room that counts as free, and whatever is written next would be
 * written over it.
 */
#include "agent/media/mount.h"

/*
 * When the kernel marked the exfat on it as open: fsck.exfat, in a jail. fd: of the block device at path.
 * Return: 0; -EUCLEAN and detail: it cannot be repaired; other negative errno.
 */
int media_repair_exfat(int fd, const char *path, MediaDetail *detail);
