/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/monitor/interfaces.h"
#include "agent/monitor/mode.h"
#include "agent/monitor/names.h"
#include "agent/monitor/sysfs.h"
#include "agent/monitor/system.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define DEVICES_DEFAULT "authorized_default"
#define INTERFACES_DEFAULT "interface_authorized_default"

typedef struct Device {
	const SkUsbApply *order;
	int fd; /* its directory: stays that of this device, whatever takes the name */
	bool root_hub;
	char *detail;
} Device;

static int fail(Device *device, int r, const char *what)
{
	sk_str_format(device->detail, 256, "%s: %s", what, strerror(-r));
	return r;
}

static int check_numbers(Device *device)
{
	uint64_t busnum, devnum;

	if (sysfs_read_number(device->fd, "busnum", 10, UINT16_MAX, &busnum) < 0 ||
		sysfs_read_number(device->fd, "devnum", 10, UINT16_MAX, &devnum) < 0)
		return fail(device, -ENODEV, "device is gone");
	if (busnum != device->order->busnum || devnum != device->order->devnum)
		return fail(device, -ENODEV, "another device has this name by now");
	return 0;
}

static int check_descriptors(Device *device)
{
	uint8_t digest[SK_SHA256_SIZE];
	own_free char *data = NULL;
	size_t size;
	int r = sk_io_read_file_at(device->fd, "descriptors", USB_DESCRIPTORS_MAX, &data, &size);

	if (r < 0)
		return fail(device, r, "descriptors cannot be read");
	sk_sha256(digest, data, size);
	if (memcmp(digest, device->order->descriptors_digest, sizeof(digest)) != 0)
		return fail(device, -ESTALE, "descriptors differ from those of the decision");
	return 0;
}

static bool is_authorized(int dir_fd)
{
	uint64_t authorized;

	return sysfs_read_number(dir_fd, "authorized", 10, 1, &authorized) == 0 && authorized == 1;
}

/* Whatever the device became between the two looks at it, it does not stay. */
static int withdraw(Device *device, int r)
{
	sk_io_write_attr_at(device->fd, "authorized", "0");
	return r;
}

/*
 * The interfaces that authorising creates take the default of their bus. It is set here, when a device of the
 * bus is there, and not when the bus appears: then the kernel is still creating the interface of the root hub
 * itself, and a root hub without its driver finds no device at all.
 */
static int deny_interfaces_by_default(const char *root_hub);

static int allow(Device *device)
{
	char bus[SK_SYSNAME_SIZE];
	bool was_authorized = is_authorized(device->fd);
	int r;

	if (device->root_hub)
		return 0;
	sk_str_format(bus, sizeof(bus), "usb%u", device->order->busnum);
	r = mode_is_enforcing() ? deny_interfaces_by_default(bus) : 0;
	if (r < 0)
		return fail(device, r, "default of the bus cannot be set");
	if (!was_authorized) {
		r = sk_io_write_attr_at(device->fd, "authorized", "1");
		if (r < 0)
			return fail(device, r, "authorized");
		r = check_descriptors(device);
		if (r < 0)
			return withdraw(device, r);
	}
	r = interfaces_grant(device->fd, device->order, device->detail);
	if (r == 0)
		r = check_descriptors(device);
	/* One that was at work before is core's to judge again: it may be the only keyboard. */
	return r < 0 && !was_authorized ? withdraw(device, r) : r;
}

static int block(Device *device)
{
	int r;

	if (device->root_hub || system_depends_on_usb(device->order->sysname))
		return fail(device, -EPERM, "root hub or system disk");
	if (!is_authorized(device->fd))
		return 0;
	r = sk_io_write_attr_at(device->fd, "authorized", "0");
	return r < 0 ? fail(device, r, "authorized") : 0;
}

static int reject(Device *device)
{
	int r;

	if (device->root_hub || system_depends_on_usb(device->order->sysname))
		return fail(device, -EPERM, "root hub or system disk");
	r = sk_io_write_attr_at(device->fd, "remove", "1");
	return r < 0 ? fail(device, r, "remove") : 0;
}

/* Only a device that is granted something must be the one of the decision: taking away is always safe. */
static const struct {
	int (*act)(Device *device);
	bool check_descriptors;
} actions[SK_USB_APPLY_MAX_] = {
	[SK_USB_BLOCK] = {block, false},
	[SK_USB_ALLOW] = {allow, true},
	[SK_USB_REJECT] = {reject, false},
};

bool usb_order_check(const SkUsbApply *order)
{
	return SK_PROTO_TEXT_OK(order->sysname) && name_is_usb_device(order->sysname) &&
	       order->action < SK_USB_APPLY_MAX_ && order->n_interfaces <= sizeof(order->interfaces);
}

int usb_apply(const SkUsbApply *order, char ret_detail[256])
{
	own_fd int fd = -1;
	Device device = {.order = order, .detail = ret_detail};
	int r;

	ret_detail[0] = 0;
	if (!usb_order_check(order))
		return fail(&device, -EINVAL, "order");
	r = sysfs_open(USB_DEVICES, order->sysname, &fd);
	if (r < 0)
		return fail(&device, r, order->sysname);
	device.fd = fd;
	device.root_hub = name_is_usb_root_hub(order->sysname);
	r = check_numbers(&device);
	if (r < 0)
		return r;
	if (actions[order->action].check_descriptors) {
		r = check_descriptors(&device);
		if (r < 0)
			return r;
	}
	r = actions[order->action].act(&device);
	/* Attributes that vanish under our hands: it was pulled. */
	return r == -ENOENT ? -ENODEV : r;
}

static int write_default(const char *root_hub, const char *attribute, const char *value)
{
	own_fd int fd = -1;
	char now[8];
	int r = sysfs_open(USB_DEVICES, root_hub, &fd);

	if (r == 0)
		r = sysfs_read(fd, attribute, now, sizeof(now));
	if (r == 0 && !sk_str_eq(now, value))
		r = sk_io_write_attr_at(fd, attribute, value);
	return r;
}

int usb_deny_by_default(const char *root_hub)
{
	return write_default(root_hub, DEVICES_DEFAULT, "0");
}

static int deny_interfaces_by_default(const char *root_hub)
{
	return write_default(root_hub, INTERFACES_DEFAULT, "0");
}

static int allow_by_default(const char *root_hub)
{
	int r = write_default(root_hub, INTERFACES_DEFAULT, "1");

	return r < 0 ? r : write_default(root_hub, DEVICES_DEFAULT, "1");
}

static int on_all_buses(int (*set)(const char *root_hub))
{
	own_sysfs_names SysfsNames hubs = {0};
	int r = sysfs_list(USB_DEVICES, name_is_usb_root_hub, name_usb_compare, &hubs);

	for (size_t i = 0; r == 0 && i < hubs.n; i++)
		r = set(hubs.names[i]);
	return r;
}

int usb_deny_all(void)
{
	return on_all_buses(usb_deny_by_default);
}

int usb_release_all(void)
{
	return on_all_buses(allow_by_default);
}
