/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/integration/console_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/str.h"
#include "lib/crypt/digest.h"

Engine engine;

void engine_start(int argc, char **argv, const char *const *options)
{
	if (argc < 2 || sk_crypt_init() < 0) {
		fprintf(stderr, "usage: %s sqlite|pgsql\n", argv[0]);
		exit(2);
	}
	signal(SIGPIPE, SIG_IGN);
	engine.is_pgsql = sk_str_eq(argv[1], "pgsql");
	sk_str_copy(engine.directory, sizeof(engine.directory), "/tmp/sekisho-db-XXXXXX");
	if (!mkdtemp(engine.directory)) {
		perror("mkdtemp");
		exit(1);
	}
	if (engine.is_pgsql)
		pg_server_start(&engine.server, options);
}

void engine_stop(void)
{
	char command[128];

	if (engine.is_pgsql)
		pg_server_free(&engine.server);
	sk_str_format(command, sizeof(command), "rm -rf %s", engine.directory);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", engine.directory);
}

void engine_new_sqlite(char ret_url[URL_SIZE])
{
	sk_str_format(ret_url, URL_SIZE, "sqlite:%s/%u.db", engine.directory, ++engine.databases);
}

void engine_new_database(char ret_url[URL_SIZE])
{
	char sql[64];
	SkDb *db;

	if (!engine.is_pgsql) {
		engine_new_sqlite(ret_url);
		return;
	}
	db = engine_open(engine.server.url);
	sk_str_format(sql, sizeof(sql), "CREATE DATABASE d%u", ++engine.databases);
	run_sql(db, sql);
	sk_db_free(db);
	sk_str_format(ret_url, URL_SIZE, "postgresql://sekisho@/d%u?host=%s", engine.databases,
		engine.server.directory);
}

SkDb *engine_open(const char *url)
{
	SkDb *db = NULL;
	int r = sk_db_open(url, &db);

	if (r < 0)
		fail_msg("%s: %s: %s", url, strerror(-r), sk_db_open_message());
	return db;
}

SkDb *engine_fresh(char ret_url[URL_SIZE])
{
	engine_new_database(ret_url);
	return engine_open(ret_url);
}

SkDb *engine_migrated(char ret_url[URL_SIZE])
{
	SkDb *db = engine_fresh(ret_url);

	assert_db(db, sk_db_migrate(db, &sk_migrations, 0, NULL), 0);
	return db;
}

void run_sql(SkDb *db, const char *sql)
{
	assert_db(db, sk_db_exec(db, sql, SK_DB_NO_ARGS, NULL), 0);
}

int64_t number_of(SkDb *db, const char *sql)
{
	int64_t number = -1;

	assert_db(db, sk_db_query_int(db, sql, SK_DB_NO_ARGS, &number), 0);
	return number;
}

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}
