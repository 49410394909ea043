/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekishoctl: runs as the caller, holds no privilege; what needs one is asked of sekishod over D-Bus.
 */
#include <locale.h>
#include <stdio.h>

#include "agent/ctl/ctl.h"
#include "config.h"
#include "lib/base/str.h"

static int ctl_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("sekishoctl " SK_VERSION);
	return CTL_OK;
}

static const CtlCommand commands[] = {
	{ "policy", ctl_policy, "check, decide, explain and generate rules (offline)" },
	{ "descriptors", ctl_descriptors, "explain what a USB device says of itself (offline)" },
	{ "audit", ctl_audit, "verify, show and export the audit log (offline)" },
	{ "version", ctl_version, "print the version" },
	{ NULL, NULL, NULL },
};

int main(int argc, char **argv)
{
	setlocale(LC_ALL, "");
	return ctl_dispatch(commands, "sekishoctl", argc, argv);
}
