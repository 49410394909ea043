/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Which bus a disk is on, from the place that the kernel gives it in sysfs. What cannot be recognised and is
 * removable counts as an external disk (SK_BUS_ESATA): unknown is never internal by being unknown.
 */
#include <stdbool.h>
#include <stdint.h>

/* What bus_of_disk() reads, apart so that the decision is a pure function. */
typedef struct DiskFacts {
	const char *name;	   /* "sda" */
	const char *path;	   /* "/sys/devices/..." */
	uint64_t scsi_type;	   /* `device/type` of a SCSI disk; 5 is optical */
	bool soldered;		   /* an MMC device with a replay-protected area: eMMC, not a card */
	bool removable;		   /* `removable` of the disk */
	bool beyond_external_port; /* a PCI device on the way says "removable": Thunderbolt */
} DiskFacts;

/* SK_BUS_* */
uint8_t bus_classify(const DiskFacts *facts);

/* Virtual disks (loop, dm, md, zram ...) are no media of their own. */
bool bus_path_is_virtual(const char *path);

/* "0000:3b:00.0" */
bool bus_is_pci_name(const char *name);

/*
 * The same from sysfs. dir_fd: the disk's directory. System disks are not looked at here.
 * Return: SK_BUS_*; what cannot be read counts as not there.
 */
uint8_t bus_of_disk(int dir_fd, const char *name, const char *path);
