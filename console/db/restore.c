/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "console/db/backup_inside.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

typedef struct Restore {
	SkDb *db;
	const SkMigrations *migrations;
	FILE *in;
	SkBackupReport report;
	SkBackupTable table;
	char insert[SK_BACKUP_SQL_SIZE];
} Restore;

static int on_header(void *userdata, const SkBackupReport *report)
{
	return 0;
}

static int compose_insert(Restore *restore)
{
	const SkBackupTable *table = &restore->table;
	char columns[SK_BACKUP_SQL_SIZE / 2];
	size_t used;
	int r = sk_backup_column_list(table, columns, sizeof(columns));

	if (r < 0 || !sk_str_format(restore->insert, sizeof(restore->insert), "INSERT INTO %s (%s) VALUES (",
			     table->name, columns))
		return -EMSGSIZE;
	used = strlen(restore->insert);
	for (size_t i = 0; i < table->n_columns; i++) {
		if (!sk_str_format(restore->insert + used, sizeof(restore->insert) - used, "$%zu%s", i + 1,
			    i + 1 < table->n_columns ? ", " : ")"))
			return -EMSGSIZE;
		used += strlen(restore->insert + used);
	}
	return 0;
}

/* Names come from the database; what the file says must be the same. */
static int on_table(void *userdata, const char *name, json_t *columns, json_t *types)
{
	Restore *restore = userdata;
	SkBackupTable *table = &restore->table;
	int r = sk_str_eq(name, "migrations") ? -EBADMSG : sk_backup_describe(restore->db, name, table);

	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	if (json_array_size(columns) != table->n_columns)
		return -EBADMSG;
	for (size_t i = 0; i < table->n_columns; i++) {
		const char *column = json_string_value(json_array_get(columns, i));
		const char *type = json_string_value(json_array_get(types, i));

		if (!column || !type || !sk_str_eq(column, table->columns[i]) ||
			!sk_str_eq(type, sk_backup_type_name(table->types[i])))
			return -EBADMSG;
	}
	return compose_insert(restore);
}

static int bytes_value(const json_t *value, SkDbValue *ret_value, void **ret_memory)
{
	size_t length = json_string_length(value), size;
	own_free uint8_t *bytes = malloc(length / 4 * 3 + 1);

	if (!bytes)
		return -ENOMEM;
	if (sk_base64_parse(json_string_value(value), length, bytes, &size) < 0)
		return -EBADMSG;
	*ret_value = sk_db_bytes(bytes, size);
	*ret_memory = own_take(bytes);
	return 0;
}

static int value_of(SkDbType type, const json_t *value, SkDbValue *ret_value, void **ret_memory)
{
	if (json_is_null(value)) {
		*ret_value = sk_db_null();
		return 0;
	}
	if (type == SK_DB_INT && json_is_integer(value)) {
		*ret_value = sk_db_int(json_integer_value(value));
		return 0;
	}
	if (!json_is_string(value) || type == SK_DB_INT)
		return -EBADMSG;
	if (type == SK_DB_BYTES)
		return bytes_value(value, ret_value, ret_memory);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return -EBADMSG;
	*ret_value = sk_db_text(json_string_value(value));
	return 0;
}

static int on_row(void *userdata, json_t *values)
{
	Restore *restore = userdata;
	SkDbValue args[SK_BACKUP_COLUMNS_MAX];
	void *memory[SK_BACKUP_COLUMNS_MAX] = {NULL};
	size_t n = restore->table.n_columns;
	int r = json_array_size(values) == n ? 0 : -EBADMSG;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = value_of(restore->table.types[i], json_array_get(values, i), &args[i], &memory[i]);
	if (r == 0)
		r = sk_db_exec(restore->db, restore->insert, args, n, NULL);
	for (size_t i = 0; i < n; i++)
		free(memory[i]);
	return r;
}

static int check_empty(Restore *restore)
{
	for (size_t i = 0; i < restore->migrations->n_tables; i++) {
		const char *name = restore->migrations->tables[i];
		char sql[SK_BACKUP_NAME_SIZE + 64];
		SkBackupTable table;
		int64_t there;
		int r = sk_backup_describe(restore->db, name, &table);

		if (r == -ENOENT)
			continue; /* of a later migration */
		if (r == 0 && !sk_str_format(sql, sizeof(sql), "SELECT 1 FROM %s LIMIT 1", table.name))
			r = -EMSGSIZE;
		if (r == 0)
			r = sk_db_query_int(restore->db, sql, SK_DB_NO_ARGS, &there);
		if (r == 0) {
			sk_db_say(restore->db, "%s has rows", table.name);
			return -ENOTEMPTY;
		}
		if (r != -ENOENT)
			return r;
	}
	return 0;
}

/* Who had a session then may have left since, and a challenge was answered then: neither comes back. */
static int end_sessions(Restore *restore)
{
	static const struct {
		const char *table, *sql;
	} ends[] = {
		{"sessions",
			"UPDATE sessions SET ended = last_used, end_reason = 'restored' WHERE ended IS NULL"},
		{"ceremonies", "DELETE FROM ceremonies"}};
	int r = 0;

	for (size_t i = 0; i < restore->migrations->n_tables && r == 0; i++)
		for (size_t j = 0; j < SK_ARRAY_SIZE(ends) && r == 0; j++)
			if (sk_str_eq(restore->migrations->tables[i], ends[j].table))
				r = sk_db_exec(restore->db, ends[j].sql, SK_DB_NO_ARGS, NULL);
	return r;
}

static int put_in(SkDb *db, void *userdata)
{
	static const char *const defer[] = {
		[SK_DB_SQLITE] = "PRAGMA defer_foreign_keys = ON",
		[SK_DB_PGSQL] = "SET CONSTRAINTS ALL DEFERRED; SET LOCAL statement_timeout = 0",
	};
	Restore *restore = userdata;
	const SkBackupVisitor visitor = {on_header, on_table, on_row, restore};
	int r = check_empty(restore);

	if (r == 0)
		r = db->driver->script(db, defer[sk_db_engine(db)]);
	if (r == 0)
		r = sk_backup_read(restore->in, restore->migrations, &visitor, &restore->report);
	return r < 0 ? r : end_sessions(restore);
}

int sk_db_restore(SkDb *db, const SkMigrations *migrations, FILE *in, SkBackupReport *ret_report)
{
	Restore restore = {.db = db, .migrations = migrations, .in = in};
	SkBackupReport report;
	int64_t number;
	/* The whole file first: a damaged one leaves nothing behind. */
	int r = sk_backup_read(in, migrations, NULL, &report);

	if (r == 0)
		r = sk_db_schema_number(db, migrations, &number);
	if (r == 0 && number > report.schema) {
		sk_db_say(db, "the database has a newer schema than the backup: restore into a new one");
		r = -ENOTEMPTY;
	}
	if (r == 0)
		r = sk_db_migrate(db, migrations, report.schema, NULL);
	if (r == 0)
		r = sk_db_transact(db, put_in, &restore);
	if (r == 0)
		r = sk_db_migrate(db, migrations, 0, NULL);
	if (r == 0 && ret_report)
		*ret_report = restore.report;
	return r;
}
