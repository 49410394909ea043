/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a backup. It may be damaged or made up: every line is looked at before anything is done with it,
 * and what it was good for is known only when its last line has been read.
 */
#include <string.h>

#include "console/db/backup_inside.h"
#include "lib/base/str.h"

/* The largest row: an attachment as base64. */
#define LINE_MAX_SIZE ((ssize_t)256 << 20)

typedef struct Reading {
	FILE *in;
	const SkMigrations *migrations;
	const SkBackupVisitor *visitor;
	SkBackupReport report;
	SkSha256 hash;
	size_t n_columns; /* of the table that is read; 0: none yet */
	bool ended;
} Reading;

static int read_header(Reading *reading, json_t *line)
{
	const char *format = "", *hash;
	json_t *hashes = NULL;
	json_int_t schema = 0, made = 0;
	int version = 0;

	if (json_unpack(line, "{s:s, s:i, s:I, s:o, s:I !}", "format", &format, "version", &version, "schema",
		    &schema, "migrations", &hashes, "made", &made) < 0 ||
		!sk_str_eq(format, SK_BACKUP_FORMAT) || version < 1)
		return -EBADMSG;
	if (version > SK_BACKUP_VERSION || schema > (json_int_t)reading->migrations->count)
		return -ERANGE;
	if (schema < 1 || (json_int_t)json_array_size(hashes) != schema)
		return -EBADMSG;
	for (json_int_t i = 0; i < schema; i++) {
		hash = json_string_value(json_array_get(hashes, (size_t)i));
		if (!hash || !sk_str_eq(hash, reading->migrations->list[i].sha256))
			return -EKEYREJECTED;
	}
	reading->report.schema = schema;
	reading->report.made = made;
	return reading->visitor ? reading->visitor->header(reading->visitor->userdata, &reading->report) : 0;
}

static int read_table(Reading *reading, json_t *line)
{
	const char *name;
	json_t *columns, *types;

	if (json_unpack(line, "{s:s, s:o, s:o !}", "table", &name, "columns", &columns, "types", &types) <
			0 ||
		json_array_size(columns) == 0 || json_array_size(columns) > SK_BACKUP_COLUMNS_MAX ||
		json_array_size(columns) != json_array_size(types))
		return -EBADMSG;
	reading->n_columns = json_array_size(columns);
	reading->report.tables++;
	return reading->visitor ? reading->visitor->table(reading->visitor->userdata, name, columns, types)
				: 0;
}

/* before: the hash of everything before this line. */
static int read_end(Reading *reading, json_t *line, const SkSha256 *before)
{
	SkSha256 hash = *before;
	uint8_t digest[SK_SHA256_SIZE];
	char hex[SK_SHA256_HEX_SIZE];
	const char *wanted = "";
	json_int_t rows = -1;

	if (json_unpack(line, "{s:b, s:I, s:s !}", "end", &(int){0}, "rows", &rows, "sha256", &wanted) < 0)
		return -EBADMSG;
	sk_sha256_final(&hash, digest);
	sk_hex_format(hex, digest, sizeof(digest));
	if (rows != reading->report.rows || !sk_str_eq(hex, wanted))
		return -EBADMSG;
	reading->ended = true;
	return 0;
}

static int read_row(Reading *reading, json_t *line)
{
	if (reading->n_columns == 0 || json_array_size(line) != reading->n_columns)
		return -EBADMSG;
	reading->report.rows++;
	return reading->visitor ? reading->visitor->row(reading->visitor->userdata, line) : 0;
}

static int read_line(Reading *reading, const char *text, size_t size)
{
	SkSha256 before = reading->hash;
	json_t *line;
	int r;

	if (reading->ended || text[size - 1] != '\n')
		return -EBADMSG;
	line = json_loadb(text, size - 1, JSON_REJECT_DUPLICATES, NULL);
	if (!line)
		return -EBADMSG;
	sk_sha256_update(&reading->hash, text, size);
	if (reading->report.schema == 0)
		r = read_header(reading, line);
	else if (json_is_array(line))
		r = read_row(reading, line);
	else if (json_object_get(line, "table"))
		r = read_table(reading, line);
	else
		r = read_end(reading, line, &before);
	json_decref(line);
	return r;
}

int sk_backup_read(
	FILE *in, const SkMigrations *migrations, const SkBackupVisitor *visitor, SkBackupReport *ret_report)
{
	Reading reading = {.in = in, .migrations = migrations, .visitor = visitor};
	own_free char *text = NULL;
	size_t room = 0;
	ssize_t size;
	int r = fseeko(in, 0, SEEK_SET) < 0 ? -errno : 0;

	sk_sha256_init(&reading.hash);
	while (r == 0 && (size = getline(&text, &room, in)) > 0)
		r = size > LINE_MAX_SIZE ? -EBADMSG : read_line(&reading, text, (size_t)size);
	if (r == 0 && ferror(in))
		r = -EIO;
	if (r == 0 && !reading.ended)
		r = -EBADMSG;
	if (r == 0 && ret_report)
		*ret_report = reading.report;
	return r;
}

int sk_db_backup_check(FILE *in, const SkMigrations *migrations, SkBackupReport *ret_report)
{
	return sk_backup_read(in, migrations, NULL, ret_report);
}
