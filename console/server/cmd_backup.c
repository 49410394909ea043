/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backup and restore: the whole database as one file, of either engine into either. No keys are in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "console/db/backup.h"
#include "console/server/command.h"
#include "lib/base/intl.h"

static int need_file(const char *file)
{
	if (!file)
		fprintf(stderr, _("sekisho-console: --file is missing\n"));
	return file ? CONSOLE_OK : CONSOLE_USAGE;
}

static void print_report(const SkBackupReport *report)
{
	printf(_("%lld rows of %lld tables, schema %lld\n"), (long long)report->rows,
		(long long)report->tables, (long long)report->schema);
}

/* On the disk, or not there at all. */
static int write_backup(SkDb *db, const char *file, SkBackupReport *report)
{
	own_fd int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	own_file FILE *out = NULL;
	int r;

	if (fd < 0)
		return -errno;
	out = fdopen(fd, "w");
	if (!out)
		return -ENOMEM;
	fd = -1;
	r = sk_db_backup(db, &sk_migrations, out, report);
	if (r == 0 && (fflush(out) != 0 || fsync(fileno(out)) < 0))
		r = -errno;
	if (r < 0)
		unlink(file);
	return r;
}

int console_backup(int argc, char **argv)
{
	const char *file = NULL;
	const ConsoleOption options[] = {{"file", &file, NULL}, {NULL, NULL, NULL}};
	own_setup ConsoleSetup setup = {0};
	SkBackupReport report;
	own_db SkDb *db = NULL;
	int r = console_setup(argc, argv, options, &setup);

	if (r != CONSOLE_OK)
		return r < 0 ? CONSOLE_OK : r;
	if (need_file(file) != CONSOLE_OK)
		return CONSOLE_USAGE;
	r = sk_db_open(setup.database, &db);
	if (r == 0)
		r = write_backup(db, file, &report);
	if (r < 0)
		return console_say(file, r, db);
	print_report(&report);
	return CONSOLE_OK;
}

int console_restore(int argc, char **argv)
{
	const char *file = NULL;
	const ConsoleOption options[] = {{"file", &file, NULL}, {NULL, NULL, NULL}};
	own_setup ConsoleSetup setup = {0};
	SkBackupReport report;
	own_db SkDb *db = NULL;
	own_file FILE *in = NULL;
	int r = console_setup(argc, argv, options, &setup);

	if (r != CONSOLE_OK)
		return r < 0 ? CONSOLE_OK : r;
	if (need_file(file) != CONSOLE_OK)
		return CONSOLE_USAGE;
	in = fopen(file, "re");
	r = in ? sk_db_backup_check(in, &sk_migrations, &report) : -errno;
	if (r < 0)
		return console_say(file, r, NULL);
	rewind(in);
	r = sk_db_open(setup.database, &db);
	if (r == 0)
		r = sk_db_restore(db, &sk_migrations, in, &report);
	if (r == -ENOTEMPTY) {
		fprintf(stderr, _("sekisho-console: the database is not empty; nothing was changed\n"));
		return CONSOLE_NO;
	}
	if (r < 0)
		return console_say(file, r, db);
	print_report(&report);
	return CONSOLE_OK;
}
