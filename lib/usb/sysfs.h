/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One USB device of this machine, read from sysfs as an ordinary user: for offline commands (`sekishoctl
 * policy generate`). The agent never does this in one process: there the monitor opens and the probe reads.
 *
 *	own_fd int dir_fd = open("/sys/bus/usb/devices/1-2", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
 *	sk_usb_sysfs_read(dir_fd, &facts);
 *	sk_usb_sysfs_place(dir_fd, &place);
 */
#include "lib/ipc/proto_probe.h"

/* Where a device sits. Empty strings where the kernel does not say. */
typedef struct SkUsbPlace {
	char port[SK_SYSNAME_SIZE];	    /* "1-2.3", or "usb1" of a root hub */
	char connect_type[SK_SYSNAME_SIZE]; /* "hotplug", "hardwired", "not used", "unknown" or empty */
	char parent_hash[SK_USB_HASH_SIZE]; /* of the hub above, or of a controller's path */
} SkUsbPlace;

/*
 * Fills all facts but head. Return: 0, also for a malformed device (facts.state says so); -ENOENT when dir_fd
 * is no USB device; other negative errno. Call sk_crypt_init() once before.
 */
int sk_usb_sysfs_read(int dir_fd, SkUsbFacts *ret_facts);

/* Return: 0, -EBADMSG when the hub above is malformed, or other negative errno. */
int sk_usb_sysfs_place(int dir_fd, SkUsbPlace *ret_place);
