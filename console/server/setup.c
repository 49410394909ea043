/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "console/server/command.h"
#include "console/server/owner.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define OPTIONS_MAX 16
#define ADDRESS_MAX 4096

static int usage(const char *command, const ConsoleOption *others, FILE *out, int status)
{
	fprintf(out, _("Usage: %s %s [--config DIRECTORY] [--database ADDRESS]"), "sekisho-console", command);
	for (; others && others->name; others++)
		fprintf(out, others->value ? " [--%s ...]" : " [--%s]", others->name);
	fputc('\n', out);
	return status;
}

/* Return: -1 go on, or the exit status. */
static int parse(
	int argc, char **argv, const ConsoleOption *others, const char **config, const char **database)
{
	struct option options[OPTIONS_MAX] = {{"config", required_argument, NULL, 1},
		{"database", required_argument, NULL, 2}, {"help", no_argument, NULL, 'h'}};
	int letter;

	for (size_t i = 0; others && others[i].name && i + 4 < OPTIONS_MAX; i++)
		options[i + 3] = (struct option){others[i].name,
			others[i].value ? required_argument : no_argument, NULL, 0x100 + (int)i};
	while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (letter == 'h')
			return usage(argv[0], others, stdout, CONSOLE_OK);
		if (letter == '?')
			return usage(argv[0], others, stderr, CONSOLE_USAGE);
		if (letter == 1)
			*config = optarg;
		else if (letter == 2)
			*database = optarg;
		else if (others[letter - 0x100].value)
			*others[letter - 0x100].value = optarg;
		else
			*others[letter - 0x100].on = true;
	}
	return optind == argc ? -1 : usage(argv[0], others, stderr, CONSOLE_USAGE);
}

/* The option, else the first line of the file, else SQLite. Return: NULL without memory or when the file is
 * bad. */
static char *find_database(const SkServerSettings *settings, const char *option)
{
	own_free char *text = NULL;
	char *address = NULL;
	size_t size;
	int r;

	if (option)
		return strdup(option);
	r = sk_io_read_file_at(AT_FDCWD, settings->database.address_file, ADDRESS_MAX, &text, &size);
	if (r == 0) {
		text[strcspn(text, "\r\n")] = 0;
		return strdup(text);
	}
	if (r != -ENOENT) {
		fprintf(stderr, "sekisho-console: %s: %s\n", settings->database.address_file, strerror(-r));
		return NULL;
	}
	return asprintf(&address, "sqlite:%s", settings->database.file) < 0 ? NULL : address;
}

int console_setup(int argc, char **argv, const ConsoleOption *others, ConsoleSetup *ret_setup)
{
	const char *config = SK_CONFDIR, *database = NULL;
	own_free char *errors = NULL;
	own_setup ConsoleSetup setup = {0};
	int r = parse(argc, argv, others, &config, &database);

	if (r >= 0)
		return r == CONSOLE_OK ? -1 : r;
	r = sk_server_settings_load(config, &setup.settings, &errors);
	if (r < 0) {
		fprintf(stderr, "%s", errors ? errors : strerror(-r));
		return CONSOLE_ERROR;
	}
	/* Also before the address of the database is read: who may not see it learns so here. */
	r = sk_owner_become(setup.settings->keys.directory);
	if (r < 0) {
		fprintf(stderr, _("sekisho-console: the user that %s belongs to: %s\n"),
			setup.settings->keys.directory, strerror(-r));
		return CONSOLE_ERROR;
	}
	setup.database = find_database(setup.settings, database);
	if (!setup.database)
		return CONSOLE_ERROR;
	*ret_setup = setup;
	setup = (ConsoleSetup){0};
	return CONSOLE_OK;
}

int console_say(const char *what, int error, const SkDb *db)
{
	const char *message = sk_db_message(db);

	fprintf(stderr, "sekisho-console: %s: %s%s%s\n", what, strerror(-error), *message ? ": " : "",
		message);
	return CONSOLE_ERROR;
}

void console_setup_deinit(ConsoleSetup *setup)
{
	sk_server_settings_free(setup->settings);
	free(setup->database);
	*setup = (ConsoleSetup){0};
}
