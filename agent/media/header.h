/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * For workers: what lies before the data of a carry-out medium, as bytes. Nobody here knows what they mean,
 * but that the two copies of the metadata come first (SK_LUKS2_METADATA_SIZE each) and the areas of the slots
 * behind them (lib/luks2/profile.h).
 */
#include <stdint.h>

#include "agent/media/mount.h"

/* What is before the data, read once, in memory of its own. Return: a memfd or negative errno. */
int media_header_copy(int device_fd);

/* The same device, for writing: the monitor opens nothing for writing, it only has the block layer let it
 * through. flags: besides O_RDWR. Return: a descriptor or negative errno. */
int media_device_reopen(int device_fd, int flags);

typedef struct MediaHeaderChange {
	int device_fd; /* for writing */
	int before_fd; /* what is on the device; -1: zeros */
	int after_fd;
} MediaHeaderChange;

/*
 * From the one to the other, and reads it back from the device. In this order, each on the medium before the
 * next begins: areas that get a content; the second copy of the metadata; the first copy; areas that become
 * empty. Cut at any moment, one copy is whole, and what it names is there. Return: 0; -EIO; other negative
 * errno.
 */
int media_header_change(const MediaHeaderChange *change, MediaDetail *detail);
