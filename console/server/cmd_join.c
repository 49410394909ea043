/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * join: one more instance on a PostgreSQL database that has a console. It shows a fingerprint and waits until
 * a person has typed that at an instance that serves; then it has its keys, and can serve too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console/db/migrate.h"
#include "console/server/command.h"
#include "console/server/home_join.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

int console_say_home(const SkHome *home, int error, const SkDb *db)
{
	const char *advice = sk_home_advice(error);

	console_say(home->what, error, db);
	if (error == -EALREADY)
		advice = N_("this instance was let in already: sekisho-console serve starts it");
	else if (error == -ENOENT)
		advice = N_("the first instance is made by sekisho-console init");
	if (advice)
		fprintf(stderr, "sekisho-console: %s\n", _(advice));
	return error == -EALREADY ? CONSOLE_NO : CONSOLE_ERROR;
}

static void print_question(const SkHomeJoin *join)
{
	printf(_("instance: %s\nfingerprint: %s\n"), join->instance, join->fingerprint);
	printf(_("Let it in at a console that serves, and compare the fingerprint with this one:\n"));
	printf("    sekisho-admin instance admit --instance %s --fingerprint '%s'\n", join->instance,
		join->fingerprint);
	fflush(stdout);
}

static int wait_for_person(
	const ConsoleSetup *setup, SkDb *db, const char *host, SkHome *home, SkHomeJoin *join)
{
	int r;

	while ((r = sk_home_join_take(setup->settings, db, host, home, join)) == -EAGAIN)
		sleep(1);
	return r;
}

void console_print_authority(const SkHome *home)
{
	uint8_t fingerprint[32];
	char text[65];

	sk_ca_fingerprint(home->ca, fingerprint);
	sk_hex_format(text, fingerprint, sizeof(fingerprint));
	printf(_("fingerprint of the authority: %s\nIt is the one that init printed, or this is another "
		 "console's.\n"),
		text);
}

static int join(const ConsoleSetup *setup, SkDb *db, const char *host)
{
	SkHomeJoin joining = {.join = NULL};
	SkHome home = {.vault = NULL};
	int r = sk_home_join_ask(setup->settings, db, &home, &joining);

	if (r == 0) {
		print_question(&joining);
		r = wait_for_person(setup, db, host, &home, &joining);
	}
	if (r == 0)
		console_print_authority(&home);
	else
		r = console_say_home(&home, r, db);
	sk_home_join_deinit(&joining);
	sk_home_close(&home, NULL);
	return r;
}

int console_open_database(const ConsoleSetup *setup, SkDb **ret_db)
{
	own_db SkDb *db = NULL;
	int r = sk_db_open(setup->database, &db);

	if (r == 0)
		r = sk_db_schema_check(db, &sk_migrations);
	if (r < 0)
		return console_say("database", r, db);
	*ret_db = own_take(db);
	return CONSOLE_OK;
}

int console_join(int argc, char **argv)
{
	const char *host = NULL;
	const ConsoleOption options[] = {{"host", &host, NULL}, {NULL, NULL, NULL}};
	own_setup ConsoleSetup setup = {0};
	own_db SkDb *db = NULL;
	int r = console_setup(argc, argv, options, &setup);

	if (r != CONSOLE_OK)
		return r < 0 ? CONSOLE_OK : r;
	if (sk_str_starts(setup.database, "sqlite:")) {
		fprintf(stderr,
			_("sekisho-console: several consoles share a PostgreSQL database; SQLite is for "
			  "one\n"));
		return CONSOLE_USAGE;
	}
	r = console_open_database(&setup, &db);
	return r != CONSOLE_OK ? r : join(&setup, db, host);
}
