/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Schemas that change: forward, once, whole, whatever happens meanwhile. */
#include "tests/integration/console_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "console/db/backup_inside.h"
#include "lib/base/str.h"

#define HASH(c) c c c c c c c c
#define STEP(number, name, hash, sql)                                                                        \
	{                                                                                                    \
		number, name, HASH(hash), sql, sql                                                           \
	}

static const SkMigration steps[] = {
	STEP(1, "one", "aaaaaaaa",
		"CREATE TABLE one (id TEXT PRIMARY KEY); INSERT INTO one (id) VALUES ('a');"),
	STEP(2, "two", "bbbbbbbb",
		"CREATE TABLE two (id TEXT PRIMARY KEY REFERENCES one (id));"
		"INSERT INTO two (id) VALUES ('a');"),
	STEP(3, "three", "cccccccc",
		"CREATE TABLE three (id TEXT PRIMARY KEY); DELETE FROM two; DROP TABLE two;"),
};
static const char *const tables[] = {"one", "three"};

static SkMigrations first(size_t count)
{
	return (SkMigrations){steps, count, tables, 2};
}

static void test_steps(void **state)
{
	const SkMigrations two = first(2), three = first(3);
	SkMigration other[3];
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	SkMigrateReport report;
	int64_t number;

	assert_db(db, sk_db_schema_number(db, &two, &number), 0);
	assert_int_equal(number, 0);
	assert_db(db, sk_db_schema_check(db, &two), -ENOENT);
	assert_db(db, sk_db_migrate(db, &two, 0, &report), 0);
	assert_int_equal(report.from, 0);
	assert_int_equal(report.to, 2);
	assert_string_equal(report.copy, "");
	assert_db(db, sk_db_migrate(db, &two, 0, &report), 0);
	assert_int_equal(report.from, 2);
	assert_db(db, sk_db_schema_check(db, &two), 0);
	assert_db(db, sk_db_schema_check(db, &three), -ENOENT);
	assert_db(db, sk_db_migrate(db, &three, 0, &report), 0);
	assert_int_equal(report.from, 2);
	assert_int_equal(report.to, 3);
	assert_int_equal(number_of(db, "SELECT count(*) FROM three"), 0);
	/* An older program meets the database of a newer one. */
	assert_db(db, sk_db_migrate(db, &two, 0, &report), -ERANGE);
	assert_non_null(strstr(sk_db_message(db), "newer version"));
	assert_db(db, sk_db_schema_check(db, &two), -ERANGE);
	memcpy(other, steps, sizeof(other));
	other[1].sha256 = HASH("dddddddd");
	assert_db(db, sk_db_schema_check(db, &(SkMigrations){other, 3, tables, 2}), -EKEYREJECTED);
	assert_non_null(strstr(sk_db_message(db), "002-two"));
	run_sql(db, "DELETE FROM migrations WHERE number = 2");
	assert_db(db, sk_db_schema_check(db, &three), -EUCLEAN);
}

static void test_broken_step(void **state)
{
	const SkMigrations two = first(2), three = first(3);
	SkMigration broken[3];
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);

	memcpy(broken, steps, sizeof(broken));
	broken[2].sqlite = broken[2].pgsql =
		"CREATE TABLE three (id TEXT PRIMARY KEY); INSERT INTO nowhere VALUES (1);";
	assert_db(db, sk_db_migrate(db, &(SkMigrations){broken, 3, tables, 2}, 0, NULL), -EBADMSG);
	assert_db(db, sk_db_schema_check(db, &two), 0);
	/* Nothing of it is left, references are enforced again, and the corrected one applies. */
	assert_db(db, sk_db_exec(db, "INSERT INTO two (id) VALUES ('nobody')", SK_DB_NO_ARGS, NULL), -ESTALE);
	assert_db(db, sk_db_migrate(db, &three, 0, NULL), 0);
}

