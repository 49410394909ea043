/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cdrom.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "agent/monitor/apply.h"
#include "agent/monitor/names.h"
#include "agent/monitor/sysfs.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define SYS_BLOCK "/sys/block"
#define USB_CLASS_STORAGE 8
#define LETTING_GO_TRIES 20
#define LETTING_GO_MSEC 100

OWN_DEFINE(DIR, closedir)

/* An exclusive open fails while the disk or one of its partitions is mounted. */
static int open_exclusively(const DiskId *id, int *ret_fd)
{
	char path[SK_SYSNAME_SIZE + 8];
	struct stat st;
	own_fd int fd = -1;

	sk_str_format(path, sizeof(path), "/dev/%s", id->sysname);
	/* What was just unmounted ends a little later: a mapping, the scanner's hold on it. */
	for (unsigned i = 0; i < LETTING_GO_TRIES; i++) {
		fd = open(path, O_RDONLY | O_NONBLOCK | O_EXCL | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 || errno != EBUSY)
			break;
		poll(NULL, 0, LETTING_GO_MSEC);
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) || st.st_rdev != id->dev)
		return -ENODEV;
	*ret_fd = own_take_fd(&fd);
	return 0;
}

static int eject_optical(const DiskId *id, int fd, char detail[256])
{
	/* udev locks the tray; an unlock that fails shows in the eject. */
	ioctl(fd, CDROM_LOCKDOOR, 0);
	if (ioctl(fd, CDROMEJECT, 0) < 0)
		return -errno;
	sk_str_copy(detail, 256, "tray opened");
	return 0;
}

static int eject_card(const DiskId *id, int fd, char detail[256])
{
	sk_str_copy(detail, 256, "card can be pulled");
	return 0;
}

/* How many disks hang on this USB device: a card reader has one for each slot. */
static int count_disks(const char *usb)
{
	own_sysfs_names SysfsNames names = {0};
	int n = 0, r = sysfs_list(SYS_BLOCK, name_is_block, strcmp, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[SYSFS_PATH_SIZE], above[SK_SYSNAME_SIZE];

		if (sysfs_read_path(SYS_BLOCK, names.names[i], path) == 0 && path_find_usb(path, above) &&
			sk_str_eq(above, usb))
			n++;
	}
	return r < 0 ? r : n;
}

/* Counts the interfaces, and takes the storage ones away when asked to. */
static int storage_interfaces(int device_fd, const char *usb, bool take_away, unsigned *ret_others)
{
	int copy = openat(device_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_(closedirp) DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	unsigned others = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		own_fd int fd = -1;
		uint64_t class;

		if (!name_is_usb_interface(entry->d_name, usb))
			continue;
		fd = openat(device_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || sysfs_read_number(fd, "bInterfaceClass", 16, UINT8_MAX, &class) < 0)
			return -ENODEV;
		if (class != USB_CLASS_STORAGE)
			others++;
		else if (take_away && sk_io_write_attr_at(fd, "authorized", "0") < 0)
			return -EIO;
	}
	*ret_others = others;
	return 0;
}

/*
 * A plain disk or stick: the kernel lets go of it and disables its port until it is pulled. A device that is
 * also something else (a keyboard with storage, a telephone) only loses its storage.
 */
static int eject_usb(const DiskId *id, int fd, char detail[256])
{
	own_fd int device_fd = -1;
	unsigned others;
	int r = count_disks(id->usb);

	if (r > 1)
		return eject_card(id, fd, detail);
	if (r >= 0)
		r = sysfs_open(USB_DEVICES, id->usb, &device_fd);
	if (r >= 0)
		r = storage_interfaces(device_fd, id->usb, false, &others);
	if (r < 0)
		return r;
	if (others > 0) {
		sk_str_copy(detail, 256, "storage of the device switched off");
		return storage_interfaces(device_fd, id->usb, true, &others);
	}
	sk_str_copy(detail, 256, "port switched off until the device is pulled");
	return sk_io_write_attr_at(device_fd, "remove", "1");
}

static int eject_other(const DiskId *id, int fd, char detail[256])
{
	own_fd int dir_fd = -1;
	int r = sysfs_open(SYS_BLOCK, id->sysname, &dir_fd);

	if (r == 0)
		r = sk_io_write_attr_at(dir_fd, "device/delete", "1");
	if (r == 0)
		sk_str_copy(detail, 256, "disk stopped and taken out of the system");
	return r == -ENOENT ? -EOPNOTSUPP : r;
}

int disk_eject(const DiskId *id, char ret_detail[256])
{
	static int (*const ways[SK_BUS_MAX_])(const DiskId *id, int fd, char detail[256]) = {
		[SK_BUS_USB] = eject_usb,
		[SK_BUS_SD] = eject_card,
		[SK_BUS_OPTICAL] = eject_optical,
		[SK_BUS_THUNDERBOLT] = eject_other,
		[SK_BUS_ESATA] = eject_other,
	};
	own_fd int fd = -1;
	int r;

	if (id->bus >= SK_BUS_MAX_ || !ways[id->bus])
		return -EPERM;
	r = open_exclusively(id, &fd);
	return r < 0 ? r : ways[id->bus](id, fd, ret_detail);
}
