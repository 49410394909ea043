/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The table of block devices that are present, and what sysfs says about one.
 */
#include <sys/types.h>
#include <uthash.h>

#include "agent/monitor/monitor.h"

#define CLASS_BLOCK "/sys/class/block"

struct Block {
	char sysname[SK_SYSNAME_SIZE];
	char disk[SK_SYSNAME_SIZE];
	char usb[SK_SYSNAME_SIZE];
	dev_t dev;
	uint64_t sequence; /* the kernel's number of this disk and medium; 0 before Linux 5.15 */
	uint64_t number;   /* ours, never given twice */
	uint64_t size, usec;
	uint32_t partition; /* 0 for a disk */
	uint8_t bus;
	bool removable, present_at_start, preparing;
	bool writable; /* core had it opened for writing, and not for reading since */
	bool seen;     /* by the rescan that is going on */
	UT_hash_handle hh;
};

/*
 * Reads one from sysfs. bus comes out internal for system disks. Return: 0; -EINVAL name; -ENODEV gone;
 * -EOPNOTSUPP virtual; other negative errno.
 */
int block_read(const Monitor *monitor, const char *sysname, Block *ret_block);
void block_read_sequence(Block *block);

Block *block_table_find(const Monitor *monitor, const char *sysname);
/* Copies the entry into the table. NULL: no memory. */
Block *block_table_add(Monitor *monitor, const Block *block);
void block_table_remove(Monitor *monitor, Block *block);
