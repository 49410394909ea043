/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes before a change of the schema: the file is checked, and copied whole while others read it.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "console/db/sqlite_engine.h"
#include "lib/base/str.h"

static SkSqlite *of(SkDb *db)
{
	return (SkSqlite *)db;
}

/*
 * SQLite's own rule for changing tables that others refer to: no enforcement while it happens, a check of all
 * references at its end. The setting cannot be changed inside a transaction.
 */
static int set_foreign_keys(SkSqlite *sqlite, const char *sql)
{
	int code = sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sk_sqlite_error(sqlite, code);
}

int sk_sqlite_begin_change(SkDb *db)
{
	return set_foreign_keys(of(db), "PRAGMA foreign_keys = OFF");
}

int sk_sqlite_end_change(SkDb *db)
{
	return set_foreign_keys(of(db), "PRAGMA foreign_keys = ON");
}

/* The first row says "ok", or what is wrong. */
static int check_integrity(SkDb *db)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, "PRAGMA integrity_check(1)", SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	if (r == 1 && sk_db_get_text(rows, 0) && sk_str_eq(sk_db_get_text(rows, 0), "ok"))
		return 0;
	sk_db_say(db, "the database is damaged: %s",
		r == 1 && sk_db_get_text(rows, 0) ? sk_db_get_text(rows, 0) : "");
	return -EUCLEAN;
}

int sk_sqlite_check_references(SkDb *db)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, "PRAGMA foreign_key_check", SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	sk_db_say(db, "a row of %s refers to one in %s that is not there",
		sk_db_get_text(rows, 0) ? sk_db_get_text(rows, 0) : "?",
		sk_db_get_text(rows, 2) ? sk_db_get_text(rows, 2) : "?");
	return -EUCLEAN;
}

int sk_sqlite_check(SkDb *db)
{
	int r = check_integrity(db);

	return r < 0 ? r : sk_sqlite_check_references(db);
}

static int copy_pages(SkSqlite *sqlite, sqlite3 *source, sqlite3 *target)
{
	sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");
	int code;

	if (!backup) {
		sk_db_say(&sqlite->db, "%s", sqlite3_errmsg(target));
		return -EIO;
	}
	code = sqlite3_backup_step(backup, -1);
	sqlite3_backup_finish(backup);
	if (code == SQLITE_DONE)
		return 0;
	sk_db_say(&sqlite->db, "copy: %s", sqlite3_errmsg(target));
	code &= 0xff;
	return code == SQLITE_FULL ? -ENOSPC : code == SQLITE_BUSY || code == SQLITE_LOCKED ? -EAGAIN : -EIO;
}

/* A connection of its own to what is committed: this one is inside a transaction. */
static int copy_database(SkSqlite *sqlite, const char *path)
{
	sqlite3 *source = NULL, *target = NULL;
	int r = -EIO;

	if (sqlite3_open_v2(sqlite3_db_filename(sqlite->handle, "main"), &source,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
		sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
			SQLITE_OK)
		r = copy_pages(sqlite, source, target);
	sqlite3_close(source);
	sqlite3_close(target);
	return r;
}

/* The target has no other connection, so opening and closing it here drops nobody's locks. */
static int sync_file(const char *path)
{
	own_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	own_fd int fd = -1;

	sk_str_copy(folder, sizeof(folder), path);
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* Under another name until it is whole and on the disk. */
static int copy_to(SkSqlite *sqlite, const char *path)
{
	char name[PATH_MAX];
	own_fd int fd = -1;
	int r;

	if (!sk_str_format(name, sizeof(name), "%s.new-XXXXXX", path))
		return -ENAMETOOLONG;
	fd = mkostemp(name, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return -errno;
	r = copy_database(sqlite, name);
	if (r == 0)
		r = sync_file(name);
	if (r == 0 && rename(name, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(name);
	return r < 0 ? r : sync_folder_of(path);
}

int sk_sqlite_prepare_change(SkDb *db, int64_t number, char *ret_copy, size_t size)
{
	const char *path = sqlite3_db_filename(of(db)->handle, "main");
	int r = sk_sqlite_check(db);

	if (r < 0)
		return r;
	if (!sk_str_format(ret_copy, size, "%s.before-%03lld", path, (long long)number))
		return -ENAMETOOLONG;
	return copy_to(of(db), ret_copy);
}
