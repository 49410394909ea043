/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The schema and its changes: forward only, each in a transaction, recorded in the table `migrations` with
 * the hash of its text. After a kill at any moment the next start goes on with the first that is not
 * recorded. Two processes that start at once take turns.
 */
#include "console/db/db.h"

typedef struct SkMigration {
	int64_t number;
	const char *name;
	const char *sha256; /* of the file in console/db/migrations */
	const char *sqlite;
	const char *pgsql;
} SkMigration;

typedef struct SkMigrations {
	const SkMigration *list; /* numbers 1, 2, 3 ... */
	size_t count;
	const char *const *tables; /* that are there after all of them, referred ones first */
	size_t n_tables;
} SkMigrations;

/* Those of this version. */
extern const SkMigrations sk_migrations;

#define SK_MIGRATE_PATH_SIZE 4096

typedef struct SkMigrateReport {
	int64_t from; /* what was there; 0: an empty database */
	int64_t to;
	char copy[SK_MIGRATE_PATH_SIZE]; /* the copy made before (SQLite, unless it was empty); "" none */
} SkMigrateReport;

/*
 * Brings the database to the last of migrations (or to `until`; 0: the last). Before the first change
 * SQLite's file is checked and copied to FILE.before-NNN (mode 0600, on the disk), where NNN is the first
 * migration that is missing. PostgreSQL has backups of its own: sk_db_backup(), or the cluster's.
 *
 * Return: 0; -ERANGE the database was made by a newer version; -EKEYREJECTED a migration was applied with
 * another text; -EUCLEAN the check found damage; -EAGAIN another process migrates for too long; others of the
 * database. sk_db_message() says more.
 */
int sk_db_migrate(SkDb *db, const SkMigrations *migrations, int64_t until, SkMigrateReport *ret_report);

/*
 * Does the schema fit this program? Changes nothing. Return: 0; -ENOENT migrations are missing; -ERANGE,
 * -EKEYREJECTED as above; others of the database.
 */
int sk_db_schema_check(SkDb *db, const SkMigrations *migrations);

/*
 * The number of the last migration, 0 in an empty database, with the same errors, except that missing ones
 * are fine.
 */
int sk_db_schema_number(SkDb *db, const SkMigrations *migrations, int64_t *ret_number);

/* SQLite: integrity_check and foreign_key_check, -EUCLEAN with the first finding. PostgreSQL: 0. */
int sk_db_check(SkDb *db);
