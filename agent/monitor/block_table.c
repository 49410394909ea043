/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/block_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/monitor/bus.h"
#include "agent/monitor/names.h"
#include "agent/monitor/sysfs.h"
#include "agent/monitor/system.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define SECTOR_SIZE 512

Block *block_table_find(const Monitor *monitor, const char *sysname)
{
	Block *block;

	HASH_FIND_STR(monitor->block, sysname, block);
	return block;
}

Block *block_table_add(Monitor *monitor, const Block *block)
{
	static uint64_t last_number;
	Block *entry = malloc(sizeof(*entry));

	if (!entry)
		return NULL;
	*entry = *block;
	entry->number = ++last_number;
	HASH_ADD_STR(monitor->block, sysname, entry);
	return entry;
}

void block_table_remove(Monitor *monitor, Block *block)
{
	HASH_DEL(monitor->block, block);
	free(block);
}

/* ".../block/sda/sda1" -> "sda"; the path of a disk is not changed. */
static int cut_partition(char *path, const char *sysname, char ret_disk[SK_SYSNAME_SIZE])
{
	char *slash = strrchr(path, '/');

	if (!slash || !sk_str_eq(slash + 1, sysname))
		return -ENODEV;
	*slash = 0;
	slash = strrchr(path, '/');
	return slash && sk_str_copy(ret_disk, SK_SYSNAME_SIZE, slash + 1) ? 0 : -ENODEV;
}

static uint8_t bus_of(const Monitor *monitor, const Block *block, int disk_fd, const char *disk_path)
{
	const Block *disk = block_table_find(monitor, block->disk);
	uint8_t bus;
	dev_t dev;
	int r;

	/* All of a disk is of one kind; it was decided when the disk came. */
	if (disk && block->partition > 0)
		return disk->bus;
	bus = bus_of_disk(disk_fd, block->disk, disk_path);
	if (bus == SK_BUS_INTERNAL)
		return bus;
	r = sysfs_read_dev(disk_fd, "dev", &dev);
	if (r == 0)
		r = system_disk_check(dev);
	if (r < 0)
		sk_log(LOG_ERR, "%s: cannot tell whether it is a system disk (%s); left alone",
			block->sysname, strerror(-r));
	return r == 0 ? bus : SK_BUS_INTERNAL;
}

static void read_sequence(int disk_fd, uint64_t *ret_sequence)
{
	if (sysfs_read_number(disk_fd, "diskseq", 10, UINT64_MAX, ret_sequence) < 0)
		*ret_sequence = 0;
}

void block_read_sequence(Block *block)
{
	own_fd int disk_fd = -1;

	if (sysfs_open(CLASS_BLOCK, block->disk, &disk_fd) == 0)
		read_sequence(disk_fd, &block->sequence);
}

int block_read(const Monitor *monitor, const char *sysname, Block *ret_block)
{
	Block block = {0};
	char path[SYSFS_PATH_SIZE];
	own_fd int fd = -1, disk_fd = -1;
	uint64_t number;
	int r;

	if (!name_is_block(sysname) || !sk_str_copy(block.sysname, sizeof(block.sysname), sysname))
		return -EINVAL;
	r = sysfs_read_path(CLASS_BLOCK, sysname, path);
	if (r == 0 && bus_path_is_virtual(path))
		return -EOPNOTSUPP;
	if (r == 0)
		r = sysfs_open(CLASS_BLOCK, sysname, &fd);
	if (r == 0)
		r = sysfs_read_dev(fd, "dev", &block.dev);
	if (r < 0)
		return r;
	sk_str_copy(block.disk, sizeof(block.disk), sysname);
	if (sysfs_read_number(fd, "partition", 10, UINT32_MAX, &number) == 0) {
		block.partition = (uint32_t)number;
		r = cut_partition(path, sysname, block.disk);
	}
	disk_fd = openat(fd, block.partition > 0 ? ".." : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r < 0 || disk_fd < 0)
		return -ENODEV;
	if (sysfs_read_number(fd, "size", 10, UINT64_MAX / SECTOR_SIZE, &number) == 0)
		block.size = number * SECTOR_SIZE;
	if (sysfs_read_number(disk_fd, "removable", 10, 1, &number) == 0)
		block.removable = number == 1;
	path_find_usb(path, block.usb);
	read_sequence(disk_fd, &block.sequence);
	block.bus = bus_of(monitor, &block, disk_fd, path);
	*ret_block = block;
	return 0;
}
