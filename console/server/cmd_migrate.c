/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migrate: brings the database to the schema of this version. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "console/db/migrate.h"
#include "console/server/command.h"
#include "lib/base/intl.h"

int console_migrate(int argc, char **argv)
{
	own_setup ConsoleSetup setup = {0};
	SkMigrateReport report = {0};
	own_db SkDb *db = NULL;
	int r = console_setup(argc, argv, NULL, &setup);

	if (r != CONSOLE_OK)
		return r < 0 ? CONSOLE_OK : r;
	r = sk_db_open(setup.database, &db);
	if (r == 0)
		r = sk_db_migrate(db, &sk_migrations, 0, &report);
	if (r < 0) {
		fprintf(stderr, "sekisho-console: %s: %s\n", strerror(-r), sk_db_message(db));
		return CONSOLE_ERROR;
	}
	printf(_("schema %lld, was %lld\n"), (long long)report.to, (long long)report.from);
	if (report.copy[0])
		printf(_("copy of before: %s\n"), report.copy);
	return CONSOLE_OK;
}
