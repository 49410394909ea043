/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/monitor/interfaces.h"
#include "agent/monitor/mode.h"
#include "agent/monitor/names.h"
#include "agent/monitor/sysfs.h"
#include "agent/monitor/system.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define DEVICES_DEFAULT "authorized_default"
#define INTERFACES_DEFAULT "interface_authorized_default"
/* How long the kernel may take to give a new device to its own driver: usually it has done so by then. */
#define DRIVER_PAUSE_NSEC (100 * 1000)
#define DRIVER_PAUSES 1000

typedef struct Device {
	const SkUsbApply *order;
	const UsbHandle *handle;
	bool root_hub;
	char *detail;
} Device;

static int fail(Device *device, int r, const char *what)
{
	sk_str_format(device->detail, 256, "%s: %s", what, strerror(-r));
	return r;
}

static int check_descriptors(Device *device)
{
	uint8_t digest[SK_SHA256_SIZE];
	int r = usb_handle_digest(device->handle, digest);

	if (r < 0)
		return fail(device, r, "descriptors cannot be read");
	if (memcmp(digest, device->order->descriptors_digest, sizeof(digest)) != 0)
		return fail(device, -ESTALE, "descriptors differ from those of the decision");
	return 0;
}

/* Whatever the device became between the two looks at it, it does not stay. */
static int withdraw(Device *device, int r)
{
	usb_switch_set(device->handle->authorized, false);
	return r;
}

/*
 * The interfaces that authorising creates take the default of their bus. It is set here, when a device of the
 * bus is there, and not when the bus appears: then the kernel is still creating the interface of the root hub
 * itself, and a root hub without its driver finds no device at all.
 */
static int deny_interfaces_by_default(const UsbHandle *handle)
{
	if (handle->interfaces_default < 0)
		return -ENODEV;
	return usb_switch_read(handle->interfaces_default) == 0
		       ? 0
		       : usb_switch_set(handle->interfaces_default, false);
}

/*
 * The kernel tells of a device before its own driver has taken it. One that is authorised in between would be
 * configured a second time by that driver, with new interfaces that nobody has granted. As soon as the driver
 * is shown the kernel holds the device's lock, for which the write then waits. None: nothing to wait for.
 */
static void wait_for_driver(const UsbHandle *handle)
{
	const struct timespec pause = {.tv_nsec = DRIVER_PAUSE_NSEC};

	for (int i = 0; i < DRIVER_PAUSES && faccessat(handle->dir, "driver", F_OK, 0) < 0; i++)
		nanosleep(&pause, NULL);
}

static int authorize(Device *device)
{
	int r;

	wait_for_driver(device->handle);
	r = usb_switch_set(device->handle->authorized, true);

	if (r < 0)
		return fail(device, r, "authorized");
	r = check_descriptors(device);
	return r < 0 ? withdraw(device, r) : 0;
}

static int allow(Device *device)
{
	bool was_authorized = usb_switch_read(device->handle->authorized) == 1;
	int r;

	if (device->root_hub)
		return 0;
	r = mode_is_enforcing() ? deny_interfaces_by_default(device->handle) : 0;
	if (r < 0)
		return fail(device, r, "default of the bus cannot be set");
	r = was_authorized ? 0 : authorize(device);
	if (r < 0)
		return r;
	r = interfaces_grant(device->handle->dir, device->order, device->detail);
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
	if (usb_switch_read(device->handle->authorized) == 0)
		return 0;
	r = usb_switch_set(device->handle->authorized, false);
	return r < 0 ? fail(device, r, "authorized") : 0;
}

static int reject(Device *device)
{
	int r;

	if (device->root_hub || system_depends_on_usb(device->order->sysname))
		return fail(device, -EPERM, "root hub or system disk");
	r = sk_io_write_attr_at(device->handle->dir, "remove", "1");
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

static int check_device(Device *device)
{
	const UsbHandle *handle = device->handle;

	if (handle->busnum != device->order->busnum || handle->devnum != device->order->devnum)
		return fail(device, -ENODEV, "another device has this name by now");
	return actions[device->order->action].check_descriptors ? check_descriptors(device) : 0;
}

int usb_apply(const SkUsbApply *order, UsbHandle **handle, char ret_detail[256])
{
	Device device = {.order = order, .detail = ret_detail};
	int r = 0;

	ret_detail[0] = 0;
	if (!usb_order_check(order))
		return fail(&device, -EINVAL, "order");
	if (!*handle)
		r = usb_handle_open(order->sysname, handle);
	if (r == 0)
		r = usb_handle_complete(*handle);
	if (r < 0)
		return fail(&device, r, order->sysname);
	device.handle = *handle;
	device.root_hub = name_is_usb_root_hub(order->sysname);
	r = check_device(&device);
	if (r == 0)
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
