/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/usb_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/monitor/sysfs.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/proto.h"

#define INTERFACES_DEFAULT "interface_authorized_default"
/* Room of the device's raw descriptors: 18 bytes and at most 255 configurations of 65,535 bytes in theory;
 * the kernel accepts 8 configurations. */
#define DESCRIPTORS_MAX (18 + 8 * 65535)

UsbHandle *usb_handle_new(int dir_fd)
{
	UsbHandle *handle = malloc(sizeof(*handle));

	if (!handle) {
		close(dir_fd);
		return NULL;
	}
	*handle = (UsbHandle){.dir = dir_fd, .authorized = -1, .interfaces_default = -1};
	handle->descriptors = openat(dir_fd, "descriptors", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return handle;
}

UsbHandle *usb_handle_close(UsbHandle *handle)
{
	if (!handle)
		return NULL;
	const int fds[] = {handle->dir, handle->descriptors, handle->authorized, handle->interfaces_default};
	for (size_t i = 0; i < SK_ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(handle);
	return NULL;
}

int usb_handle_open(const char *sysname, UsbHandle **ret_handle)
{
	int fd, r = sysfs_open(USB_DEVICES, sysname, &fd);

	if (r < 0)
		return r;
	*ret_handle = usb_handle_new(fd);
	return *ret_handle ? 0 : -ENOMEM;
}

static int open_default_of_bus(UsbHandle *handle)
{
	char bus[SK_SYSNAME_SIZE];
	own_fd int dir_fd = -1;
	int r;

	sk_str_format(bus, sizeof(bus), "usb%u", handle->busnum);
	r = sysfs_open(USB_DEVICES, bus, &dir_fd);
	if (r < 0)
		return r;
	handle->interfaces_default = openat(dir_fd, INTERFACES_DEFAULT, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return handle->interfaces_default < 0 ? -errno : 0;
}

int usb_handle_complete(UsbHandle *handle)
{
	uint64_t busnum, devnum;

	if (handle->complete)
		return 0;
	if (sysfs_read_number(handle->dir, "busnum", 10, UINT16_MAX, &busnum) < 0 ||
		sysfs_read_number(handle->dir, "devnum", 10, UINT16_MAX, &devnum) < 0)
		return -ENODEV;
	handle->busnum = (uint16_t)busnum;
	handle->devnum = (uint16_t)devnum;
	if (handle->authorized < 0)
		handle->authorized = openat(handle->dir, "authorized", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (handle->authorized < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	if (handle->interfaces_default < 0)
		open_default_of_bus(handle);
	handle->complete = true;
	return 0;
}

int usb_handle_digest(const UsbHandle *handle, uint8_t ret_digest[SK_SHA256_SIZE])
{
	char piece[4096];
	size_t size = 0;
	SkSha256 hash;
	ssize_t n;

	if (handle->descriptors < 0)
		return -ENOENT;
	sk_sha256_init(&hash);
	do {
		n = pread(handle->descriptors, piece, sizeof(piece), (off_t)size);
		if (n < 0)
			return -errno;
		sk_sha256_update(&hash, piece, (size_t)n);
		size += (size_t)n;
		if (size > DESCRIPTORS_MAX)
			return -EFBIG;
	} while (n == (ssize_t)sizeof(piece)); /* a shorter piece is the last */
	sk_sha256_final(&hash, ret_digest);
	return 0;
}

int usb_switch_read(int fd)
{
	char text[8];
	ssize_t n = pread(fd, text, sizeof(text), 0);

	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	return text[0] == '1';
}

int usb_switch_set(int fd, bool on)
{
	ssize_t n = pwrite(fd, on ? "1" : "0", 1, 0);

	if (n < 0)
		return -errno;
	return n == 1 ? 0 : -EIO;
}
