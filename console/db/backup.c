/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <time.h>

#include "console/db/backup_inside.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

/* Rows that PostgreSQL hands out at once; a row with bytes may be as large as an attachment. */
#define FETCH_SMALL 256
#define FETCH_LARGE 4

static const struct {
	const char *word; /* of SQLite's STRICT tables, and of information_schema */
	SkDbType type;
} type_words[] = {
	{"TEXT", SK_DB_TEXT},
	{"text", SK_DB_TEXT},
	{"INTEGER", SK_DB_INT},
	{"bigint", SK_DB_INT},
	{"BLOB", SK_DB_BYTES},
	{"bytea", SK_DB_BYTES},
};

static const char *const type_names[] = {
	[SK_DB_TEXT] = "text",
	[SK_DB_INT] = "int",
	[SK_DB_BYTES] = "bytes",
};

const char *sk_backup_type_name(SkDbType type)
{
	return type_names[type];
}

static bool is_name(const char *name)
{
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789");

	return size > 0 && !name[size] && size < SK_BACKUP_NAME_SIZE;
}

static int add_column(SkBackupTable *table, const char *name, const char *word)
{
	if (!name || !word || !is_name(name) || table->n_columns == SK_BACKUP_COLUMNS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < SK_ARRAY_SIZE(type_words); i++)
		if (sk_str_eq(type_words[i].word, word)) {
			sk_str_copy(table->columns[table->n_columns], SK_BACKUP_NAME_SIZE, name);
			table->types[table->n_columns++] = type_words[i].type;
			return 0;
		}
	return -EBADMSG;
}

int sk_backup_describe(SkDb *db, const char *name, SkBackupTable *ret_table)
{
	static const char *const sql[] = {
		[SK_DB_SQLITE] = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid",
		[SK_DB_PGSQL] = "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT)"
				" FROM information_schema.columns WHERE table_schema = current_schema()"
				" AND table_name = $1 ORDER BY ordinal_position",
	};
	own_rows SkDbRows *rows = NULL;
	int r;

	if (!is_name(name))
		return -EBADMSG;
	*ret_table = (SkBackupTable){.n_columns = 0};
	sk_str_copy(ret_table->name, sizeof(ret_table->name), name);
	r = sk_db_query(db, sql[sk_db_engine(db)], SK_DB_ARGS(sk_db_text(name)), &rows);
	while (r >= 0 && (r = sk_db_next(rows)) > 0)
		r = add_column(ret_table, sk_db_get_text(rows, 0), sk_db_get_text(rows, 1));
	if (r < 0)
		return r;
	return ret_table->n_columns > 0 ? 0 : -ENOENT;
}

int sk_backup_column_list(const SkBackupTable *table, char *ret_sql, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < table->n_columns; i++) {
		if (!sk_str_format(ret_sql + used, size - used, "%s%s", i > 0 ? ", " : "", table->columns[i]))
			return -EMSGSIZE;
		used += strlen(ret_sql + used);
	}
	return 0;
}

typedef struct Dump {
	const SkMigrations *migrations;
	FILE *out;
	SkSha256 hash;
	SkBackupReport report;
} Dump;

static int emit(Dump *dump, json_t *line)
{
	own_free char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	size_t size;

	json_decref(line);
	if (!text)
		return -ENOMEM;
	size = strlen(text);
	text[size] = '\n'; /* in the place of the 0 */
	sk_sha256_update(&dump->hash, text, size + 1);
	errno = 0;
	if (fwrite(text, 1, size + 1, dump->out) != size + 1)
		return errno > 0 ? -errno : -EIO;
	return 0;
}

static int emit_header(Dump *dump)
{
	json_t *hashes = json_array();

	for (int64_t i = 0; i < dump->report.schema; i++)
		json_array_append_new(hashes, json_string(dump->migrations->list[i].sha256));
	return emit(dump, json_pack("{s:s, s:i, s:I, s:o, s:I}", "format", SK_BACKUP_FORMAT, "version",
				  SK_BACKUP_VERSION, "schema", (json_int_t)dump->report.schema, "migrations",
				  hashes, "made", (json_int_t)dump->report.made));
}

static int emit_table(Dump *dump, const SkBackupTable *table)
{
	json_t *columns = json_array(), *types = json_array();

	for (size_t i = 0; i < table->n_columns; i++) {
		json_array_append_new(columns, json_string(table->columns[i]));
		json_array_append_new(types, json_string(sk_backup_type_name(table->types[i])));
	}
	dump->report.tables++;
	return emit(
		dump, json_pack("{s:s, s:o, s:o}", "table", table->name, "columns", columns, "types", types));
}

static json_t *bytes_of(const SkDbRows *rows, size_t column)
{
	size_t size;
	const void *bytes = sk_db_get_bytes(rows, column, &size);
	own_free char *text = malloc(SK_BASE64_SIZE(size));

	if (!text)
		return NULL;
	sk_base64_format(bytes, size, text);
	return json_string(text);
}

