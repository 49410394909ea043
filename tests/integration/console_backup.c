/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Backups: the same form from both engines, into both, while somebody writes; what is damaged is refused. */
#include "tests/integration/console_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "console/db/backup.h"
#include "console/db/backup_inside.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define ID "01J0000000000000000000000"

static void new_file(char path[URL_SIZE])
{
	sk_str_format(path, URL_SIZE, "%s/%u.backup", engine.directory, ++engine.databases);
}

static void back_up(SkDb *db, const char *path, SkBackupReport *ret_report)
{
	own_file FILE *out = fopen(path, "w+");

	assert_non_null(out);
	assert_db(db, sk_db_backup(db, &sk_migrations, out, ret_report), 0);
}

/* Rows with everything that may go wrong: NULL, no bytes, other writing, a reference to a later row. */
static void fill(SkDb *db)
{
	uint8_t bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	run_sql(db,
		"INSERT INTO facilities (id, name, created) VALUES ('" ID "A', '関所診療所 \"本院\"\n', 1),"
		" ('" ID "B', '', -5)");
	run_sql(db, "INSERT INTO people (id, login, login_key, name, created) VALUES"
		    " ('" ID "D', 'second', 'second', 'B', 2), ('" ID "C', 'first', 'first', 'A', 1)");
	/* Refers to a row that stands behind it in the backup. */
	run_sql(db, "UPDATE people SET created_by = '" ID "C' WHERE id = '" ID "D'");
	run_sql(db, "UPDATE people SET disabled_by = '" ID "D' WHERE id = '" ID "C'");
	run_sql(db, "INSERT INTO instances (id, name, host, software, started, last_seen) VALUES"
		    " ('" ID "E', 'one', 'h', '1', 9223372036854775807, 0)");
	for (int i = 0; i < 700; i++)
		assert_db(db,
			sk_db_exec(db,
				"INSERT INTO console_records (instance_id, seq, hash, at, kind, actor, line)"
				" VALUES ('" ID "E', $1, $2, 0, 'a.b', 'x', $3)",
				SK_DB_ARGS(sk_db_int(i + 1), sk_db_bytes(bytes, (size_t)(i % 300)),
					sk_db_text("{\"seq\":1,\"\\u0001\":\"\xe9\x96\xa2\"}")),
				NULL),
			0);
}

static bool same_line(const char *a, const char *b)
{
	/* The header says when, the end has the hash of it. */
	return sk_str_eq(a, b) || (sk_str_starts(a, "{\"format\"") && sk_str_starts(b, "{\"format\"")) ||
	       (sk_str_starts(a, "{\"end\"") && sk_str_starts(b, "{\"end\""));
}

/* Order within a table is the engine's. */
static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

#define LINES_MAX 2000

static size_t read_sorted(const char *path, char *lines[LINES_MAX])
{
	own_file FILE *in = fopen(path, "r");
	size_t count = 0, room = 0;

	for (lines[0] = NULL; getline(&lines[count], &room, in) > 0; room = 0) {
		count++;
		assert_true(count < LINES_MAX);
		lines[count] = NULL;
	}
	free(lines[count]);
	qsort(lines, count, sizeof(lines[0]), by_text);
	return count;
}

static void assert_same(const char *one, const char *two)
{
	char *a[LINES_MAX], *b[LINES_MAX];
	size_t count = read_sorted(one, a);

	assert_int_equal(read_sorted(two, b), count);
	assert_true(count > 700);
	for (size_t i = 0; i < count; i++) {
		if (!same_line(a[i], b[i]))
			fail_msg("%s and %s", a[i], b[i]);
		free(a[i]);
		free(b[i]);
	}
}

static void restore_into(const char *url, const char *backup)
{
	own_db SkDb *db = engine_open(url);
	own_file FILE *in = fopen(backup, "r");
	SkBackupReport report;
	char again[URL_SIZE];

	assert_db(db, sk_db_restore(db, &sk_migrations, in, &report), 0);
	assert_int_equal(report.rows, 705);
	assert_db(db, sk_db_schema_check(db, &sk_migrations), 0);
	assert_db(db, sk_db_check(db), 0);
	new_file(again);
	back_up(db, again, NULL);
	assert_same(backup, again);
	/* A second time, into what is full now. */
	assert_db(db, sk_db_restore(db, &sk_migrations, in, &report), -ENOTEMPTY);
	/* References are enforced as ever. */
	assert_db(db, sk_db_exec(db, "DELETE FROM instances", SK_DB_NO_ARGS, NULL), -ESTALE);
}

/* From this engine into this one and into SQLite, and back. */
static void test_both_ways(void **state)
{
	char url[URL_SIZE], other[URL_SIZE], backup[URL_SIZE];
	own_db SkDb *db = engine_migrated(url);
	SkBackupReport report;

	fill(db);
	new_file(backup);
	back_up(db, backup, &report);
	assert_int_equal(report.rows, 705);
	assert_int_equal(report.tables, (int64_t)sk_migrations.n_tables);
	engine_new_database(other);
	restore_into(other, backup);
	engine_new_sqlite(other);
	restore_into(other, backup);
}

static void test_from_sqlite(void **state)
{
	char url[URL_SIZE], other[URL_SIZE], backup[URL_SIZE];
	own_db SkDb *db = NULL;

	engine_new_sqlite(url);
	db = engine_open(url);
	assert_db(db, sk_db_migrate(db, &sk_migrations, 0, NULL), 0);
	fill(db);
	new_file(backup);
	back_up(db, backup, NULL);
	engine_new_database(other);
	restore_into(other, backup);
}

typedef struct Writer {
	char url[URL_SIZE];
	atomic_bool stop;
	atomic_int written;
} Writer;

