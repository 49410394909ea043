/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/usb/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/usb/descriptors.h"
#include "lib/usb/hash.h"
#include "lib/usb/text.h"

#define ATTRIBUTE_MAX 4096 /* sysfs gives at most a page */

/* An attribute that is absent is an empty text. */
static int read_text(int dir_fd, const char *name, char *dst, size_t size)
{
	own_free char *data = NULL;
	size_t n;
	int r = sk_io_read_file_at(dir_fd, name, ATTRIBUTE_MAX, &data, &n);

	if (r == -ENOENT) {
		dst[0] = 0;
		return 0;
	}
	return r < 0 ? r : sk_usb_text_take(dst, size, data, n);
}

int sk_usb_sysfs_read(int dir_fd, SkUsbFacts *ret_facts)
{
	SkUsbFacts facts = {.state = SK_USB_FACTS_UNREADABLE};
	own_free char *data = NULL;
	size_t size;
	int r = sk_io_read_file_at(dir_fd, "descriptors", SK_USB_DESCRIPTORS_MAX, &data, &size);

	if (r == 0)
		r = read_text(dir_fd, "manufacturer", facts.manufacturer, sizeof(facts.manufacturer));
	if (r == 0)
		r = read_text(dir_fd, "product", facts.product, sizeof(facts.product));
	if (r == 0)
		r = read_text(dir_fd, "serial", facts.serial, sizeof(facts.serial));
	if (r < 0)
		return r;
	if (sk_usb_descriptors_parse((const uint8_t *)data, size, &facts, NULL) == 0)
		sk_usb_hash(&facts, (const uint8_t *)data, size, facts.hash);
	*ret_facts = facts;
	return 0;
}

/* The path of a directory in sysfs, counted from its root as the kernel's DEVPATH is; NULL when it is not
 * there. */
static const char *find_devpath(int dir_fd, char *path, size_t size)
{
	char link[sizeof("/proc/self/fd/") + 11];
	ssize_t n;

	sk_str_format(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
	n = readlink(link, path, size);
	if (n < 0 || (size_t)n == size)
		return NULL;
	path[n] = 0;
	return strstr(path, "/devices/");
}

static int hash_parent(int dir_fd, char ret_hash[SK_USB_HASH_SIZE])
{
	own_fd int parent_fd = openat(dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[PATH_MAX];
	const char *devpath;
	SkUsbFacts facts;
	int r;

	if (parent_fd < 0)
		return -errno;
	r = sk_usb_sysfs_read(parent_fd, &facts);
	if (r == 0 && facts.state != SK_USB_FACTS_OK)
		return -EBADMSG;
	if (r == 0) {
		memcpy(ret_hash, facts.hash, SK_USB_HASH_SIZE);
		return 0;
	}
	if (r != -ENOENT)
		return r;
	devpath = find_devpath(parent_fd, path, sizeof(path));
	if (!devpath)
		return -ENOENT;
	sk_usb_hash_text(devpath, ret_hash);
	return 0;
}

int sk_usb_sysfs_place(int dir_fd, SkUsbPlace *ret_place)
{
	SkUsbPlace place = {0};
	char path[PATH_MAX];
	const char *devpath = find_devpath(dir_fd, path, sizeof(path));
	int r;

	if (!devpath)
		return -ENOENT;
	if (!sk_str_copy(place.port, sizeof(place.port), strrchr(devpath, '/') + 1))
		return -ENAMETOOLONG;
	r = read_text(dir_fd, "port/connect_type", place.connect_type, sizeof(place.connect_type));
	if (r == 0)
		r = hash_parent(dir_fd, place.parent_hash);
	if (r < 0)
		return r;
	*ret_place = place;
	return 0;
}
