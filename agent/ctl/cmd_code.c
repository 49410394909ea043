/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/agent.h"
#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

int ctl_code(int argc, char **argv)
{
	static const struct option options[] = {
		{"medium", required_argument, NULL, 'm'}, {"action", required_argument, NULL, 'a'}, {0}};
	const char *medium = NULL, *action = "read-write";
	own_free char *answer = NULL;
	bool wrong = false;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'm')
			medium = optarg;
		else if (option == 'a')
			action = optarg;
		wrong |= option == '?';
	}
	if (wrong || argc != optind + 1 || !medium) {
		fputs(_("Usage: sekishoctl code --medium ID [--action read|read-write] CODE\n"
			"CODE is what the security officer reads out: XXXX-XXXX-XXXX\n"),
			stderr);
		return CTL_USAGE;
	}
	r = ctl_agent_ask(&answer, "EnterCode", "sss", argv[optind], medium, action);
	return ctl_show_code(r, answer, "SK-1517");
}

/* The code is asked for: as an argument anybody on this PC could read it before it is used up. */
static int break_glass(const char *reason)
{
	own_free char *code = ctl_ask_line(_("Code of the sealed envelope (XXXX-XXXX-XXXX-XXXX-XXXX):"));
	own_free char *answer = NULL;
	int r;

	if (!code) {
		fputs(_("sekishoctl: no code was entered; this PC is as before.\n"), stderr);
		return CTL_USAGE;
	}
	r = ctl_agent_ask(&answer, "BreakGlass", "ss", code, reason);
	explicit_bzero(code, strlen(code));
	return ctl_show_code(r, answer, "SK-1524");
}

static int end_break_glass(void)
{
	own_free char *answer = NULL;
	int r = ctl_agent_ask(&answer, "EndBreakGlass", "");

	return ctl_show_code(r, answer, "SK-1525");
}

int ctl_break_glass(int argc, char **argv)
{
	static const struct option options[] = {
		{"reason", required_argument, NULL, 'r'}, {"end", no_argument, NULL, 'e'}, {0}};
	const char *reason = NULL;
	bool ending = false, wrong = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'r')
			reason = optarg;
		ending |= option == 'e';
		wrong |= option == '?';
	}
	if (wrong || argc != optind || ending != !reason) {
		fputs(_("Usage: sekishoctl break-glass --reason TEXT | --end\n"
			"The code of the sealed envelope is asked for, or read from standard input; as an "
			"argument "
			"others on this PC would see it.\n"),
			stderr);
		return CTL_USAGE;
	}
	return ending ? end_break_glass() : break_glass(reason);
}
