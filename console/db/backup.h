/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Backups in one form for both engines, made from one moment while the console serves, and restored into
 * either: so a clinic moves from SQLite to PostgreSQL with a backup and a restore.
 *
 * JSON Lines. First a header, then for each table a line with its columns and a line for each row, last the
 * end:
 *
 *	{"format":"sekisho-backup","version":1,"schema":9,"migrations":["SHA256",...],"made":MS}
 *	{"table":"people","columns":["id",...],"types":["text","int","bytes",...]}
 *	["01J...","yamada",null,12,"BASE64"]
 *	{"end":true,"rows":N,"sha256":"HEX of everything before this line"}
 *
 * It holds everything that the database holds, and so no key that opens a medium: those are wrapped under a
 * key that is not in the database. It does hold names and addresses: whoever stores it keeps it to
 * themselves.
 */
#include <stdio.h>

#include "console/db/migrate.h"

typedef struct SkBackupReport {
	int64_t schema;
	int64_t made; /* ms since 1970 */
	int64_t tables;
	int64_t rows;
} SkBackupReport;

/* Writes to out, which is flushed but not fsynced. Return: 0; those of sk_db_schema_check(); of the system.
 */
int sk_db_backup(SkDb *db, const SkMigrations *migrations, FILE *out, SkBackupReport *ret_report);

/*
 * Reads it to its end without a database. Return: 0; -EBADMSG damaged, cut off or no backup; -ERANGE made by
 * a newer version; -EKEYREJECTED made with other migrations.
 */
int sk_db_backup_check(FILE *in, const SkMigrations *migrations, SkBackupReport *ret_report);

/*
 * Into a database that is empty (no table of ours, or no row in any): brings the schema to the backup's, puts
 * in all rows in one transaction, and goes on to the newest schema. in can be read twice (a file). Return: as
 * above, or -ENOTEMPTY; -ESTALE the rows do not fit each other.
 */
int sk_db_restore(SkDb *db, const SkMigrations *migrations, FILE *in, SkBackupReport *ret_report);