static void test_broken_references(void **state)
{
	SkMigration broken[3];
	const SkMigrations two = first(2);
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	int r;

	memcpy(broken, steps, sizeof(broken));
	broken[2].sqlite = broken[2].pgsql = "INSERT INTO two (id) VALUES ('nobody');";
	r = sk_db_migrate(db, &(SkMigrations){broken, 3, tables, 2}, 0, NULL);
	assert_int_equal(r, engine.is_pgsql ? -ESTALE : -EUCLEAN);
	assert_db(db, sk_db_schema_check(db, &two), 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM two"), 1);
}

static void test_copy(void **state)
{
	const SkMigrations two = first(2), three = first(3);
	char url[URL_SIZE], copy[URL_SIZE + 32], expected[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	own_db SkDb *old = NULL;
	SkMigrateReport report;
	struct stat file;

	if (engine.is_pgsql)
		return;
	assert_db(db, sk_db_migrate(db, &two, 0, NULL), 0);
	run_sql(db, "INSERT INTO one (id) VALUES ('before')");
	assert_db(db, sk_db_migrate(db, &three, 0, &report), 0);
	sk_str_format(expected, sizeof(expected), "%s.before-003", url + strlen("sqlite:"));
	assert_string_equal(report.copy, expected);
	assert_int_equal(stat(report.copy, &file), 0);
	assert_int_equal(file.st_mode & 07777, 0600);
	sk_str_format(copy, sizeof(copy), "sqlite:%s", expected);
	old = engine_open(copy);
	assert_db(old, sk_db_check(old), 0);
	assert_db(old, sk_db_schema_check(old, &two), 0);
	assert_int_equal(number_of(old, "SELECT count(*) FROM one"), 2);
	assert_int_equal(number_of(old, "SELECT count(*) FROM two"), 1);
}

/* Damage is found before anything is changed or copied. */
static void test_damage(void **state)
{
	const SkMigrations two = first(2), three = first(3);
	char url[URL_SIZE], path[URL_SIZE];
	uint8_t noise[200];
	SkDb *db = NULL;
	int64_t page;
	int fd, r;

	if (engine.is_pgsql)
		return;
	db = engine_fresh(url);
	assert_db(db, sk_db_migrate(db, &two, 0, NULL), 0);
	page = number_of(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'one'");
	sk_db_free(db);
	memset(noise, 0xee, sizeof(noise));
	fd = open(url + strlen("sqlite:"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, noise, sizeof(noise), (page - 1) * 4096 + 1), sizeof(noise));
	close(fd);
	db = engine_open(url);
	r = sk_db_migrate(db, &three, 0, NULL);
	assert_int_equal(r, -EUCLEAN);
	sk_str_format(path, sizeof(path), "%s.before-003", url + strlen("sqlite:"));
	assert_int_equal(access(path, F_OK), -1);
	sk_db_free(db);
}

static void *migrate_thread(void *userdata)
{
	SkDb *db = engine_open(userdata);
	intptr_t r = sk_db_migrate(db, &sk_migrations, 0, NULL);

	sk_db_free(db);
	return (void *)r;
}

static void test_two_at_once(void **state)
{
	enum { THREADS = 3 };
	char url[URL_SIZE];
	own_db SkDb *db = NULL;
	pthread_t threads[THREADS];
	void *result;

	engine_new_database(url);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, migrate_thread, url);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		assert_int_equal((intptr_t)result, 0);
	}
	db = engine_open(url);
	assert_db(db, sk_db_schema_check(db, &sk_migrations), 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM migrations"), (int64_t)sk_migrations.count);
}

/* Every table of the list and no other, each with columns of the three types. */
static void check_whole(SkDb *db)
{
	SkBackupTable table;

	assert_db(db, sk_db_schema_check(db, &sk_migrations), 0);
	assert_db(db, sk_db_check(db), 0);
	for (size_t i = 0; i < sk_migrations.n_tables; i++)
		assert_db(db, sk_backup_describe(db, sk_migrations.tables[i], &table), 0);
	assert_int_equal(
		number_of(db, engine.is_pgsql ? "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
					      : "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"),
		(int64_t)sk_migrations.n_tables + 1);
}

static void test_killed(void **state)
{
	int interrupted = 0;

	for (int round = 0; round < 12; round++) {
		char url[URL_SIZE];
		own_db SkDb *db = NULL;
		int64_t number = 0;

		engine_new_database(url);
		for (int tries = 0; tries < 6; tries++) {
			pid_t pid = fork();

			if (pid == 0) {
				SkDb *mine = NULL;

				_exit(sk_db_open(url, &mine) < 0 ||
					sk_db_migrate(mine, &sk_migrations, 0, NULL) < 0);
			}
			/* Sooner in each round: how long it takes differs by machine, and some have to be
			 * early. */
			usleep((useconds_t)(random() % (engine.is_pgsql ? 300000 : 20000)) /
				(unsigned)(round + 1));
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		db = engine_open(url);
		assert_db(db, sk_db_schema_number(db, &sk_migrations, &number), 0);
		interrupted += number < (int64_t)sk_migrations.count;
		assert_db(db, sk_db_migrate(db, &sk_migrations, 0, NULL), 0);
		check_whole(db);
	}
	print_message("12 databases, killed 72 times, %d not finished by then\n", interrupted);
	assert_true(interrupted > 0);
}

static void test_whole(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = engine_migrated(url);

	check_whole(db);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_broken_step),
		cmocka_unit_test(test_broken_references),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_killed),
	};
	int failed;

	engine_start(argc, argv, NULL);
	srandom((unsigned)getpid());
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	engine_stop();
	return failed ? 1 : 0;
}
