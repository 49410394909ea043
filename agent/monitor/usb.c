/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/usb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uthash.h>
#include <utlist.h>

#include "agent/monitor/apply.h"
#include "agent/monitor/mode.h"
#include "agent/monitor/names.h"
#include "agent/monitor/peer_core.h"
#include "agent/monitor/probes.h"
#include "agent/monitor/sysfs.h"
#include "agent/monitor/work.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

struct Usb {
	char sysname[SK_SYSNAME_SIZE];
	uint16_t busnum, devnum;
	bool seen;	   /* by the rescan that is going on */
	UsbHandle *handle; /* from its event to its first order; or NULL */
	UT_hash_handle hh;
};

struct UsbWaiting {
	UsbWaiting *prev, *next;
	char sysname[SK_SYSNAME_SIZE];
	bool present_at_start;
	uint64_t usec;
};

/* Reads what identifies the device. Return: 0 or negative errno. */
static int read_identity(int fd, uint16_t *ret_busnum, uint16_t *ret_devnum)
{
	uint64_t busnum, devnum;
	int r = sysfs_read_number(fd, "busnum", 10, UINT16_MAX, &busnum);

	if (r == 0)
		r = sysfs_read_number(fd, "devnum", 10, UINT16_MAX, &devnum);
	if (r < 0)
		return r;
	*ret_busnum = (uint16_t)busnum;
	*ret_devnum = (uint16_t)devnum;
	return 0;
}

/* Where the port is, seen from the device, when the hub above is in this configuration. */
static bool format_port(const char *sysname, uint64_t configuration, char ret_attribute[3 * SK_SYSNAME_SIZE])
{
	char port[2 * SK_SYSNAME_SIZE];

	return name_usb_port(sysname, (unsigned)configuration, port) &&
	       sk_str_format(ret_attribute, 3 * SK_SYSNAME_SIZE, "../%s/connect_type", port);
}

/*
 * How the port is built. The kernel links it to the device only after it has told of the device, and what is
 * asked in between has to get the same answer: then by way of the hub above, where the port has been all the
 * time. Nearly every hub has one configuration, the first; to ask which one it is in is to wait until the
 * kernel has done with everything else on that hub.
 */
static void read_connect_type(int fd, const char *sysname, char ret_type[16])
{
	char attribute[3 * SK_SYSNAME_SIZE];
	uint64_t configuration;

	if (format_port(sysname, 1, attribute) && sysfs_read(fd, attribute, ret_type, 16) == 0)
		return;
	if (sysfs_read(fd, "port/connect_type", ret_type, 16) == 0)
		return;
	if (sysfs_read_number(fd, "../bConfigurationValue", 10, 255, &configuration) < 0 ||
		!format_port(sysname, configuration, attribute) ||
		sysfs_read(fd, attribute, ret_type, 16) < 0)
		ret_type[0] = 0;
}

static void fill_added(const Usb *usb, int dir_fd, const UsbWaiting *order, SkUsbAdded *ret_added)
{
	SkUsbAdded added = {.busnum = usb->busnum,
		.devnum = usb->devnum,
		.root_hub = name_is_usb_root_hub(usb->sysname),
		.present_at_start = order->present_at_start,
		.uevent_usec = order->usec};

	sk_head_init(&added.head, SK_MONITOR_USB_ADDED, sizeof(added));
	sk_str_copy(added.sysname, sizeof(added.sysname), usb->sysname);
	name_usb_parent(usb->sysname, added.parent);
	if (!added.root_hub)
		read_connect_type(dir_fd, usb->sysname, added.connect_type);
	*ret_added = added;
}

/* Opens what the device says about itself, unread, and gives it to a probe. */
static int start_probe(Monitor *monitor, const UsbHandle *handle, int *ret_facts_fd)
{
	static const struct {
		const char *attribute;
		uint32_t bit;
	} texts[] = {
		{"manufacturer", SK_PROBE_FD_MANUFACTURER},
		{"product", SK_PROBE_FD_PRODUCT},
		{"serial", SK_PROBE_FD_SERIAL},
	};
	SkProbeJob job = {.fds = SK_PROBE_FD_DESCRIPTORS};
	int fds[1 + SK_ARRAY_SIZE(texts)] = {handle->descriptors}, r;
	size_t n = 1;

	if (handle->descriptors < 0)
		return -ENODEV;
	sk_head_init(&job.head, SK_PROBE_USB, sizeof(job));
	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++) {
		fds[n] = openat(handle->dir, texts[i].attribute, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fds[n] < 0)
			continue; /* they are optional */
		job.fds |= texts[i].bit;
		n++;
	}
	r = probes_hand_over(monitor->probes, &job, fds, n, ret_facts_fd);
	while (--n > 0)
		close(fds[n]);
	return r;
}

