/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/definitions.h"

#include <errno.h>
#include <string.h>

#include "console/rules/tell.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define R SK_COLUMN_READ_ONLY
/* A full set, compressed; what a console can send in a second without being felt. */
#define TERMINALS_PER_SECOND 10
#define SPREAD_MAX 3600

static const SkColumn file_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"name", SK_COLUMN_TEXT, R, NULL},
	{"kind", SK_COLUMN_TEXT, R, NULL},
	{"number", SK_COLUMN_INT, R, NULL},
	{"built", SK_COLUMN_TIME, R, NULL},
	{"size", SK_COLUMN_INT, R, NULL},
	{"digest", SK_COLUMN_BYTES, R, NULL},
	{"source", SK_COLUMN_TEXT, R, NULL},
	{"came", SK_COLUMN_TIME, R, NULL},
	{"state", SK_COLUMN_TEXT, R | SK_COLUMN_FILTER, NULL},
};

const SkTable sk_definition_files_table = {.name = "definition_files", SK_COLUMNS(file_columns)};

static int64_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* What the mirror says of one file, in our own words. */
typedef struct File {
	const char *name, *kind, *source;
	int64_t number, built, size, came; /* ms since 1970 */
	uint8_t digest[SK_SHA256_SIZE];
	char cvd[48], cld[48]; /* the two names of the database */
} File;

static int read_file(const json_t *object, File *file)
{
	int stem = (int)strcspn(sk_row_text(object, "name"), ".");

	*file = (File){.name = sk_row_text(object, "name"),
		.kind = sk_row_text(object, "kind"),
		.source = sk_row_text(object, "source"),
		.number = number(object, "number"),
		.built = number(object, "built") * 1000,
		.size = number(object, "size"),
		.came = number(object, "came")};
	if (sk_hex_parse(file->digest, sizeof(file->digest), sk_row_text(object, "sha256")) < 0 ||
		file->number < 1 || file->size < 1 ||
		!sk_str_format(file->cvd, sizeof(file->cvd), "%.*s.cvd", stem, file->name) ||
		!sk_str_format(file->cld, sizeof(file->cld), "%.*s.cld", stem, file->name))
		return -EBADMSG;
	return 0;
}

/* The version of the same database that is served. Return: 1 as new as this, or newer; 0; or an error. */
static int is_served(const SkActor *actor, const File *file)
{
	int64_t newest = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT COALESCE(max(number), 0) FROM definition_files WHERE name IN ($1, $2) AND state = "
		"'served'",
		SK_DB_ARGS(sk_db_text(file->cvd), sk_db_text(file->cld)), &newest);

	return r < 0 ? r : newest >= file->number;
}

static int serve(const SkActor *actor, const File *file)
{
	char id[SK_ID_SIZE];
	int r = sk_db_exec(actor->db,
		"UPDATE definition_files SET state = 'replaced' WHERE name IN ($1, $2) AND state = 'served'",
		SK_DB_ARGS(sk_db_text(file->cvd), sk_db_text(file->cld)), NULL);

	if (r < 0)
		return r;
	sk_id_new(id);
	return sk_db_exec(actor->db,
		"INSERT INTO definition_files (id, name, kind, number, built, size, digest, source, came, "
		"checked) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (name, number) DO UPDATE SET "
		"state = "
		"'served', digest = excluded.digest, size = excluded.size, checked = excluded.checked",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(file->name), sk_db_text(file->kind),
			sk_db_int(file->number), sk_db_int(file->built), sk_db_int(file->size),
			sk_db_bytes(file->digest, sizeof(file->digest)), sk_db_text(file->source),
			sk_db_int(file->came), sk_db_int(actor->now)),
		NULL);
}

/* Everybody hears of it; when each of them fetches is spread over time. */
static int tell(const SkActor *actor, const json_t *fresh)
{
	int r = sk_tell(actor, &(SkAudience){.all = true, .same = SK_SAME_GRANTS | SK_SAME_REVOCATIONS});

	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){"definitions.served", NULL, "definitions", "all",
						      json_pack("{s:O}", "files", fresh)});
}

int sk_definitions_take(const SkActor *actor, const json_t *files)
{
	json_auto_t *fresh = json_array();
	const json_t *object;
	size_t i;
	File file;
	int r = fresh ? 0 : -ENOMEM;

	json_array_foreach (files, i, object) {
		if (r == 0)
			r = read_file(object, &file);
		if (r == 0)
			r = is_served(actor, &file);
		if (r < 0)
			return r;
		if (r == 0) {
			r = serve(actor, &file);
			json_array_append_new(fresh,
				json_pack("{s:s, s:I, s:s}", "name", file.name, "number",
					(json_int_t)file.number, "sha256", sk_row_text(object, "sha256")));
		}
		r = r > 0 ? 0 : r;
	}
	return r < 0 || json_array_size(fresh) == 0 ? r : tell(actor, fresh);
}

int sk_definitions_serial(SkDb *db, int64_t *ret_serial)
{
	return sk_db_query_int(
		db, "SELECT COALESCE(max(checked), 0) FROM definition_files", SK_DB_NO_ARGS, ret_serial);
}

static json_t *file_json(const SkDbRows *rows, const char *sha256)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:s}", "name", sk_db_get_text(rows, 0), "number",
		(json_int_t)sk_db_get_int(rows, 1), "built", (json_int_t)(sk_db_get_int(rows, 2) / 1000),
		"size", (json_int_t)sk_db_get_int(rows, 3), "sha256", sha256);
}

int sk_definitions_list(
	SkDb *db, bool (*is_here)(void *userdata, const char *sha256), void *userdata, json_t **ret_payload)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *files = json_array();
	char sha256[SK_SHA256_HEX_SIZE];
	int64_t serial = 0;
	int r = sk_definitions_serial(db, &serial);

	if (r == 0)
		r = sk_db_query(db,
			"SELECT name, number, built, size, digest FROM definition_files WHERE state = "
			"'served' "
			"ORDER BY name",
			SK_DB_NO_ARGS, &rows);
	while (r >= 0 && (r = sk_db_next(rows)) == 1) {
		size_t size;
		const void *digest = sk_db_get_bytes(rows, 4, &size);

		if (size != SK_SHA256_SIZE)
			return -EUCLEAN;
		sk_hex_format(sha256, digest, size);
		if (is_here(userdata, sha256))
			r = json_array_append_new(files, file_json(rows, sha256)) < 0 ? -ENOMEM : 0;
	}
	if (r < 0)
		return r;
	if (json_array_size(files) == 0)
		return -ENOENT;
	*ret_payload =
		json_pack("{s:s, s:I, s:O}", "terminal", "*", "serial", (json_int_t)serial, "files", files);
	return *ret_payload ? 0 : -ENOMEM;
}

int sk_definitions_spread(SkDb *db, int64_t *ret_seconds)
{
	int64_t terminals = 0;
	int r = sk_db_query_int(
		db, "SELECT count(*) FROM terminals WHERE state = 'enrolled'", SK_DB_NO_ARGS, &terminals);

	*ret_seconds = terminals / TERMINALS_PER_SECOND;
	if (*ret_seconds > SPREAD_MAX)
		*ret_seconds = SPREAD_MAX;
	return r;
}
