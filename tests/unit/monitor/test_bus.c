/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include "agent/monitor/bus.h"
#include "lib/ipc/proto_monitor.h"

#define PCI "/sys/devices/pci0000:00/"
#define STICK PCI "0000:00:14.0/usb1/1-2/1-2:1.0/host6/target6:0:0/6:0:0:0/block/sda"
#define SATA PCI "0000:00:17.0/ata3/host2/target2:0:0/2:0:0:0/block/sdb"
#define NVME PCI "0000:00:1d.0/0000:3b:00.0/nvme/nvme0/nvme0n1"
#define MMC PCI "0000:00:1c.0/mmc_host/mmc0/mmc0:0001/block/mmcblk0"

static void each_disk_is_on_its_bus(void **state)
{
	static const struct {
		DiskFacts facts;
		uint8_t bus;
	} cases[] = {
		{{.name = "sda", .path = STICK, .removable = true}, SK_BUS_USB},
		{{.name = "sda", .path = STICK, .removable = false}, SK_BUS_USB},
		{{.name = "sr0", .path = STICK, .scsi_type = 5}, SK_BUS_OPTICAL},
		{{.name = "sr1", .path = SATA, .scsi_type = 5, .removable = true}, SK_BUS_OPTICAL},
		{{.name = "mmcblk0", .path = MMC}, SK_BUS_SD},
		{{.name = "mmcblk0", .path = MMC, .soldered = true}, SK_BUS_INTERNAL},
		{{.name = "mmcblk1",
			 .path = PCI "0000:00:14.0/usb2/2-1/2-1:1.0/rtsx_usb_sdmmc.1/mmc_host/mmc1/mmc1:aaaa/"
				     "block/mmcblk1"},
			SK_BUS_SD},
		{{.name = "mspblk0", .path = PCI "0000:00:1c.0/memstick0/block/mspblk0"}, SK_BUS_SD},
		{{.name = "nvme0n1", .path = NVME}, SK_BUS_INTERNAL},
		{{.name = "nvme0n1", .path = NVME, .beyond_external_port = true}, SK_BUS_THUNDERBOLT},
		{{.name = "sdb", .path = SATA}, SK_BUS_INTERNAL},
		{{.name = "sdb", .path = SATA, .removable = true}, SK_BUS_ESATA},
		{{.name = "fd0", .path = "/sys/devices/platform/floppy.0/block/fd0", .removable = true},
			SK_BUS_ESATA},
		{{.name = "loop0", .path = "/sys/devices/virtual/block/loop0", .removable = true},
			SK_BUS_INTERNAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (bus_classify(&cases[i].facts) != cases[i].bus)
			fail_msg(
				"%s (case %zu) is %u", cases[i].facts.path, i, bus_classify(&cases[i].facts));
}

static void only_real_pci_addresses_are_asked(void **state)
{
	assert_true(bus_is_pci_name("0000:3b:00.0"));
	assert_true(bus_is_pci_name("10000:e1:00.7"));
	assert_false(bus_is_pci_name("pci0000:00"));
	assert_false(bus_is_pci_name("6:0:0:0"));
	assert_false(bus_is_pci_name("0000:3b:00.8"));
	assert_false(bus_is_pci_name("0000:3b:00.0x"));
	assert_false(bus_is_pci_name("0000:3b"));
	assert_false(bus_is_pci_name(""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_disk_is_on_its_bus),
		cmocka_unit_test(only_real_pci_addresses_are_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