/* A socket at whose other end nobody is: core reads the end of file, which means "not checked". */
static int closed_socket(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	close(pair[1]);
	return pair[0];
}

static void tell_now(Monitor *monitor, const Usb *usb, const UsbWaiting *order)
{
	own_fd int facts_fd = -1;
	SkUsbAdded added;
	int r = start_probe(monitor, usb->handle, &facts_fd);

	if (r < 0) {
		sk_log(LOG_ERR, "%s cannot be probed: %s", usb->sysname, strerror(-r));
		facts_fd = closed_socket();
		if (facts_fd < 0)
			return;
	}
	fill_added(usb, usb->handle->dir, order, &added);
	core_tell(monitor, &added, facts_fd);
	/* While the others are at work; what is missing then is missed by the order. */
	usb_handle_complete(usb->handle);
}

static void open_and_tell(Monitor *monitor, Usb *usb, const UsbWaiting *order)
{
	/* One that is gone: its removal is told by its own event. */
	if (usb->handle || usb_handle_open(usb->sysname, &usb->handle) == 0)
		tell_now(monitor, usb, order);
}

static void tell(Monitor *monitor, Usb *usb, bool present_at_start, uint64_t usec)
{
	UsbWaiting order = {.present_at_start = present_at_start, .usec = usec}, *waiting;

	if (monitor->core_listens && !monitor->usb_waiting && probes_have_room(monitor->probes)) {
		open_and_tell(monitor, usb, &order);
		return;
	}
	/* Not for how long it may take. */
	usb->handle = usb_handle_close(usb->handle);
	if (!monitor->core_listens)
		return;
	sk_str_copy(order.sysname, sizeof(order.sysname), usb->sysname);
	waiting = malloc(sizeof(*waiting));
	if (!waiting)
		return;
	*waiting = order;
	DL_APPEND(monitor->usb_waiting, waiting);
}

void usb_tell_waiting(Monitor *monitor)
{
	while (monitor->usb_waiting && probes_have_room(monitor->probes)) {
		UsbWaiting *waiting = monitor->usb_waiting;
		Usb *usb;

		DL_DELETE(monitor->usb_waiting, waiting);
		HASH_FIND_STR(monitor->usb, waiting->sysname, usb);
		if (usb)
			open_and_tell(monitor, usb, waiting);
		free(waiting);
	}
	core_tell_enumerated(monitor);
}

void usb_forget_waiting(Monitor *monitor)
{
	UsbWaiting *waiting, *next;

	DL_FOREACH_SAFE(monitor->usb_waiting, waiting, next)
	{
		DL_DELETE(monitor->usb_waiting, waiting);
		free(waiting);
	}
}

static void forget(Monitor *monitor, Usb *usb)
{
	SkUsbRemoved removed = {.busnum = usb->busnum, .devnum = usb->devnum};
	UsbWaiting *waiting, *next;

	DL_FOREACH_SAFE(monitor->usb_waiting, waiting, next)
	{
		if (!sk_str_eq(waiting->sysname, usb->sysname))
			continue;
		DL_DELETE(monitor->usb_waiting, waiting);
		free(waiting);
	}
	sk_head_init(&removed.head, SK_MONITOR_USB_REMOVED, sizeof(removed));
	sk_str_copy(removed.sysname, sizeof(removed.sysname), usb->sysname);
	HASH_DEL(monitor->usb, usb);
	usb_handle_close(usb->handle);
	free(usb);
	core_tell(monitor, &removed, -1);
}

void usb_removed(Monitor *monitor, const char *sysname)
{
	Usb *usb;

	HASH_FIND_STR(monitor->usb, sysname, usb);
	if (usb)
		forget(monitor, usb);
}

static bool is_known(const Usb *usb, uint16_t busnum, uint16_t devnum)
{
	return usb && usb->busnum == busnum && usb->devnum == devnum;
}

/* Return: NULL when it is known already, or without memory. */
static Usb *remember(Monitor *monitor, const char *sysname, uint16_t busnum, uint16_t devnum)
{
	Usb *usb;

	HASH_FIND_STR(monitor->usb, sysname, usb);
	if (is_known(usb, busnum, devnum)) {
		usb->seen = true;
		return NULL;
	}
	if (usb)
		forget(monitor, usb); /* replugged, and its removal was not heard */
	usb = calloc(1, sizeof(*usb));
	if (!usb)
		return NULL;
	sk_str_copy(usb->sysname, sizeof(usb->sysname), sysname);
	usb->busnum = busnum;
	usb->devnum = devnum;
	usb->seen = true;
	HASH_ADD_STR(monitor->usb, sysname, usb);
	return usb;
}

