/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/attachments.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R, NULL},
	{"subject_kind", SK_COLUMN_TEXT, R | F, NULL},
	{"subject_id", SK_COLUMN_TEXT, R | F, NULL},
	{"name", SK_COLUMN_TEXT, R, NULL},
	{"type", SK_COLUMN_TEXT, R, NULL},
	{"size", SK_COLUMN_INT, R, NULL},
	{"digest", SK_COLUMN_BYTES, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"removed", SK_COLUMN_TIME, R | F, NULL},
	{"removed_by", SK_COLUMN_TEXT, R, NULL},
};

const SkTable sk_attachments_table = {.name = "attachments", SK_COLUMNS(columns), .facility = "facility_id"};

bool sk_attachment_type_allowed(const char *type)
{
	static const char *const types[] = {"image/jpeg", "image/png", "image/gif", "image/webp",
		"image/heic", "application/pdf", "text/plain", "text/csv"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(types); i++)
		if (sk_str_eq(types[i], type))
			return true;
	return false;
}

int sk_attachment_subject(
	SkDb *db, const SkScope *scope, const char *kind, const char *id, char ret_facility[SK_ID_SIZE])
{
	static const struct {
		const char *kind, *table;
	} tables[] = {{"medium", "media"}, {"request", "requests"}, {"incident", "incidents"},
		{"review", "reviews"}};
	own_rows SkDbRows *rows = NULL;
	own_sql SkSql *sql = NULL;
	const char *table = NULL;
	int r;

	for (size_t i = 0; i < SK_ARRAY_SIZE(tables); i++)
		if (sk_str_eq(tables[i].kind, kind))
			table = tables[i].table;
	r = table ? sk_sql_new(db, "SELECT facility_id FROM ", &sql) : -EINVAL;
	if (r < 0)
		return r;
	sk_sql_name(sql, table);
	sk_sql_add(sql, " WHERE id = ");
	sk_sql_value(sql, sk_db_text(id));
	sk_sql_scope(sql, scope, "facility_id", NULL);
	r = sk_sql_query(sql, &rows);
	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_str_copy(ret_facility, SK_ID_SIZE, sk_db_get_text(rows, 0)) ? 0 : -EUCLEAN;
}

/* libmagic takes much for text: of UTF-8 and Shift_JIS no byte is a control but tabs, line and page ends. */
static bool is_text(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] == 0x7F || (bytes[i] < 0x20 && !(bytes[i] >= '\t' && bytes[i] <= '\r')))
			return false;
	return true;
}

static bool is_allowed(const SkAttachment *attachment)
{
	return sk_attachment_type_allowed(attachment->type) && attachment->size > 0 &&
	       attachment->size <= SK_ATTACHMENT_MAX &&
	       (!sk_str_starts(attachment->type, "text/") || is_text(attachment->content, attachment->size));
}

static int check(const SkActor *actor, const SkAttachment *attachment)
{
	int64_t n = 0;
	int r;

	if (!is_allowed(attachment))
		return SK_ATTACHMENT_REFUSED;
	r = sk_db_query_int(actor->db,
		"SELECT COUNT(*) FROM attachments WHERE subject_kind = $1 AND subject_id = $2 AND removed IS "
		"NULL",
		SK_DB_ARGS(sk_db_text(attachment->subject_kind), sk_db_text(attachment->subject)), &n);
	return r < 0 ? r : n >= SK_ATTACHMENTS_MAX ? SK_ATTACHMENTS_MANY : 0;
}

int sk_attachment_add(const SkActor *actor, const SkAttachment *attachment, char ret_id[SK_ID_SIZE])
{
	uint8_t digest[SK_SHA256_SIZE];
	char facility[SK_ID_SIZE], hex[SK_SHA256_HEX_SIZE];
	int r = sk_attachment_subject(
		actor->db, actor->scope, attachment->subject_kind, attachment->subject, facility);

	if (r == 0)
		r = check(actor, attachment);
	if (r != 0)
		return r;
	sk_id_new(ret_id);
	sk_sha256(digest, attachment->content, attachment->size);
	sk_hex_format(hex, digest, sizeof(digest));
	r = sk_db_exec(actor->db,
		"INSERT INTO attachments (id, facility_id, subject_kind, subject_id, name, type, size, "
		"digest, content, "
		"created, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		SK_DB_ARGS(sk_db_text(ret_id), sk_db_text(facility), sk_db_text(attachment->subject_kind),
			sk_db_text(attachment->subject), sk_db_text(attachment->name),
			sk_db_text(attachment->type), sk_db_int((int64_t)attachment->size),
			sk_db_bytes(digest, sizeof(digest)),
			sk_db_bytes(attachment->content, attachment->size), sk_db_int(actor->now),
			sk_db_text(actor->person)),
		NULL);
	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"attachment.added", facility, attachment->subject_kind, attachment->subject,
			       json_pack("{s:s, s:s, s:s}", "attachment", ret_id, "name", attachment->name,
				       "sha256", hex)});
}

int sk_attachment_remove(const SkActor *actor, const char *id)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_attachments_table, actor->scope, id, &row);

	if (r < 0)
		return r;
	if (*sk_row_text(row, "removed"))
		return -ENOENT;
	r = sk_db_exec(actor->db, "UPDATE attachments SET removed = $1, removed_by = $2 WHERE id = $3",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(actor->person), sk_db_text(id)), NULL);
	if (r < 0)
		return r;
	return sk_actor_record(actor,
		&(SkFact){"attachment.removed", sk_row_text(row, "facility"), sk_row_text(row, "subjectKind"),
			sk_row_text(row, "subject"), json_pack("{s:s}", "attachment", id)});
}

int sk_attachment_read(SkDb *db, const SkScope *scope, const char *id, void **ret_bytes, size_t *ret_size)
{
	uint8_t digest[SK_SHA256_SIZE];
	own_rows SkDbRows *rows = NULL;
	own_sql SkSql *sql = NULL;
	const void *content, *stored;
	size_t size, stored_size;
	int r = sk_sql_new(
		db, "SELECT content, digest FROM attachments WHERE removed IS NULL AND id = ", &sql);

	if (r < 0)
		return r;
	sk_sql_value(sql, sk_db_text(id));
	sk_sql_scope(sql, scope, "facility_id", NULL);
	r = sk_sql_query(sql, &rows);
	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	content = sk_db_get_bytes(rows, 0, &size);
	stored = sk_db_get_bytes(rows, 1, &stored_size);
	sk_sha256(digest, content, size);
	if (stored_size != sizeof(digest) || memcmp(stored, digest, sizeof(digest)) != 0)
		return -EUCLEAN;
	*ret_bytes = malloc(size);
	if (!*ret_bytes)
		return -ENOMEM;
	memcpy(*ret_bytes, content, size);
	*ret_size = size;
	return 0;
}
