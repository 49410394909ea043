/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/screens.h"

#include <drm.h>
#include <errno.h>
#include <fcntl.h>
#include <libudev.h>
#include <linux/fb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

OWN_DEFINE(struct udev, udev_unref)
OWN_DEFINE(struct udev_device, udev_device_unref)
OWN_DEFINE(struct udev_enumerate, udev_enumerate_unref)
#define own_udev own_(udev_unrefp)
#define own_device own_(udev_device_unrefp)
#define own_enumerate own_(udev_enumerate_unrefp)

/* Return: 0: go on. */
typedef int (*Visit)(struct udev_device *device, void *userdata);

/* parent: only what is below it; NULL: all. Return: what the last visit did, or negative errno. */
static int each(
	struct udev *udev, const char *subsystem, struct udev_device *parent, Visit visit, void *userdata)
{
	own_enumerate struct udev_enumerate *devices = udev_enumerate_new(udev);
	struct udev_list_entry *entry;
	int r = devices ? udev_enumerate_add_match_subsystem(devices, subsystem) : -ENOMEM;

	if (r >= 0 && parent)
		r = udev_enumerate_add_match_parent(devices, parent);
	if (r >= 0)
		r = udev_enumerate_scan_devices(devices);
	if (r < 0)
		return r;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(devices))
	{
		own_device struct udev_device *device =
			udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));

		/* What cannot be looked up has been taken out meanwhile. */
		r = device ? visit(device, userdata) : 0;
		if (r != 0)
			return r;
	}
	return 0;
}

/* Of the card that this framebuffer belongs to. */
static int each_of_card(struct udev_device *framebuffer, Visit visit)
{
	struct udev_device *card = udev_device_get_parent(framebuffer);

	return card ? each(udev_device_get_udev(framebuffer), "drm", card, visit, NULL) : 0;
}

static int is_connector(struct udev_device *device, void *userdata)
{
	return udev_device_get_sysattr_value(device, "status") != NULL;
}

static int is_monitor(struct udev_device *device, void *userdata)
{
	return is_connector(device, NULL) &&
	       sk_str_eq(udev_device_get_sysattr_value(device, "status"), "connected");
}

/* At another seat other people work. */
static bool is_of_seat(struct udev_device *device)
{
	const char *seat = udev_device_get_property_value(device, "ID_SEAT");

	return !seat || sk_str_eq(seat, "seat0");
}

/* Who opens a card that has no master is its master (drivers/gpu/drm/drm_auth.c, drm_master_open()), and only
 * a master may let others in. */
static int find_master(struct udev_device *device, void *userdata)
{
	const char *node = udev_device_get_devnode(device);
	struct drm_auth nobody = {0};

	/* Neither a connector nor what only computes. */
	if (!node || !sk_str_starts(udev_device_get_sysname(device), "card") || !is_of_seat(device))
		return 0;
	own_fd int fd = open(node, O_RDWR | O_CLOEXEC);

	return fd >= 0 && ioctl(fd, DRM_IOCTL_AUTH_MAGIC, &nobody) < 0 && errno == EACCES ? -EBUSY : 0;
}

static int gone_or(int error)
{
	return error == ENOENT || error == ENODEV || error == ENXIO ? 0 : -error;
}

/* The same mode once more: the kernel's picture instead of a program's, unless the card has a master. */
static int show_own(const char *node)
{
	own_fd int fd = open(node, O_RDWR | O_CLOEXEC);
	struct fb_var_screeninfo mode;

	if (fd < 0 || ioctl(fd, FBIOGET_VSCREENINFO, &mode) < 0)
		return gone_or(errno);
	mode.activate = FB_ACTIVATE_NOW | FB_ACTIVATE_FORCE;
	return ioctl(fd, FBIOPUT_VSCREENINFO, &mode) < 0 ? gone_or(errno) : 0;
}

typedef struct Framebuffer {
	struct udev_device *device;
	const char *node;
	unsigned number;
} Framebuffer;

/* Return: false: it is none of this seat. */
static bool take(struct udev_device *device, Framebuffer *framebuffer)
{
	const char *number = udev_device_get_sysnum(device);

	if (!number || !udev_device_get_devnode(device) || !is_of_seat(device))
		return false;
	*framebuffer = (Framebuffer){.device = device,
		.node = udev_device_get_devnode(device),
		.number = (unsigned)strtoul(number, NULL, 10)};
	return true;
}

/* Any framebuffer is asked for the one of a console. A kernel that does not say uses the first. */
static bool shows(const Framebuffer *framebuffer, int console)
{
	own_fd int fd = open(framebuffer->node, O_RDWR | O_CLOEXEC);
	struct fb_con2fbmap map = {.console = (unsigned)console};

	return framebuffer->number ==
	       (fd >= 0 && ioctl(fd, FBIOGET_CON2FBMAP, &map) == 0 ? map.framebuffer : 0);
}

static int clear(struct udev_device *device, void *userdata)
{
	const int *console = userdata;
	Framebuffer framebuffer;

	return take(device, &framebuffer) && !shows(&framebuffer, *console) ? show_own(framebuffer.node) : 0;
}

int screens_clear(int console)
{
	own_udev struct udev *udev = udev_new();

	int r = udev ? each(udev, "drm", NULL, find_master, NULL) : -ENOMEM;

	return r < 0 ? r : each(udev, "graphics", NULL, clear, &console);
}

/* Return: 1: the console is on a card with a monitor, or on one that has no word for it. */
static int is_in_sight(struct udev_device *device, void *userdata)
{
	const int *console = userdata;
	Framebuffer framebuffer;

	return take(device, &framebuffer) && shows(&framebuffer, *console) &&
	       (each_of_card(device, is_monitor) > 0 || each_of_card(device, is_connector) == 0);
}

/* Return: 1: the console is here from now on. */
static int show_console(struct udev_device *device, void *userdata)
{
	const int *console = userdata;
	Framebuffer framebuffer;

	if (!take(device, &framebuffer) || each_of_card(device, is_monitor) <= 0)
		return 0;
	own_fd int fd = open(framebuffer.node, O_RDWR | O_CLOEXEC);
	struct fb_con2fbmap map = {.console = (unsigned)*console, .framebuffer = framebuffer.number};

	return fd >= 0 && ioctl(fd, FBIOPUT_CON2FBMAP, &map) == 0;
}

void screens_place(int console)
{
	own_udev struct udev *udev = udev_new();

	if (udev && each(udev, "graphics", NULL, is_in_sight, &console) == 0 &&
		each(udev, "graphics", NULL, show_console, &console) > 0)
		sk_log(LOG_INFO, "console %d is shown by another graphics card: its own has no monitor",
			console);
}