static void deny_new_bus(const char *sysname)
{
	int r = usb_deny_by_default(sysname);

	if (r < 0 && r != -ENODEV)
		sk_log(LOG_ERR, "%s: devices cannot be denied by default: %s", sysname, strerror(-r));
}

/* First of all, before a device on it can be found. */
static void deny_if_bus(const char *sysname)
{
	if (name_is_usb_root_hub(sysname) && mode_is_enforcing())
		deny_new_bus(sysname);
}

void usb_added(Monitor *monitor, const Uevent *event, uint64_t usec)
{
	uint16_t busnum = event->busnum, devnum = event->devnum;
	own_fd int dir_fd = -1;
	Usb *usb;

	deny_if_bus(event->sysname);
	if (sysfs_open("/sys", event->devpath, &dir_fd) < 0)
		return;
	if (devnum == 0 && read_identity(dir_fd, &busnum, &devnum) < 0)
		return;
	usb = remember(monitor, event->sysname, busnum, devnum);
	if (!usb)
		return;
	usb->handle = usb_handle_new(own_take_fd(&dir_fd));
	tell(monitor, usb, false, usec);
}

static void look_at(Monitor *monitor, const char *sysname, uint64_t usec)
{
	uint16_t busnum, devnum;
	own_fd int dir_fd = -1;
	Usb *usb;

	deny_if_bus(sysname);
	if (sysfs_open(USB_DEVICES, sysname, &dir_fd) < 0 || read_identity(dir_fd, &busnum, &devnum) < 0)
		return;
	usb = remember(monitor, sysname, busnum, devnum);
	if (usb)
		tell(monitor, usb, false, usec);
}

void usb_rescan(Monitor *monitor)
{
	own_sysfs_names SysfsNames names = {0};
	uint64_t now = monitor_now();
	Usb *usb, *next;

	if (sysfs_list(USB_DEVICES, name_is_usb_device, name_usb_compare, &names) < 0)
		return; /* a kernel without USB */
	HASH_ITER (hh, monitor->usb, usb, next) {
		usb->seen = false;
	}
	for (size_t i = 0; i < names.n; i++)
		look_at(monitor, names.names[i], now);
	HASH_ITER (hh, monitor->usb, usb, next) {
		if (!usb->seen)
			forget(monitor, usb);
	}
}

static int compare_usb(const Usb *a, const Usb *b)
{
	return name_usb_compare(a->sysname, b->sysname);
}

void usb_tell_all(Monitor *monitor)
{
	uint64_t now = monitor_now();

	HASH_SORT(monitor->usb, compare_usb);
	for (Usb *usb = monitor->usb; usb; usb = usb->hh.next)
		tell(monitor, usb, true, now);
}

typedef struct ApplyJob {
	Job job;
	UsbHandle *handle;
	SkUsbApply order;
	CoreOrder asked;
	int result;
	char detail[256];
} ApplyJob;

static void run_apply(Job *job)
{
	ApplyJob *apply = (ApplyJob *)job;

	apply->result = usb_apply(&apply->order, &apply->handle, apply->detail);
}

static void done_apply(void *userdata, Job *job)
{
	own_free ApplyJob *apply = (ApplyJob *)job;
	Monitor *monitor = userdata;

	usb_handle_close(apply->handle);
	core_answer(monitor, &apply->asked, apply->result, apply->detail, -1);
	probes_refill(monitor->probes);
}

void usb_order(Monitor *monitor, const SkUsbApply *order)
{
	CoreOrder asked = core_order(monitor, &order->head);
	ApplyJob *apply = calloc(1, sizeof(*apply));
	Usb *usb;

	if (!apply) {
		core_answer(monitor, &asked, -ENOMEM, NULL, -1);
		return;
	}
	apply->order = *order;
	apply->asked = asked;
	apply->job.run = run_apply;
	apply->job.done = done_apply;
	/* Cut where it is not terminated; usb_apply() refuses such a name. */
	memcpy(apply->job.key, order->sysname, sizeof(apply->job.key) - 1);
	HASH_FIND_STR(monitor->usb, apply->job.key, usb);
	if (usb)
		apply->handle = own_take(usb->handle);
	work_start(monitor->work, &apply->job);
}
