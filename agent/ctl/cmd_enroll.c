/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

static int usage(void)
{
	fputs(_("Usage: sekishoctl enroll CODE | --leave\n"
		"CODE is given by the console: HOST[:PORT]/SECRET-FINGERPRINT\n"),
		stderr);
	return CTL_USAGE;
}

static int leave(void)
{
	int r = ctl_agent_do("Leave", "");

	if (r == CTL_OK)
		puts(_("This PC does not belong to the console any more. Retire it there too."));
	return r;
}

int ctl_enroll(int argc, char **argv)
{
	static const struct option options[] = {{"leave", no_argument, NULL, 'l'}, {0}};
	bool leaving = false;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 'l')
			return usage();
		leaving = true;
	}
	if (leaving)
		return argc == optind ? leave() : usage();
	if (argc != optind + 1)
		return usage();
	r = ctl_agent_do("Enroll", "s", argv[optind]);
	if (r == CTL_OK)
		puts(_("This PC belongs to the console now. See: sekishoctl status"));
	return r;
}
