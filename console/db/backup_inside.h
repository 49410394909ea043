/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Inside of the backups: backup.c writes, backup_read.c reads and checks, restore.c puts in. */
#include <jansson.h>

#include "console/db/backup.h"
#include "console/db/db_engine.h"
#include "lib/crypt/digest.h"

#define SK_BACKUP_FORMAT "sekisho-backup"
#define SK_BACKUP_VERSION 1
#define SK_BACKUP_COLUMNS_MAX 96
#define SK_BACKUP_NAME_SIZE 64
#define SK_BACKUP_SQL_SIZE 8192

/* A table as the database has it now. */
typedef struct SkBackupTable {
	char name[SK_BACKUP_NAME_SIZE];
	char columns[SK_BACKUP_COLUMNS_MAX][SK_BACKUP_NAME_SIZE];
	SkDbType types[SK_BACKUP_COLUMNS_MAX];
	size_t n_columns;
} SkBackupTable;

/* Return: 0; -ENOENT no such table; -EBADMSG a name or a type that is none of ours. */
int sk_backup_describe(SkDb *db, const char *name, SkBackupTable *ret_table);

/* "a, b, c". */
int sk_backup_column_list(const SkBackupTable *table, char *ret_sql, size_t size);

/* "text", "int", "bytes". */
const char *sk_backup_type_name(SkDbType type);

/* What a reader of a backup wants to be told; each returns 0 or an error that ends the reading. */
typedef struct SkBackupVisitor {
	int (*header)(void *userdata, const SkBackupReport *report);
	int (*table)(void *userdata, const char *name, json_t *columns, json_t *types);
	int (*row)(void *userdata, json_t *values);
	void *userdata;
} SkBackupVisitor;

/* From the start of the file to its end, with all checks. visitor: NULL: only the checks. */
int sk_backup_read(
	FILE *in, const SkMigrations *migrations, const SkBackupVisitor *visitor, SkBackupReport *ret_report);
