/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/interfaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/monitor/apply.h"
#include "agent/monitor/names.h"
#include "agent/monitor/sysfs.h"
#include "agent/monitor/system.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* As many as the kernel takes (USB_MAXINTERFACES). */
#define INTERFACES_MAX 32

OWN_DEFINE(DIR, closedir)

typedef struct Interface {
	char name[SK_SYSNAME_SIZE];
	uint8_t base_class;
	bool granted;
} Interface;

typedef struct Interfaces {
	const SkUsbApply *order;
	int device_fd;
	unsigned n, n_granted, n_bound;
	Interface list[INTERFACES_MAX];
} Interfaces;

static bool order_grants(const SkUsbApply *order, uint64_t number)
{
	if (order->all_interfaces)
		return true;
	for (unsigned i = 0; i < order->n_interfaces; i++)
		if (order->interfaces[i] == number)
			return true;
	return false;
}

static int open_interface(const Interfaces *all, const char *name, int *ret_fd)
{
	int fd = openat(all->device_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	*ret_fd = fd;
	return 0;
}

static int read_class(int fd, uint8_t *ret_class)
{
	uint64_t value;
	int r = sysfs_read_number(fd, "bInterfaceClass", 16, UINT8_MAX, &value);

	if (r == 0)
		*ret_class = (uint8_t)value;
	return r;
}

static int add_interface(Interfaces *all, const char *name)
{
	own_fd int fd = -1;
	Interface *interface = &all->list[all->n];
	uint64_t number;
	int r;

	if (all->n == INTERFACES_MAX)
		return -E2BIG;
	r = open_interface(all, name, &fd);
	if (r == 0)
		r = sysfs_read_number(fd, "bInterfaceNumber", 16, UINT8_MAX, &number);
	if (r == 0)
		r = read_class(fd, &interface->base_class);
	if (r < 0)
		return r;
	sk_str_copy(interface->name, sizeof(interface->name), name);
	interface->granted = order_grants(all->order, number);
	all->n_granted += interface->granted;
	all->n++;
	return 0;
}

static int read_interfaces(Interfaces *all)
{
	int copy = openat(all->device_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_(closedirp) DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		int r = name_is_usb_interface(entry->d_name, all->order->sysname)
				? add_interface(all, entry->d_name)
				: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* Writing 0 unbinds the driver; what is 0 already is left alone. */
static int set_authorized(const Interfaces *all, const Interface *interface, const char *value)
{
	own_fd int fd = -1;
	char now[8] = "";
	int r = open_interface(all, interface->name, &fd);

	if (r == 0)
		r = sysfs_read(fd, "authorized", now, sizeof(now));
	if (r < 0 || sk_str_eq(now, value))
		return r;
	return sk_io_write_attr_at(fd, "authorized", value);
}

static int set_all(const Interfaces *all, bool granted, const char *value)
{
	for (unsigned i = 0; i < all->n; i++) {
		int r = all->list[i].granted == granted ? set_authorized(all, &all->list[i], value) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_driver(int fd)
{
	return faccessat(fd, "driver", F_OK, 0) == 0;
}

/* No driver for it is no error: readers that a program drives have none. */
static int probe_driver(Interfaces *all, const Interface *interface)
{
	own_fd int fd = -1;
	uint8_t base_class;
	int r = open_interface(all, interface->name, &fd);

	if (r < 0)
		return r;
	if (!has_driver(fd))
		sk_io_write_attr_at(AT_FDCWD, USB_DRIVERS_PROBE, interface->name);
	/* A driver may choose another alternate setting (UAS), never another class. */
	r = read_class(fd, &base_class);
	if (r == 0 && base_class != interface->base_class)
		r = -ESTALE;
	all->n_bound += r == 0 && has_driver(fd);
	return r;
}

static int grant(Interfaces *all)
{
	int r = read_interfaces(all);

	/* A PC that runs from this device would stop. */
	if (r == 0 && all->n_granted < all->n && !system_depends_on_usb(all->order->sysname))
		r = set_all(all, false, "0");
	if (r == 0)
		r = set_all(all, true, "1");
	for (unsigned i = 0; r == 0 && i < all->n; i++)
		if (all->list[i].granted)
			r = probe_driver(all, &all->list[i]);
	return r;
}

int interfaces_grant(int device_fd, const SkUsbApply *order, char ret_detail[256])
{
	Interfaces all = {.order = order, .device_fd = device_fd};
	char configuration[16] = "none";
	int r = grant(&all);

	if (r < 0) {
		sk_str_format(ret_detail, 256, "interfaces: %s", strerror(-r));
		return r;
	}
	/* Shows nothing for a device without a configuration. */
	if (sysfs_read(device_fd, "bConfigurationValue", configuration, sizeof(configuration)) < 0 ||
		configuration[0] == 0)
		sk_str_copy(configuration, sizeof(configuration), "none");
	sk_str_format(ret_detail, 256, "configuration %s: %u of %u interfaces granted, %u with a driver",
		configuration, all.n_granted, all.n, all.n_bound);
	return 0;
}
