/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/bus.h"

#include <stddef.h>
#include <string.h>

#include "agent/monitor/names.h"
#include "agent/monitor/sysfs.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/proto_monitor.h"

/* scsi_proto.h: TYPE_WORM, TYPE_ROM */
#define SCSI_TYPE_WORM 4
#define SCSI_TYPE_ROM 5

bool bus_path_is_virtual(const char *path)
{
	return sk_str_starts(path, "/sys/devices/virtual/");
}

static bool is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("0123456789abcdef", s[i]) || s[i] == 0)
			return false;
	return true;
}

bool bus_is_pci_name(const char *name)
{
	size_t domain = strcspn(name, ":");

	if (domain < 4 || domain > 8 || !is_hex(name, domain))
		return false;
	name += domain;
	return strlen(name) == 8 && is_hex(name + 1, 2) && name[3] == ':' && is_hex(name + 4, 2) &&
	       name[6] == '.' && name[7] >= '0' && name[7] <= '7';
}

static bool is_optical(const DiskFacts *facts)
{
	return (sk_str_starts(facts->name, "sr") && facts->name[2] >= '0' && facts->name[2] <= '9') ||
	       facts->scsi_type == SCSI_TYPE_ROM || facts->scsi_type == SCSI_TYPE_WORM;
}

static bool is_card(const DiskFacts *facts)
{
	if (sk_str_starts(facts->name, "msblk") || sk_str_starts(facts->name, "mspblk"))
		return true; /* Memory Stick */
	return sk_str_starts(facts->name, "mmcblk") && !facts->soldered;
}

uint8_t bus_classify(const DiskFacts *facts)
{
	char usb[SK_SYSNAME_SIZE];

	if (bus_path_is_virtual(facts->path))
		return SK_BUS_INTERNAL;
	if (is_optical(facts))
		return SK_BUS_OPTICAL;
	/* Before USB: the card in a USB reader of the rtsx kind is a card. */
	if (is_card(facts))
		return SK_BUS_SD;
	if (path_find_usb(facts->path, usb))
		return SK_BUS_USB;
	if (facts->beyond_external_port)
		return SK_BUS_THUNDERBOLT;
	/* libata sets `removable` for ports that the firmware calls external or hot-pluggable. */
	return facts->removable ? SK_BUS_ESATA : SK_BUS_INTERNAL;
}

/* Walks the PCI devices above: the kernel marks what hangs on an external port (since 5.13). */
static bool is_beyond_external_port(const char *path)
{
	char prefix[SYSFS_PATH_SIZE];
	const char *slash = path;

	while ((slash = strchr(slash + 1, '/'))) {
		own_fd int fd = -1;
		char state[32];
		const char *component;

		memcpy(prefix, path, (size_t)(slash - path));
		prefix[slash - path] = 0;
		component = strrchr(prefix, '/');
		if (!component || !bus_is_pci_name(component + 1))
			continue;
		if (sysfs_open(prefix, ".", &fd) == 0 &&
			sysfs_read(fd, "removable", state, sizeof(state)) == 0 &&
			sk_str_eq(state, "removable"))
			return true;
	}
	return false;
}

/* eMMC says how large its replay-protected area is ("0x20"); a card has none. */
static bool is_soldered(int dir_fd)
{
	uint64_t size;
	char text[32];

	if (sysfs_read(dir_fd, "device/raw_rpmb_size_mult", text, sizeof(text)) < 0)
		return false;
	return sk_num_parse(sk_str_starts(text, "0x") ? text + 2 : text, 16, UINT64_MAX, &size) == 0 &&
	       size > 0;
}

uint8_t bus_of_disk(int dir_fd, const char *name, const char *path)
{
	uint64_t scsi_type, removable;
	DiskFacts facts = {.name = name, .path = path, .scsi_type = UINT64_MAX};

	if (sysfs_read_number(dir_fd, "device/type", 10, UINT8_MAX, &scsi_type) == 0)
		facts.scsi_type = scsi_type;
	if (sysfs_read_number(dir_fd, "removable", 10, 1, &removable) == 0)
		facts.removable = removable == 1;
	facts.soldered = is_soldered(dir_fd);
	facts.beyond_external_port = is_beyond_external_port(path);
	return bus_classify(&facts);
}
