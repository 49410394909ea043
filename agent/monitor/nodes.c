/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/nodes.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "agent/monitor/block.h"
#include "agent/monitor/disk.h"
#include "agent/monitor/mode.h"
#include "agent/monitor/names.h"
#include "agent/monitor/sysfs.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define CLASS_SCSI_GENERIC "/sys/class/scsi_generic"

static bool is_scsi_generic(const char *name)
{
	uint64_t number;

	return sk_str_starts(name, "sg") && sk_num_parse(name + 2, 10, UINT32_MAX, &number) == 0;
}

static void guard(const Monitor *monitor, const char *name)
{
	dev_t dev = 0;
	int r;

	if (!block_is_guarded(monitor, name, &dev) && !is_scsi_generic(name))
		return;
	r = disk_guard_node(name, dev);
	if (r > 0)
		sk_log(LOG_WARNING, "/dev/%s was open to others; closed to all but root", name);
	else if (r < 0 && r != -ENOENT && r != -ENODEV)
		sk_log(LOG_ERR, "/dev/%s cannot be closed to others: %s", name, strerror(-r));
}

static int on_change(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	if (event->len > 0)
		guard(userdata, event->name);
	return 0;
}

/* Nodes of pass-through, as they were before the mode changed. */
void nodes_mode_changed(const Monitor *monitor)
{
	own_sysfs_names SysfsNames names = {0};

	if (sysfs_list(CLASS_SCSI_GENERIC, is_scsi_generic, strverscmp, &names) < 0)
		return; /* a kernel without SCSI */
	for (size_t i = 0; i < names.n; i++) {
		own_fd int fd = -1;

		guard(monitor, names.names[i]);
		/* udev applies its rules anew, and gives back what it had given. */
		if (sysfs_open(CLASS_SCSI_GENERIC, names.names[i], &fd) == 0)
			sk_io_write_attr_at(fd, "uevent", "change");
	}
}

int nodes_watch(Monitor *monitor)
{
	int r = sd_event_add_inotify(
		monitor->event, NULL, "/dev", IN_ATTRIB | IN_ONLYDIR, on_change, monitor);

	if (r < 0)
		return r;
	if (mode_is_enforcing())
		nodes_mode_changed(monitor);
	return 0;
}
