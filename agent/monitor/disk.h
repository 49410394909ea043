/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is done to a disk that is not internal. A drive can take its time over each of these: call from a job.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/ipc/proto_monitor.h"

/* Which device is meant: the node must be it. */
typedef struct DiskId {
	char sysname[SK_SYSNAME_SIZE];
	char usb[SK_SYSNAME_SIZE]; /* the USB device above, or empty */
	dev_t dev;
	uint8_t bus;   /* SK_BUS_*, never internal */
	bool writable; /* core had it opened for writing, and not for reading since */
} DiskId;

typedef struct DiskMedium {
	bool present;
	uint64_t size; /* bytes; 0 without a medium */
} DiskMedium;

/*
 * Owner root, mode 0600, for a node beneath /dev that is `dev` (0: a character device, any number).
 * Return: 0 right as it was, 1 put right, negative errno. Does not open the device.
 */
int disk_guard_node(const char *sysname, dev_t dev);

/*
 * Opens the device for reading, after it has been made read-only in the block layer, or (writable) the
 * contrary: who gets the descriptor may open it anew for writing. -ENODEV: the node is another device. An
 * empty drive can be opened too.
 */
int disk_open(const DiskId *id, bool writable, int *ret_fd);

/* A drive to burn a disc in, for reading and writing; the block layer stays read-only. -EBUSY: what is in it
 * is mounted. Others as disk_open(). */
int disk_open_burner(const DiskId *id, int *ret_fd);

/* No longer read-only: the monitor only watches now. */
int disk_release(const DiskId *id);

/* While enforcing: guards the node, makes the device read-only (unless core writes to it: id->writable), asks
 * for its medium and has the kernel watch for changes. */
int disk_prepare(const DiskId *id, DiskMedium *ret_medium);

/*
 * Lets the user pull it: opens the tray; switches off the port of a USB disk; takes other disks out of the
 * system. Cards stay where they are. Return: 0, -EBUSY when something is mounted, other negative errno.
 * ret_detail: what was done.
 */
int disk_eject(const DiskId *id, char ret_detail[256]);
