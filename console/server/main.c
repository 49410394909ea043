/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-console: one row per command, one file per command (cmd_NAME.c).
 */
#include <stdio.h>

#include "config.h"
#include "console/server/command.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

static int version(int argc, char **argv)
{
	puts("sekisho-console " SK_VERSION);
	return CONSOLE_OK;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"serve", console_serve, N_("answer people and agents")},
	{"init", console_init, N_("make the database and the first sign-in")},
	{"join", console_join, N_("become one more console of a database that has one")},
	{"recover", console_recover, N_("make the keys out of a copy that somebody kept")},
	{"migrate", console_migrate, N_("bring the database to this version")},
	{"doctor", console_doctor, N_("say what is wrong, and what to do")},
	{"backup", console_backup, N_("write the database into a file")},
	{"restore", console_restore, N_("fill an empty database from such a file")},
	{"version", version, N_("print the version")},
};

static int help(FILE *out, int status)
{
	fprintf(out, _("Usage: %s COMMAND ...\n\n"), "sekisho-console");
	for (size_t i = 0; i < SK_ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-14s %s\n", commands[i].name, _(commands[i].help));
	return status;
}

int main(int argc, char **argv)
{
	sk_intl_init(SK_LOCALEDIR);
	if (sk_crypt_init() < 0)
		return CONSOLE_ERROR;
	if (argc < 2)
		return help(stderr, CONSOLE_USAGE);
	if (sk_str_eq(argv[1], "--help") || sk_str_eq(argv[1], "-h") || sk_str_eq(argv[1], "help"))
		return help(stdout, CONSOLE_OK);
	for (size_t i = 0; i < SK_ARRAY_SIZE(commands); i++)
		if (sk_str_eq(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, _("%s: no command '%s'; '%s --help' lists them\n"), "sekisho-console", argv[1],
		"sekisho-console");
	return CONSOLE_USAGE;
}
