/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/ctl.h"

static const CtlCommand commands[] = {
	{ 0 },
};

int ctl_policy(int argc, char **argv)
{
	return ctl_dispatch(commands, "sekishoctl policy", argc, argv);
}
