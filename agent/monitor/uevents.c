/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/uevents.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/monitor/block.h"
#include "agent/monitor/input.h"
#include "agent/monitor/names.h"
#include "agent/monitor/uevent.h"
#include "agent/monitor/usb.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* The group in which the kernel tells; udev tells in another. */
#define GROUP_KERNEL 1
/* What a dock full of devices sends at once fits many times. The kernel allows it to CAP_NET_ADMIN only;
 * without, the system's own limit holds, and what is lost is found by a rescan. */
#define RECEIVE_BUFFER (16 << 20)

static void on_block_added(Monitor *monitor, const Uevent *event, uint64_t usec)
{
	block_added(monitor, event->sysname, usec);
}

/* Only these changes mean another medium; udev itself makes many more. */
static void on_block_changed(Monitor *monitor, const Uevent *event, uint64_t usec)
{
	if (event->new_medium)
		block_changed(monitor, event->sysname, usec);
}

static void on_input_added(Monitor *monitor, const Uevent *event, uint64_t usec)
{
	input_added(monitor, event->sysname, usec);
}

static const struct Subsystem {
	const char *name, *devtype;
	bool (*accept)(const char *sysname);
	void (*added)(Monitor *monitor, const Uevent *event, uint64_t usec);
	void (*removed)(Monitor *monitor, const char *sysname);
	void (*changed)(Monitor *monitor, const Uevent *event, uint64_t usec);
} subsystems[] = {
	{"usb", "usb_device", name_is_usb_device, usb_added, usb_removed, NULL},
	{"block", NULL, name_is_block, on_block_added, block_removed, on_block_changed},
	{"input", NULL, name_is_input, on_input_added, input_removed, NULL},
};

static const struct Subsystem *find_subsystem(const Uevent *event)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(subsystems); i++)
		if (sk_str_eq(subsystems[i].name, event->subsystem) &&
			(!subsystems[i].devtype || sk_str_eq(subsystems[i].devtype, event->devtype)))
			return &subsystems[i];
	return NULL;
}

static void dispatch(Monitor *monitor, const Uevent *event, uint64_t usec)
{
	const struct Subsystem *found = find_subsystem(event);

	if (!found || !found->accept(event->sysname))
		return;
	if (sk_str_eq(event->action, "add"))
		found->added(monitor, event, usec);
	else if (sk_str_eq(event->action, "remove"))
		found->removed(monitor, event->sysname);
	else if (sk_str_eq(event->action, "change") && found->changed)
		found->changed(monitor, event, usec);
}

static void rescan(Monitor *monitor)
{
	sk_log(LOG_NOTICE, "events of the kernel were lost; comparing with what is present");
	usb_rescan(monitor);
	block_rescan(monitor);
	input_rescan(monitor);
}

/* Return: its size, terminated; 0 when it is none of the kernel's; negative errno. */
static ssize_t receive(int fd, char message[UEVENT_SIZE_MAX + 1])
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {.iov_base = message, .iov_len = UEVENT_SIZE_MAX};
	struct msghdr header = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(fd, &header, 0);

	if (n < 0)
		return -errno;
	/* Only the kernel has no number there. */
	if (from.nl_family != AF_NETLINK || from.nl_pid != 0 || header.msg_flags & MSG_TRUNC)
		return 0;
	message[n] = 0;
	return n;
}

static int on_uevent(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	static char message[UEVENT_SIZE_MAX + 1];
	Monitor *monitor = userdata;
	uint64_t usec = monitor_now();
	ssize_t n = receive(fd, message);
	Uevent event;

	if (n > 0 && uevent_parse(message, (size_t)n, &event) == 0)
		dispatch(monitor, &event, usec);
	else if (n == -ENOBUFS)
		rescan(monitor);
	return 0;
}

/*
 * Each new device is followed by a train of messages about its drivers ("bind", "unbind", ...), which would
 * be read before core's answer about it. The kernel keeps them back: the first bytes of a message are the
 * action ("libudev" where a test plays the kernel).
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

static int open_socket(int *ret_fd)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = GROUP_KERNEL};
	own_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	int size = RECEIVE_BUFFER, r;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	r = keep_back_others(fd);
	if (r < 0)
		return r;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = own_take_fd(&fd);
	return 0;
}

int uevents_watch(Monitor *monitor)
{
	own_fd int fd = -1;
	sd_event_source *source;
	int r = open_socket(&fd);

	if (r < 0)
		return r;
	r = sd_event_add_io(monitor->event, &source, fd, EPOLLIN, on_uevent, monitor);
	if (r < 0)
		return r;
	sd_event_source_set_io_fd_own(source, true);
	own_take_fd(&fd);
	/* Before core's orders: a device that is gone is known to be gone. */
	r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
	return r < 0 ? r : sd_event_source_set_floating(source, true);
}
