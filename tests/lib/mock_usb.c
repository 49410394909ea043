/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/mock_usb.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypt/digest.h"

/* A device descriptor and one configuration with one mass storage interface. */
static void make_descriptors(const MockUsb *usb, uint8_t ret_bytes[50])
{
	static const uint8_t bytes[50] = {18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x6b, 0x1d, 0, 0, 0x00, 0x01, 1, 2,
		3, 1, 9, 2, 32, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 8, 6, 80, 0, 7, 5, 0x81, 2, 0, 2, 0, 7,
		5, 0x02, 2, 0, 2, 0};

	memcpy(ret_bytes, bytes, sizeof(bytes));
	ret_bytes[10] = (uint8_t)usb->product;
	ret_bytes[11] = (uint8_t)(usb->product >> 8);
}

void mock_usb_digest(const MockUsb *usb, uint8_t ret_digest[32])
{
	uint8_t bytes[50];

	make_descriptors(usb, bytes);
	sk_sha256(ret_digest, bytes, sizeof(bytes));
}

char *mock_usb_add(UMockdevTestbed *testbed, const MockUsb *usb)
{
	uint8_t bytes[50];
	char busnum[16], devnum[16];
	char *path;
	int is_hub = strncmp(usb->sysname, "usb", 3) == 0;

	snprintf(busnum, sizeof(busnum), "%u\n", usb->busnum);
	snprintf(devnum, sizeof(devnum), "%u\n", usb->devnum);
	/* Files first, uevent last, as the kernel does it: added under another subsystem nobody listens to.
	 */
	path = umockdev_testbed_add_device(testbed, "usb", usb->sysname, usb->parent, "busnum", busnum,
		"devnum", devnum, "authorized", usb->authorized, "speed", "480\n", "product", "Test device\n",
		"remove", "", is_hub ? "authorized_default" : "serial", is_hub ? "1\n" : "A-1\n",
		is_hub ? "interface_authorized_default" : "manufacturer", is_hub ? "1\n" : "Sekisho\n", NULL,
		"DEVTYPE", "usb_interface", NULL);
	make_descriptors(usb, bytes);
	umockdev_testbed_set_attribute_binary(testbed, path, "descriptors", bytes, sizeof(bytes));
	umockdev_testbed_set_property(testbed, path, "DEVTYPE", "usb_device");
	snprintf(busnum, sizeof(busnum), "%03u", usb->busnum);
	snprintf(devnum, sizeof(devnum), "%03u", usb->devnum);
	umockdev_testbed_set_property(testbed, path, "BUSNUM", busnum);
	umockdev_testbed_set_property(testbed, path, "DEVNUM", devnum);
	umockdev_testbed_uevent(testbed, path, "add");
	return path;
}

char *mock_usb_add_interface(
	UMockdevTestbed *testbed, const MockUsb *usb, const char *device_path, const MockInterface *interface)
{
	char name[80], digits[8];
	char *path;

	snprintf(name, sizeof(name), "%s:1.%u", usb->sysname, interface->number);
	snprintf(digits, sizeof(digits), "%02x\n", interface->number);
	path = umockdev_testbed_add_device(testbed, "usb", name, device_path, "bInterfaceNumber", digits,
		"bInterfaceClass", "08\n", "authorized", interface->authorized, NULL, "DEVTYPE",
		"usb_interface", NULL);
	if (interface->bound)
		umockdev_testbed_set_attribute_link(testbed, path, "driver", "../../../../bus/usb");
	return path;
}

const char *mock_read(UMockdevTestbed *testbed, const char *path)
{
	static char text[256];
	g_autofree char *root = umockdev_testbed_get_root_dir(testbed);
	g_autofree char *whole = g_strconcat(root, path, NULL);
	FILE *file = fopen(whole, "re");

	text[0] = 0;
	if (file && !fgets(text, sizeof(text), file))
		text[0] = 0;
	if (file)
		fclose(file);
	text[strcspn(text, "\n")] = 0;
	return text;
}

void mock_write(UMockdevTestbed *testbed, const char *path, const char *text)
{
	g_autofree char *root = umockdev_testbed_get_root_dir(testbed);
	g_autofree char *whole = g_strconcat(root, path, NULL);

	g_file_set_contents(whole, text, -1, NULL);
}

void mock_link(UMockdevTestbed *testbed, const char *directory, const char *name, const char *target)
{
	g_autofree char *root = umockdev_testbed_get_root_dir(testbed);
	g_autofree char *parent = g_strconcat(root, directory, NULL);
	g_autofree char *link = g_strconcat(parent, "/", name, NULL);

	if (g_mkdir_with_parents(parent, 0755) < 0 || symlink(target, link) < 0)
		perror(link);
}
