/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/policy_offline.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/usb/text.h"

static void fill_device(OfflineDevice *device)
{
	SkPolicyDevice *to = &device->device;

	sk_usb_id_format(device->id, device->facts.vendor_id, device->facts.product_id);
	sk_policy_device_set(to, SK_POLICY_ID, device->id);
	sk_policy_device_set(to, SK_POLICY_SERIAL, device->facts.serial);
	sk_policy_device_set(to, SK_POLICY_NAME, device->facts.product);
	sk_policy_device_set(to, SK_POLICY_HASH, device->facts.hash);
	sk_policy_device_set(to, SK_POLICY_PARENT_HASH, device->place.parent_hash);
	sk_policy_device_set(to, SK_POLICY_VIA_PORT, device->place.port);
	sk_policy_device_set(to, SK_POLICY_WITH_CONNECT_TYPE, device->place.connect_type);
	for (uint32_t i = 0; i < device->facts.n_interfaces; i++)
		device->interfaces[i] = (SkPolicyInterface){
			.base_class = device->facts.interfaces[i].base_class,
			.subclass = device->facts.interfaces[i].subclass,
			.protocol = device->facts.interfaces[i].protocol,
		};
	to->interfaces = device->interfaces;
	to->n_interfaces = device->facts.n_interfaces;
	to->bus = SK_POLICY_BUS_USB;
}

int offline_read_device(const char *sysfs, const char *name, OfflineDevice **ret_device)
{
	own_free OfflineDevice *device = calloc(1, sizeof(*device));
	own_fd int sysfs_fd = -1, fd = -1;
	int r;

	if (!device)
		return -ENOMEM;
	if (!*name || strchr(name, '/') || !sk_str_copy(device->name, sizeof(device->name), name))
		return -ENOENT;
	sysfs_fd = open(sysfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sysfs_fd < 0)
		return -errno;
	fd = openat(sysfs_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = sk_crypt_init();
	if (r == 0)
		r = sk_usb_sysfs_read(fd, &device->facts);
	if (r == 0 && device->facts.state != SK_USB_FACTS_OK)
		r = -EBADMSG;
	if (r == 0)
		r = sk_usb_sysfs_place(fd, &device->place);
	if (r < 0)
		return r;
	fill_device(device);
	*ret_device = own_take(device);
	return 0;
}

static int is_device(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !strchr(entry->d_name, ':');
}

/* usb1, 1-1, 1-1.2, 1-2, usb2: numbers by value, a hub before what hangs on it. */
static int in_bus_order(const struct dirent **a, const struct dirent **b)
{
	const char *of_a = (*a)->d_name, *of_b = (*b)->d_name;
	bool hub_a = sk_str_starts(of_a, "usb"), hub_b = sk_str_starts(of_b, "usb");
	int order = strverscmp(of_a + (hub_a ? 3 : 0), of_b + (hub_b ? 3 : 0));

	return order;
}

static void tell_left_out(const char *name, int r)
{
	fprintf(stderr, _("%s: left out: %s\n"), name,
		r == -EBADMSG ? _("its descriptors are malformed") : strerror(-r));
}

int offline_read_devices(const char *sysfs, OfflineDevice ***ret_devices, size_t *ret_n)
{
	struct dirent **entries;
	int n = scandir(sysfs, &entries, is_device, in_bus_order);
	OfflineDevice **devices;
	size_t n_devices = 0;

	if (n < 0) {
		fprintf(stderr, "%s: %s\n", sysfs,
			errno == ENOENT ? _("this machine has no USB") : strerror(errno));
		return -errno;
	}
	devices = calloc((size_t)n + 1, sizeof(*devices));
	for (int i = 0; i < n; i++) {
		int r = devices ? offline_read_device(sysfs, entries[i]->d_name, &devices[n_devices])
				: -ENOMEM;

		if (r < 0)
			tell_left_out(entries[i]->d_name, r);
		n_devices += r == 0;
		free(entries[i]);
	}
	free(entries);
	if (!devices)
		return -ENOMEM;
	*ret_devices = devices;
	*ret_n = n_devices;
	return 0;
}

void offline_free_devices(OfflineDevice **devices, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(devices[i]);
	free(devices);
}
