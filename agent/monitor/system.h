/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The disks that this PC runs from, whatever bus they are on: those that carry /, /usr, /boot, /var, /home,
 * swap or a live system, directly or through dm, md, loop. They are never touched.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/ipc/proto.h"

typedef struct SystemDisks {
	dev_t *devs; /* n of them: mounted devices, what they are made of, and the whole disks of all of these
		      */
	size_t n;
} SystemDisks;

/* One line of /proc/self/mountinfo. */
typedef struct MountLine {
	dev_t dev; /* major 0: no block device of its own (btrfs, overlay) */
	char point[256];
	char type[64];
	char source[256];
} MountLine;

/* Return: 0, -EINVAL for what is not such a line, -ENAMETOOLONG. Octal escapes are resolved. */
int mount_line_parse(const char *line, MountLine *ret_mount);
bool mount_point_is_system(const char *point);

/* From the texts of mountinfo and /proc/swaps; parts and holders from sysfs. Caller clears. */
int system_disks_collect(const char *mountinfo, const char *swaps, SystemDisks *ret_disks);
/* The same from /proc. */
int system_disks_read(SystemDisks *ret_disks);
void system_disks_clear(SystemDisks *disks);
#define own_system_disks __attribute__((cleanup(system_disks_clear)))

bool system_disks_have(const SystemDisks *disks, dev_t dev);
/* Does one of them hang below this USB device? */
bool system_disks_beneath_usb(const SystemDisks *disks, const char *usb);

/* The same, read anew; yes when nobody can tell: then nothing is cut off. */
bool system_depends_on_usb(const char *usb);

/* Is the disk of this block device one of them? Reads everything anew. Return: 0 no, 1 yes, negative errno.
 */
int system_disk_check(dev_t dev);
