/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/uevents.h"

#include <errno.h>
#include <libudev.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/monitor/block.h"
#include "agent/monitor/input.h"
#include "agent/monitor/names.h"
#include "agent/monitor/usb.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* What a dock full of devices sends at once fits many times. The kernel allows it to CAP_NET_ADMIN only;
 * without, the system's own limit holds, and what is lost is found by a rescan. */
#define RECEIVE_BUFFER (16 << 20)

static struct udev_monitor *uevents;

OWN_DEFINE(struct udev_device, udev_device_unref)

/* Only these changes mean another medium; udev itself makes many more. */
static void on_block_change(Monitor *monitor, struct udev_device *device, uint64_t usec)
{
	if (udev_device_get_property_value(device, "DISK_MEDIA_CHANGE") ||
		udev_device_get_property_value(device, "RESIZE"))
		block_changed(monitor, udev_device_get_sysname(device), usec);
}

static const struct Subsystem {
	const char *name, *devtype;
	bool (*accept)(const char *sysname);
	void (*added)(Monitor *monitor, const char *sysname, uint64_t usec);
	void (*removed)(Monitor *monitor, const char *sysname);
	void (*changed)(Monitor *monitor, struct udev_device *device, uint64_t usec);
} subsystems[] = {
	{"usb", "usb_device", name_is_usb_device, usb_added, usb_removed, NULL},
	{"block", NULL, name_is_block, block_added, block_removed, on_block_change},
	{"input", NULL, name_is_input, input_added, input_removed, NULL},
};

static void dispatch(Monitor *monitor, struct udev_device *device, uint64_t usec)
{
	const char *subsystem = udev_device_get_subsystem(device);
	const char *sysname = udev_device_get_sysname(device);
	const char *action = udev_device_get_action(device);
	const struct Subsystem *found = NULL;

	for (size_t i = 0; subsystem && i < SK_ARRAY_SIZE(subsystems); i++)
		if (sk_str_eq(subsystems[i].name, subsystem))
			found = &subsystems[i];
	if (!found || !action || !sysname || !found->accept(sysname))
		return;
	if (sk_str_eq(action, "add"))
		found->added(monitor, sysname, usec);
	else if (sk_str_eq(action, "remove"))
		found->removed(monitor, sysname);
	else if (sk_str_eq(action, "change") && found->changed)
		found->changed(monitor, device, usec);
}

static void rescan(Monitor *monitor)
{
	sk_log(LOG_NOTICE, "events of the kernel were lost; comparing with what is present");
	usb_rescan(monitor);
	block_rescan(monitor);
	input_rescan(monitor);
}

static int on_uevent(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	Monitor *monitor = userdata;
	uint64_t usec = monitor_now();
	own_(udev_device_unrefp) struct udev_device *device = NULL;

	errno = 0;
	device = udev_monitor_receive_device(uevents);
	if (device)
		dispatch(monitor, device, usec);
	else if (errno == ENOBUFS)
		rescan(monitor);
	return 0;
}

/*
 * Each new device is followed by a train of messages about its drivers ("bind", "unbind", ...), which would
 * be read before core's answer about it. The kernel keeps them back: the first bytes of a message are the
 * action
 * ("libudev" where a test plays the kernel).
 */
static int keep_back_others(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x61646440 /* add@ */, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x72656d6f /* remo */, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x6368616e /* chan */, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x6c696275 /* libu */, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	const struct sock_fprog program = {.len = SK_ARRAY_SIZE(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

int uevents_watch(Monitor *monitor)
{
	struct udev *udev = udev_new();
	sd_event_source *source;
	int r;

	if (!udev)
		return -ENOMEM;
	uevents = udev_monitor_new_from_netlink(udev, "kernel");
	udev_unref(udev);
	if (!uevents)
		return errno > 0 ? -errno : -ENOMEM;
	udev_monitor_set_receive_buffer_size(uevents, RECEIVE_BUFFER);
	for (size_t i = 0; i < SK_ARRAY_SIZE(subsystems); i++) {
		r = udev_monitor_filter_add_match_subsystem_devtype(
			uevents, subsystems[i].name, subsystems[i].devtype);
		if (r < 0)
			return r;
	}
	r = udev_monitor_enable_receiving(uevents);
	/* In place of libudev's own, which lets all messages of the kernel through. */
	if (r >= 0)
		r = keep_back_others(udev_monitor_get_fd(uevents));
	if (r >= 0)
		r = sd_event_add_io(
			monitor->event, &source, udev_monitor_get_fd(uevents), EPOLLIN, on_uevent, monitor);
	/* Before core's orders: a device that is gone is known to be gone. */
	if (r >= 0)
		r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
	return r < 0 ? r : sd_event_source_set_floating(source, true);
}