/* Each transaction adds a facility and a group of it. */
static int write_pair(SkDb *db, void *userdata)
{
	int number = *(int *)userdata;
	char id[32];
	int r;

	sk_str_format(id, sizeof(id), "01J%023d", number);
	r = sk_db_exec(db, "INSERT INTO facilities (id, name, created) VALUES ($1, $1, 0)",
		SK_DB_ARGS(sk_db_text(id)), NULL);
	return r < 0 ? r
		     : sk_db_exec(db,
			       "INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ($1, $1, "
			       "'g', 0)",
			       SK_DB_ARGS(sk_db_text(id)), NULL);
}

static void *keep_writing(void *userdata)
{
	Writer *writer = userdata;
	SkDb *db = engine_open(writer->url);

	for (int i = 1; !writer->stop; i++)
		if (sk_db_transact(db, write_pair, &i) == 0)
			writer->written++;
	sk_db_free(db);
	return NULL;
}

static void test_while_writing(void **state)
{
	char url[URL_SIZE], backup[URL_SIZE], other[URL_SIZE];
	own_db SkDb *db = engine_migrated(url);
	Writer writer = {.stop = false};
	pthread_t thread;

	sk_str_copy(writer.url, URL_SIZE, url);
	pthread_create(&thread, NULL, keep_writing, &writer);
	for (int i = 0; i < 4; i++) {
		own_db SkDb *copy = NULL;
		own_file FILE *in = NULL;

		usleep(200000);
		new_file(backup);
		back_up(db, backup, NULL);
		engine_new_sqlite(other);
		copy = engine_open(other);
		in = fopen(backup, "r");
		assert_db(copy, sk_db_restore(copy, &sk_migrations, in, NULL), 0);
		assert_int_equal(number_of(copy, "SELECT count(*) FROM facilities"),
			number_of(copy, "SELECT count(*) FROM terminal_groups"));
	}
	writer.stop = true;
	pthread_join(thread, NULL);
	assert_true(writer.written > 10);
}

typedef void (*Damage)(char *text, size_t *size);

static void cut(char *text, size_t *size)
{
	*size -= 30;
}

static void cut_line(char *text, size_t *size)
{
	while (text[--*size - 1] != '\n')
		;
}

static void flip(char *text, size_t *size)
{
	char *at = memmem(text, *size, "first", 5);

	*at = 'F';
}

static void append(char *text, size_t *size)
{
	text[(*size)++] = '\n';
}

static void empty(char *text, size_t *size)
{
	*size = 0;
}

static void rename_format(char *text, size_t *size)
{
	memcpy(memmem(text, *size, "sekisho", 7), "SEKISHO", 7);
}

static void other_migrations(char *text, size_t *size)
{
	char *hash = memmem(text, *size, "migrations\":[\"", 14);

	hash[14] = hash[14] == '0' ? '1' : '0';
}

static void newer(char *text, size_t *size)
{
	char *at = memmem(text, *size, "\"version\":1", 11);

	at[10] = '2';
}

static void test_damaged(void **state)
{
	static const struct {
		Damage damage;
		int error;
	} cases[] = {
		{cut, -EBADMSG},
		{cut_line, -EBADMSG},
		{flip, -EBADMSG},
		{append, -EBADMSG},
		{empty, -EBADMSG},
		{rename_format, -EBADMSG},
		{other_migrations, -EKEYREJECTED},
		{newer, -ERANGE},
	};
	char url[URL_SIZE], other[URL_SIZE], backup[URL_SIZE];
	own_db SkDb *db = engine_migrated(url);
	own_db SkDb *target = NULL;

	fill(db);
	new_file(backup);
	back_up(db, backup, NULL);
	engine_new_database(other);
	target = engine_open(other);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		own_free char *text = NULL;
		own_file FILE *in = tmpfile();
		SkBackupReport report;
		size_t size;
		int r;

		assert_int_equal(sk_io_read_file_at(-100, backup, 1 << 24, &text, &size), 0);
		cases[i].damage(text, &size);
		assert_int_equal(fwrite(text, 1, size, in), size);
		r = sk_db_backup_check(in, &sk_migrations, &report);
		if (r != cases[i].error)
			fail_msg("case %zu: %d, expected %d", i, r, cases[i].error);
		assert_int_equal(sk_db_restore(target, &sk_migrations, in, &report), cases[i].error);
	}
	/* None of them left anything. */
	restore_into(other, backup);
}

/* A good hash over rows that do not fit each other: all or nothing. */
static void test_unfitting(void **state)
{
	SkMigration one[] = {{1, "one", "x", "CREATE TABLE a (id TEXT PRIMARY KEY);",
		"CREATE TABLE a (id TEXT PRIMARY KEY);"}};
	const char *tables[] = {"a"};
	const SkMigrations migrations = {one, 1, tables, 1};
	char url[URL_SIZE], other[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	own_db SkDb *target = NULL;
	own_file FILE *file = tmpfile();

	assert_db(db, sk_db_migrate(db, &migrations, 0, NULL), 0);
	run_sql(db, "INSERT INTO a (id) VALUES ('x'), ('y')");
	assert_db(db, sk_db_backup(db, &migrations, file, NULL), 0);
	one[0].sqlite = one[0].pgsql = "CREATE TABLE a (id TEXT PRIMARY KEY CHECK (id <> 'y'));";
	engine_new_database(other);
	target = engine_open(other);
	assert_db(target, sk_db_restore(target, &migrations, file, NULL), -ESTALE);
	assert_int_equal(number_of(target, "SELECT count(*) FROM a"), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_from_sqlite),
		cmocka_unit_test(test_while_writing),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_unfitting),
	};
	int failed;

	engine_start(argc, argv, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	engine_stop();
	return failed ? 1 : 0;
}
