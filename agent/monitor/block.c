/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/monitor/block_table.h"
#include "agent/monitor/disk.h"
#include "agent/monitor/mode.h"
#include "agent/monitor/names.h"
#include "agent/monitor/peer_core.h"
#include "agent/monitor/sysfs.h"
#include "agent/monitor/work.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

static void tell(Monitor *monitor, const Block *block, uint16_t type)
{
	SkBlockAdded added = {.major = major(block->dev),
		.minor = minor(block->dev),
		.partition = block->partition,
		.bus = block->bus,
		.removable = block->removable,
		.medium_present = block->size > 0,
		.present_at_start = block->present_at_start,
		.size = block->size,
		.uevent_usec = block->usec};

	sk_head_init(&added.head, type, sizeof(added));
	sk_str_copy(added.sysname, sizeof(added.sysname), block->sysname);
	sk_str_copy(added.disk, sizeof(added.disk), block->disk);
	sk_str_copy(added.usb, sizeof(added.usb), block->usb);
	core_tell(monitor, &added, -1);
}

typedef struct PrepareJob {
	Job job;
	DiskId id;
	uint64_t number; /* of the table's entry */
	uint16_t type;	 /* told when done */
	int result;
	DiskMedium medium;
} PrepareJob;

static void run_prepare(Job *job)
{
	PrepareJob *prepare = (PrepareJob *)job;

	if (!mode_is_enforcing())
		disk_release(&prepare->id); /* it may have none, or be gone: nothing depends on it */
	prepare->result = disk_prepare(&prepare->id, &prepare->medium);
}

static void done_prepare(void *userdata, Job *job)
{
	own_free PrepareJob *prepare = (PrepareJob *)job;
	Monitor *monitor = userdata;
	Block *block = block_table_find(monitor, prepare->id.sysname);

	monitor->n_preparing--;
	if (block && block->number == prepare->number) {
		if (prepare->result < 0 && prepare->result != -ENODEV)
			sk_log(LOG_ERR, "%s cannot be made read-only: %s", block->sysname,
				strerror(-prepare->result));
		/* One that could not be made read-only has no medium for anybody. */
		block->size = prepare->result < 0 ? 0 : prepare->medium.size;
		block->preparing = false;
		tell(monitor, block, prepare->type);
	}
	core_tell_enumerated(monitor);
}

static void disk_id_of(const Block *block, DiskId *ret_id)
{
	*ret_id = (DiskId){.dev = block->dev, .bus = block->bus, .writable = block->writable};
	sk_str_copy(ret_id->sysname, sizeof(ret_id->sysname), block->sysname);
	sk_str_copy(ret_id->usb, sizeof(ret_id->usb), block->usb);
}

/* One disk and its partitions are worked on in order: core hears of the disk first. */
static void prepare(Monitor *monitor, Block *block, uint16_t type)
{
	PrepareJob *job = calloc(1, sizeof(*job));

	if (!job)
		return;
	disk_id_of(block, &job->id);
	job->number = block->number;
	job->type = type;
	job->job.run = run_prepare;
	job->job.done = done_prepare;
	sk_str_copy(job->job.key, sizeof(job->job.key), block->disk);
	block->preparing = true;
	monitor->n_preparing++;
	work_start(monitor->work, &job->job);
}

static void forget(Monitor *monitor, Block *block)
{
	SkBlockRemoved removed = {.major = major(block->dev), .minor = minor(block->dev)};

	sk_head_init(&removed.head, SK_MONITOR_BLOCK_REMOVED, sizeof(removed));
	sk_str_copy(removed.sysname, sizeof(removed.sysname), block->sysname);
	block_table_remove(monitor, block);
	core_tell(monitor, &removed, -1);
}

void block_removed(Monitor *monitor, const char *sysname)
{
	Block *block = block_table_find(monitor, sysname);

	if (block)
		forget(monitor, block);
}

void block_added(Monitor *monitor, const char *sysname, uint64_t usec)
{
	Block found, *block;

	if (block_read(monitor, sysname, &found) < 0)
		return; /* gone, or no medium */
	block = block_table_find(monitor, sysname);
	if (block && block->dev == found.dev && block->sequence == found.sequence) {
		block->seen = true;
		return;
	}
	if (block)
		forget(monitor, block); /* its removal was not heard */
	found.usec = usec;
	found.seen = true;
	block = block_table_add(monitor, &found);
	if (!block)
		return;
	if (block->bus == SK_BUS_INTERNAL)
		tell(monitor, block, SK_MONITOR_BLOCK_ADDED);
	else
		prepare(monitor, block, SK_MONITOR_BLOCK_ADDED);
}

void block_changed(Monitor *monitor, const char *sysname, uint64_t usec)
{
	Block *block = block_table_find(monitor, sysname);

	if (!block || block->bus == SK_BUS_INTERNAL)
		return;
	block->usec = usec;
	block->present_at_start = false;
	/* The sequence number of a disk counts its media too. */
	block_read_sequence(block);
	prepare(monitor, block, SK_MONITOR_BLOCK_CHANGED);
}

static int compare_block(const Block *a, const Block *b)
{
	if ((a->partition == 0) != (b->partition == 0))
		return a->partition == 0 ? -1 : 1;
	return strverscmp(a->sysname, b->sysname);
}

void block_rescan(Monitor *monitor)
{
	own_sysfs_names SysfsNames names = {0};
	uint64_t now = monitor_now();
	Block *block, *next;

	/* Disks come before their partitions in the order of version numbers: "sda", "sda1", "sda10". */
	if (sysfs_list(CLASS_BLOCK, name_is_block, strverscmp, &names) < 0)
		return;
	HASH_ITER (hh, monitor->block, block, next) {
		block->seen = false;
	}
	for (size_t i = 0; i < names.n; i++)
		block_added(monitor, names.names[i], now);
	HASH_ITER (hh, monitor->block, block, next) {
		if (!block->seen)
			forget(monitor, block);
	}
}

void block_tell_all(Monitor *monitor)
{
	HASH_SORT(monitor->block, compare_block);
	for (Block *block = monitor->block; block; block = block->hh.next) {
		block->present_at_start = true;
		/* One that is being prepared is told when that is done. */
		if (!block->preparing)
			tell(monitor, block, SK_MONITOR_BLOCK_ADDED);
	}
}

bool block_is_guarded(const Monitor *monitor, const char *sysname, dev_t *ret_dev)
{
	const Block *block = block_table_find(monitor, sysname);

	if (!block || block->bus == SK_BUS_INTERNAL)
		return false;
	*ret_dev = block->dev;
	return true;
}

/* udev applies its rules anew: owner and mode of the node, and what udisks may do with it. */
static void ask_udev(const Block *block)
{
	own_fd int fd = -1;

	if (sysfs_open(CLASS_BLOCK, block->sysname, &fd) == 0)
		sk_io_write_attr_at(fd, "uevent", "change");
}

void block_mode_changed(Monitor *monitor)
{
	for (Block *block = monitor->block; block; block = block->hh.next) {
		if (block->bus == SK_BUS_INTERNAL)
			continue;
		prepare(monitor, block, SK_MONITOR_BLOCK_CHANGED);
		ask_udev(block);
	}
}
