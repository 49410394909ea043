/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The same tests on both engines: the program's argument is "sqlite" or "pgsql". Each test has databases of
 * its own; what a connection does not do as it should ends the test with the engine's words.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console/db/db.h"
#include "console/db/migrate.h"
#include "tests/lib/pg_server.h"

typedef struct Engine {
	bool is_pgsql;
	PgServer server;
	char directory[64]; /* of the files of SQLite, and for whatever a test needs */
	unsigned databases;
} Engine;

extern Engine engine;

/* Starts what argv[1] names; options: of the server. */
void engine_start(int argc, char **argv, const char *const *options);
void engine_stop(void);

#define URL_SIZE 256
/* An empty database. */
void engine_new_database(char ret_url[URL_SIZE]);
void engine_new_sqlite(char ret_url[URL_SIZE]);
SkDb *engine_open(const char *url);

/* An empty database and a connection to it. */
SkDb *engine_fresh(char ret_url[URL_SIZE]);
/* The same with the schema of the console. */
SkDb *engine_migrated(char ret_url[URL_SIZE]);

/* Expects the result, and tells the engine's words when it is another. */
#define assert_db(db, call, expected)                                                                        \
	do {                                                                                                 \
		int r_ = (call);                                                                             \
		if (r_ != (expected))                                                                        \
			fail_msg("%s: %d (%s), expected %d: %s", #call, r_, strerror(-r_), (expected),       \
				sk_db_message(db));                                                          \
	} while (0)

/* A statement without values. */
void run_sql(SkDb *db, const char *sql);
int64_t number_of(SkDb *db, const char *sql);
int64_t now_ms(void);
