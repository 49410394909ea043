/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

static int trial_start(int argc, char **argv)
{
	static const struct option options[] = {{"for", required_argument, NULL, 'f'}, {0}};
	uint64_t seconds = 0;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (option != 'f' || !ctl_parse_duration(optarg, &seconds)) {
			fputs(_("Usage: sekishoctl trial start [--for TIME]\n"), stderr);
			return CTL_USAGE;
		}
	r = ctl_agent_do("StartTrial", "t", seconds);
	if (r == CTL_OK)
		puts(_("The rules are enforced now, for a trial. If everything works, confirm with: "
		       "sekishoctl trial confirm\n"
		       "If nobody does, the PC goes back to learning by itself."));
	return r;
}

static int trial_confirm(int argc, char **argv)
{
	int r = ctl_agent_do("ConfirmTrial", "");

	if (r == CTL_OK)
		puts(_("The rules are enforced from now on, also from the first moment of the next boot."));
	return r;
}

static int trial_cancel(int argc, char **argv)
{
	int r = ctl_agent_do("CancelTrial", "");

	if (r == CTL_OK)
		puts(_("The PC is learning again; nothing is refused."));
	return r;
}

static const CtlCommand commands[] = {
	{"start", trial_start, "enforce the rules until the end of the trial"},
	{"confirm", trial_confirm, "enforce them for good"},
	{"cancel", trial_cancel, "go back to learning"},
	{NULL, NULL, NULL},
};

int ctl_trial(int argc, char **argv)
{
	return ctl_dispatch(commands, "sekishoctl trial", argc, argv);
}

int ctl_reload(int argc, char **argv)
{
	int r = ctl_agent_do("Reload", "");

	if (r == CTL_OK)
		puts(_("Settings and rules were read and are in force."));
	return r;
}

int ctl_explain(int argc, char **argv)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *text = NULL;
	sd_bus *bus = NULL;
	int status, r;

	if (argc != 2) {
		fputs(_("Usage: sekishoctl explain PORT\nPORT is shown by: sekishoctl devices\n"), stderr);
		return CTL_USAGE;
	}
	status = ctl_agent_open(&bus);
	if (status != CTL_OK)
		return status;
	r = sd_bus_call_method(bus, "org.sekisho.Agent1", "/org/sekisho/Agent1", "org.sekisho.Agent1",
		"ExplainDevice", &error, &reply, "s", argv[1]);
	if (r >= 0 && (r = sd_bus_message_read(reply, "s", &text)) >= 0)
		fputs(text, stdout);
	if (r < 0)
		status = ctl_agent_explain_error(&error, r);
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	sd_bus_flush_close_unref(bus);
	return status;
}
