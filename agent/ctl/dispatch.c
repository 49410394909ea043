/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/ctl.h"

#include <stdio.h>

#include "lib/base/intl.h"
#include "lib/base/str.h"

void ctl_print_help(FILE *out, const char *const *pieces)
{
	for (; *pieces; pieces++)
		fputs(_(*pieces), out);
}

const char *ctl_translate(const char *english)
{
	/* gettext("") is the head of the catalogue */
	return *english ? gettext(english) : english;
}

static void print_help(FILE *out, const CtlCommand *commands, const char *program)
{
	fprintf(out, _("Usage: %s COMMAND ...\n\n"), program);
	for (; commands->name; commands++)
		fprintf(out, "  %-14s %s\n", commands->name, _(commands->help));
}

int ctl_dispatch(const CtlCommand *commands, const char *program, int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr, commands, program);
		return CTL_USAGE;
	}
	if (sk_str_eq(argv[1], "--help") || sk_str_eq(argv[1], "-h") || sk_str_eq(argv[1], "help")) {
		print_help(stdout, commands, program);
		return CTL_OK;
	}
	for (const CtlCommand *command = commands; command->name; command++)
		if (sk_str_eq(argv[1], command->name))
			return command->run(argc - 1, argv + 1);
	fprintf(stderr, _("%s: no command '%s'; '%s --help' lists them\n"), program, argv[1], program);
	return CTL_USAGE;
}
