/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Commands of sekisho-console. Exit status: 0 done, 1 the answer is no (a check found something), 2 wrong
 * call, 3 an error of the system.
 */
#include <stdbool.h>

#include "console/db/db.h"
#include "console/server/home.h"
#include "console/server/settings.h"

enum {
	CONSOLE_OK = 0,
	CONSOLE_NO = 1,
	CONSOLE_USAGE = 2,
	CONSOLE_ERROR = 3,
};

int console_serve(int argc, char **argv);
int console_init(int argc, char **argv);
int console_join(int argc, char **argv);
int console_recover(int argc, char **argv);
int console_migrate(int argc, char **argv);
int console_doctor(int argc, char **argv);
int console_backup(int argc, char **argv);
int console_restore(int argc, char **argv);

/*
 * What every command takes: --config DIR, --database ADDRESS. others: further options of the command, ended
 * by a zero row, or NULL; on_option gets those. Loads the settings.
 */
typedef struct ConsoleSetup {
	SkServerSettings *settings;
	char *database; /* for sk_db_open() */
} ConsoleSetup;

typedef struct ConsoleOption {
	const char *name;   /* NULL ends a list */
	const char **value; /* NULL: of a switch */
	bool *on;
} ConsoleOption;

/* Says on standard error what failed, and what the database (or NULL) says of it. Return: CONSOLE_ERROR. */
int console_say(const char *what, int error, const SkDb *db);

/* Return: CONSOLE_OK, or the exit status after having said why. -1: the help was printed. */
int console_setup(int argc, char **argv, const ConsoleOption *others, ConsoleSetup *ret_setup);
void console_setup_deinit(ConsoleSetup *setup);
#define own_setup own_(console_setup_deinit)

/* Of what joins and recovers. The database, with the schema of this program. Return: CONSOLE_OK, or the exit
 * status after having said why. */
int console_open_database(const ConsoleSetup *setup, SkDb **ret_db);
/* What failed, and what to do. Return: the exit status. */
int console_say_home(const SkHome *home, int error, const SkDb *db);
void console_print_authority(const SkHome *home);
