/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/ctl.h"
#include "agent/ctl/policy_offline.h"
#include "lib/base/intl.h"

static const CtlCommand commands[] = {
	{"check", ctl_policy_check, N_("are these rule files correct and sensible?")},
	{"decide", ctl_policy_decide, N_("what do rules say to devices described in text?")},
	{"explain", ctl_policy_explain, N_("why does a device get its answer, rule by rule?")},
	{"generate", ctl_policy_generate, N_("write rules that allow what is plugged in now")},
	{NULL, NULL, NULL},
};

int ctl_policy(int argc, char **argv)
{
	return ctl_dispatch(commands, "sekishoctl policy", argc, argv);
}
