/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/policy_offline.h"
#include "lib/base/intl.h"

static const char *const help[] = {
	N_("Usage: sekishoctl policy generate [OPTION...]\n\n"
	   "Writes one rule for each USB device plugged in now that allows exactly this "
	   "device, in USBGuard's language.\n"
	   "The rule of a device without serial number also names its port, as nothing else "
	   "tells two of a kind apart.\n\n"
	   "  --ports               name the port of every device\n"
	   "  --no-ports            name no port at all\n"
	   "  -h, --help            this text\n"),
	NULL,
};

enum {
	PORTS = OFFLINE_OWN_,
	NO_PORTS,
	SYSFS,
};

typedef enum Ports {
	PORTS_WITHOUT_SERIAL,
	PORTS_ALWAYS,
	PORTS_NEVER,
} Ports;

static int generate(const char *sysfs, Ports ports)
{
	OfflineDevice **devices;
	size_t n;
	int r = offline_read_devices(sysfs, &devices, &n);

	if (r < 0)
		return CTL_ERROR;
	for (size_t i = 0; i < n && r == 0; i++) {
		SkPolicyDevice *device = &devices[i]->device;

		if (ports == PORTS_NEVER || (ports == PORTS_WITHOUT_SERIAL && devices[i]->facts.serial[0]))
			device->text[SK_POLICY_VIA_PORT].count = 0;
		r = sk_policy_write_rule(device, SK_POLICY_ALLOW, stdout);
		putchar('\n');
	}
	offline_free_devices(devices, n);
	return r < 0 || fflush(stdout) ? CTL_ERROR : CTL_OK;
}

int ctl_policy_generate(int argc, char **argv)
{
	static const struct option known[] = {
		{"ports", no_argument, NULL, PORTS},
		{"no-ports", no_argument, NULL, NO_PORTS},
		{"sysfs", required_argument, NULL, SYSFS},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *sysfs = OFFLINE_SYSFS;
	Ports ports = PORTS_WITHOUT_SERIAL;

	for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;)
		switch (option) {
		case PORTS:
			ports = PORTS_ALWAYS;
			break;
		case NO_PORTS:
			ports = PORTS_NEVER;
			break;
		case SYSFS:
			sysfs = optarg;
			break;
		case 'h':
			ctl_print_help(stdout, help);
			return CTL_OK;
		default:
			return CTL_USAGE;
		}
	if (optind != argc) {
		ctl_print_help(stderr, help);
		return CTL_USAGE;
	}
	return generate(sysfs, ports);
}
