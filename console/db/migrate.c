/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/db/migrate.h"

#include <string.h>
#include <time.h>

#include "console/db/db_engine.h"
#include "lib/base/str.h"

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int has_table(SkDb *db, bool *ret_has)
{
	static const char *const sql[] = {
		[SK_DB_SQLITE] =
			"SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'",
		[SK_DB_PGSQL] =
			"SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
			" AND tablename = 'migrations'",
	};
	int64_t count = 0;
	int r = sk_db_query_int(db, sql[sk_db_engine(db)], SK_DB_NO_ARGS, &count);

	*ret_has = count > 0;
	return r;
}

/* One row of the table against what this program knows. */
static int compare(SkDb *db, const SkMigrations *migrations, int64_t number, const char *sha256)
{
	const SkMigration *known;

	if (number < 1 || number > (int64_t)migrations->count) {
		sk_db_say(db,
			"the database was made by a newer version: it has migration %lld, this program knows "
			"%zu",
			(long long)number, migrations->count);
		return -ERANGE;
	}
	known = &migrations->list[number - 1];
	if (!sha256 || !sk_str_eq(sha256, known->sha256)) {
		sk_db_say(db, "migration %03lld-%s was applied with another text", (long long)number,
			known->name);
		return -EKEYREJECTED;
	}
	return 0;
}

/* Numbers in the table are 1, 2, 3 …: what is missing in between is damage. */
static int read_number(SkDb *db, const SkMigrations *migrations, int64_t *ret_number)
{
	own_rows SkDbRows *rows = NULL;
	int64_t number = 0;
	int r = sk_db_query(
		db, "SELECT number, sha256 FROM migrations ORDER BY number DESC", SK_DB_NO_ARGS, &rows);

	if (r < 0)
		return r;
	while ((r = sk_db_next(rows)) > 0) {
		int64_t found = sk_db_get_int(rows, 0);

		/* From the newest down, so that "newer" is told before anything else. */
		r = compare(db, migrations, found, sk_db_get_text(rows, 1));
		if (r < 0)
			return r;
		if (number == 0)
			*ret_number = found;
		else if (found != number - 1) {
			sk_db_say(db, "migration %lld is missing in the table of migrations",
				(long long)number - 1);
			return -EUCLEAN;
		}
		number = found;
	}
	if (r == 0 && number == 0)
		*ret_number = 0;
	return r;
}

int sk_db_schema_number(SkDb *db, const SkMigrations *migrations, int64_t *ret_number)
{
	bool has;
	int r = has_table(db, &has);

	if (r < 0 || !has) {
		*ret_number = 0;
		return r;
	}
	return read_number(db, migrations, ret_number);
}

int sk_db_schema_check(SkDb *db, const SkMigrations *migrations)
{
	int64_t number;
	int r = sk_db_schema_number(db, migrations, &number);

	if (r == 0 && number < (int64_t)migrations->count) {
		sk_db_say(db, "the database has migration %lld, this program needs %zu", (long long)number,
			migrations->count);
		r = -ENOENT;
	}
	return r;
}

int sk_db_check(SkDb *db)
{
	return db->driver->check(db);
}

typedef struct Step {
	const SkMigrations *migrations;
	int64_t until;
	SkMigrateReport *report;
	bool done;
} Step;

static int record(SkDb *db, const SkMigration *migration)
{
	return sk_db_exec(db,
		"INSERT INTO migrations (number, name, sha256, applied_at) VALUES ($1, $2, $3, $4)",
		SK_DB_ARGS(sk_db_int(migration->number), sk_db_text(migration->name),
			sk_db_text(migration->sha256), sk_db_int(now_ms())),
		NULL);
}

static const char table[] =
	"CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL,"
	" sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/*
 * The next migration, in a transaction. What is missing is asked inside it, so that of two processes the
 * second finds what the first did. The check and the copy come before the first change that this process
 * makes.
 */
static int step(SkDb *db, void *userdata)
{
	Step *s = userdata;
	const SkMigration *migration;
	int64_t number;
	int r = sk_db_schema_number(db, s->migrations, &number);

	if (r < 0)
		return r;
	s->done = number >= s->until;
	if (s->done) {
		s->report->to = number;
		return 0;
	}
	migration = &s->migrations->list[number];
	if (s->report->from < 0) {
		if (number > 0)
			r = db->driver->prepare_change(
				db, migration->number, s->report->copy, sizeof(s->report->copy));
		if (r < 0)
			return r;
		s->report->from = number;
	}
	if (number == 0)
		r = db->driver->script(db, table);
	if (r == 0)
		r = db->driver->script(
			db, sk_db_engine(db) == SK_DB_SQLITE ? migration->sqlite : migration->pgsql);
	if (r == 0)
		r = db->driver->check_change(db);
	return r < 0 ? r : record(db, migration);
}

int sk_db_migrate(SkDb *db, const SkMigrations *migrations, int64_t until, SkMigrateReport *ret_report)
{
	SkMigrateReport report = {.from = -1};
	Step s = {.migrations = migrations,
		.until = until > 0 ? until : (int64_t)migrations->count,
		.report = &report};
	int r, ended;

	if (s.until > (int64_t)migrations->count)
		return -ERANGE;
	r = db->driver->begin_change(db);
	if (r < 0)
		return r;
	while (r == 0 && !s.done)
		r = sk_db_transact(db, step, &s);
	ended = db->driver->end_change(db);
	if (r == 0)
		r = ended;
	if (r < 0)
		return r;
	if (report.from < 0)
		report.from = report.to;
	if (ret_report)
		*ret_report = report;
	return 0;
}
