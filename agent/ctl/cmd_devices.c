/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

static void print_devices(const json_t *list)
{
	json_t *device;
	size_t i;

	json_array_foreach (list, i, device) {
		printf("%-8s %s  %s", ctl_json_text(device, "port"), ctl_json_text(device, "id"),
			ctl_json_text(device, "name"));
		if (ctl_json_text(device, "interfaces")[0])
			printf("  [%s]", ctl_json_text(device, "interfaces"));
		fputs("\n         ", stdout);
		ctl_print_reason(ctl_json_text(device, "code"));
		if (ctl_json_text(device, "rule")[0])
			printf(_(" (rule %s)"), ctl_json_text(device, "rule"));
		putchar('\n');
	}
}

int ctl_devices(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"known", no_argument, NULL, 'k'},
		{0},
	};
	bool json = false, known = false;
	json_t *list = NULL;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == '?') {
			fputs(_("Usage: sekishoctl devices [--known] [--json]\n"), stderr);
			return CTL_USAGE;
		}
		json |= option == 'j';
		known |= option == 'k';
	}
	r = ctl_agent_get(known ? "ListKnownDevices" : "ListDevices", &list);
	if (r != CTL_OK)
		return r;
	if (json)
		return ctl_print_json(list);
	print_devices(list);
	json_decref(list);
	return CTL_OK;
}

int ctl_allow(int argc, char **argv)
{
	static const struct option options[] = {{"for", required_argument, NULL, 'f'}, {0}};
	uint64_t seconds = 0;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (option != 'f' || !ctl_parse_duration(optarg, &seconds))
			seconds = 0, optind = argc;
	if (seconds == 0 || optind + 1 != argc) {
		fputs(_("Usage: sekishoctl allow --for TIME PORT\n"
			"TIME is a number with s, min, h or d, such as 10min; PORT is shown by: sekishoctl "
			"devices\n"),
			stderr);
		return CTL_USAGE;
	}
	r = ctl_agent_do("AllowDevice", "st", argv[optind], seconds);
	if (r == CTL_OK)
		printf(_("The device at %s is allowed for %llu seconds.\n"), argv[optind],
			(unsigned long long)seconds);
	return r;
}