static json_t *value_of(const SkDbRows *rows, size_t column)
{
	switch (sk_db_type(rows, column)) {
	case SK_DB_TEXT:
		return json_string(sk_db_get_text(rows, column));
	case SK_DB_INT:
		return json_integer(sk_db_get_int(rows, column));
	case SK_DB_BYTES:
		return bytes_of(rows, column);
	default:
		return json_null();
	}
}

static int emit_rows(Dump *dump, SkDbRows *rows, int64_t *count)
{
	int r;

	while ((r = sk_db_next(rows)) > 0) {
		json_t *line = json_array();

		for (size_t i = 0; line && i < sk_db_columns(rows); i++)
			if (json_array_append_new(line, value_of(rows, i)) < 0) {
				json_decref(line);
				return -ENOMEM;
			}
		r = emit(dump, line);
		if (r < 0)
			return r;
		++*count;
	}
	return r;
}

/* SQLite reads row by row; PostgreSQL would send all at once, so it is asked through a cursor. */
static int dump_with_cursor(Dump *dump, SkDb *db, const SkBackupTable *table, const char *select)
{
	char declare[SK_BACKUP_SQL_SIZE + 128], fetch[128], close[128];
	int64_t before, limit = FETCH_SMALL;
	int r;

	for (size_t i = 0; i < table->n_columns; i++)
		if (table->types[i] == SK_DB_BYTES)
			limit = FETCH_LARGE;
	sk_str_format(
		declare, sizeof(declare), "DECLARE dump_%s NO SCROLL CURSOR FOR %s", table->name, select);
	sk_str_format(fetch, sizeof(fetch), "FETCH %d FROM dump_%s", (int)limit, table->name);
	sk_str_format(close, sizeof(close), "CLOSE dump_%s", table->name);
	r = sk_db_exec(db, declare, SK_DB_NO_ARGS, NULL);
	do {
		own_rows SkDbRows *rows = NULL;

		before = dump->report.rows;
		if (r == 0)
			r = sk_db_query(db, fetch, SK_DB_NO_ARGS, &rows);
		if (r == 0)
			r = emit_rows(dump, rows, &dump->report.rows);
	} while (r == 0 && dump->report.rows - before == limit);
	return r < 0 ? r : sk_db_exec(db, close, SK_DB_NO_ARGS, NULL);
}

static int dump_table(Dump *dump, SkDb *db, const char *name)
{
	char columns[SK_BACKUP_SQL_SIZE - 128], select[SK_BACKUP_SQL_SIZE];
	own_rows SkDbRows *rows = NULL;
	SkBackupTable table;
	int r = sk_backup_describe(db, name, &table);

	if (r == 0)
		r = sk_backup_column_list(&table, columns, sizeof(columns));
	if (r == 0)
		r = emit_table(dump, &table);
	if (r < 0)
		return r;
	if (!sk_str_format(select, sizeof(select), "SELECT %s FROM %s", columns, table.name))
		return -EMSGSIZE;
	if (sk_db_engine(db) == SK_DB_PGSQL)
		return dump_with_cursor(dump, db, &table, select);
	r = sk_db_query(db, select, SK_DB_NO_ARGS, &rows);
	return r < 0 ? r : emit_rows(dump, rows, &dump->report.rows);
}

static int emit_end(Dump *dump)
{
	uint8_t digest[SK_SHA256_SIZE];
	char hex[SK_SHA256_HEX_SIZE];

	sk_sha256_final(&dump->hash, digest);
	sk_hex_format(hex, digest, sizeof(digest));
	sk_sha256_init(&dump->hash);
	return emit(dump,
		json_pack("{s:b, s:I, s:s}", "end", 1, "rows", (json_int_t)dump->report.rows, "sha256", hex));
}

static int dump_all(SkDb *db, void *userdata)
{
	Dump *dump = userdata;
	int r = sk_db_schema_check(db, dump->migrations);

	/* This runs again after -EAGAIN: from the start. */
	if (r == 0 && (fseeko(dump->out, 0, SEEK_SET) < 0 || ftruncate(fileno(dump->out), 0) < 0))
		r = -errno;
	dump->report.tables = dump->report.rows = 0;
	sk_sha256_init(&dump->hash);
	if (r == 0)
		r = emit_header(dump);
	for (size_t i = 0; r == 0 && i < dump->migrations->n_tables; i++)
		r = dump_table(dump, db, dump->migrations->tables[i]);
	return r == 0 ? emit_end(dump) : r;
}

int sk_db_backup(SkDb *db, const SkMigrations *migrations, FILE *out, SkBackupReport *ret_report)
{
	struct timespec now;
	Dump dump = {.migrations = migrations, .out = out};
	int r;

	clock_gettime(CLOCK_REALTIME, &now);
	dump.report.made = now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
	dump.report.schema = (int64_t)migrations->count;
	r = sk_db_snapshot(db, dump_all, &dump);
	if (r == 0 && fflush(out) != 0)
		r = -errno;
	if (r == 0 && ret_report)
		*ret_report = dump.report;
	return r;
}
