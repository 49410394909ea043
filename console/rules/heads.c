/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/heads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

#define R SK_COLUMN_READ_ONLY
/* What is signed at this moment, by a process with another clock, belongs to the next stamp. */
#define MARGIN_MS INT64_C(600000)

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"digest", SK_COLUMN_BYTES, R, NULL},
	{"subject", SK_COLUMN_JSON, R, NULL},
	{"authority", SK_COLUMN_TEXT, R, NULL},
	{"token", SK_COLUMN_BYTES, R | SK_COLUMN_LONG, NULL},
	{"state", SK_COLUMN_TEXT, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"stamped", SK_COLUMN_TIME, R, NULL},
	{"error", SK_COLUMN_TEXT, R, NULL},
};

const SkTable sk_anchors_table = {.name = "anchors", SK_COLUMNS(columns)};

static void read_hash(const SkDbRows *rows, size_t column, uint8_t hash[SK_SHA256_SIZE])
{
	size_t size;
	const void *bytes = sk_db_get_bytes(rows, column, &size);

	memset(hash, 0, SK_SHA256_SIZE);
	if (size == SK_SHA256_SIZE)
		memcpy(hash, bytes, size);
}

int sk_heads_unsigned(SkDb *db, SkHead ret_heads[SK_HEADS_ROWS], size_t *ret_n)
{
	own_rows SkDbRows *rows = NULL;
	size_t n = 0;
	int r = sk_db_query(db,
		"SELECT h.terminal_id, h.facility_id, h.seq, h.hash FROM chain_heads h WHERE NOT EXISTS "
		"(SELECT 1 FROM "
		"countersignatures c WHERE c.terminal_id = h.terminal_id AND c.seq = h.seq) ORDER BY "
		"h.terminal_id LIMIT "
		"$1",
		SK_DB_ARGS(sk_db_int(SK_HEADS_ROWS)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		SkHead *head = &ret_heads[n++];

		sk_str_copy(head->terminal, sizeof(head->terminal), sk_db_get_text(rows, 0));
		sk_str_copy(head->facility, sizeof(head->facility), sk_db_get_text(rows, 1));
		head->seq = sk_db_get_int(rows, 2);
		read_hash(rows, 3, head->hash);
		r = 0;
	}
	*ret_n = n;
	return r;
}

int sk_head_sign(const SkActor *actor, const SkCountersignature *countersignature)
{
	const SkHead *head = countersignature->head;

	return sk_db_exec(actor->db,
		"INSERT INTO countersignatures (terminal_id, seq, facility_id, hash, key_id, signature, at) "
		"VALUES ($1, "
		"$2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
		SK_DB_ARGS(sk_db_text(head->terminal), sk_db_int(head->seq), sk_db_text(head->facility),
			sk_db_bytes(head->hash, sizeof(head->hash)), sk_db_text(countersignature->key_id),
			sk_db_bytes(countersignature->envelope, strlen(countersignature->envelope)),
			sk_db_int(actor->now)),
		NULL);
}

/* ---- stamps ---- */

static void add_line(SkSha256 *hash, const char *id, int64_t seq, const uint8_t digest[SK_SHA256_SIZE])
{
	char hex[SK_SHA256_HEX_SIZE], line[SK_ID_SIZE + 24 + SK_SHA256_HEX_SIZE];

	sk_hex_format(hex, digest, SK_SHA256_SIZE);
	sk_str_format(line, sizeof(line), "%s %" PRId64 " %s\n", id, seq, hex);
	sk_sha256_update(hash, line, strlen(line));
}

/* The countersignatures of a span. Return: how many, or negative errno. */
static int64_t add_signed(SkDb *db, SkSha256 *hash, int64_t from, int64_t until)
{
	own_rows SkDbRows *rows = NULL;
	int64_t count = 0;
	int r = sk_db_query(db,
		"SELECT terminal_id, seq, hash FROM countersignatures WHERE at > $1 AND at <= $2 ORDER BY "
		"terminal_id, seq",
		SK_DB_ARGS(sk_db_int(from), sk_db_int(until)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		uint8_t digest[SK_SHA256_SIZE];

		read_hash(rows, 2, digest);
		add_line(hash, sk_db_get_text(rows, 0), sk_db_get_int(rows, 1), digest);
		count++;
		r = 0;
	}
	return r < 0 ? r : count;
}

/* The last record of each chain of ours: [{instance, seq, hash}]. */
static int find_instances(SkDb *db, json_t *instances)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT c.instance_id, c.seq, c.hash FROM console_records c JOIN (SELECT instance_id, "
		"MAX(seq) AS seq FROM "
		"console_records GROUP BY instance_id) m ON m.instance_id = c.instance_id AND m.seq = c.seq "
		"ORDER BY "
		"c.instance_id",
		SK_DB_NO_ARGS, &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		uint8_t digest[SK_SHA256_SIZE];
		char hex[SK_SHA256_HEX_SIZE];

		read_hash(rows, 2, digest);
		sk_hex_format(hex, digest, sizeof(digest));
		r = json_array_append_new(
			    instances, json_pack("{s:s, s:I, s:s}", "instance", sk_db_get_text(rows, 0),
					       "seq", (json_int_t)sk_db_get_int(rows, 1), "hash", hex)) < 0
			    ? -ENOMEM
			    : 0;
	}
	return r;
}

static int add_instances(SkSha256 *hash, const json_t *instances)
{
	const json_t *one;
	size_t i;

	json_array_foreach (instances, i, one) {
		uint8_t digest[SK_SHA256_SIZE];

		if (sk_hex_parse(digest, sizeof(digest), sk_row_text(one, "hash")) < 0)
			return -EBADMSG;
		add_line(hash, sk_row_text(one, "instance"), json_integer_value(json_object_get(one, "seq")),
			digest);
	}
	return 0;
}

static int last_end(SkDb *db, int64_t *ret_created, int64_t *ret_until)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *subject = NULL;
	int r = sk_db_query(db, "SELECT created, subject FROM anchors ORDER BY created DESC, id DESC LIMIT 1",
		SK_DB_NO_ARGS, &rows);

	*ret_created = *ret_until = 0;
	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	*ret_created = sk_db_get_int(rows, 0);
	subject = json_loads(sk_db_get_text(rows, 1), 0, NULL);
	*ret_until = json_integer_value(json_object_get(subject, "until"));
	return 0;
}

static int insert_anchor(const SkActor *actor, const char *authority, const json_t *subject,
	const uint8_t digest[SK_SHA256_SIZE])
{
	own_free char *text = json_dumps(subject, JSON_COMPACT | JSON_SORT_KEYS);
	char id[SK_ID_SIZE], hex[SK_SHA256_HEX_SIZE];
	int r;

	if (!text)
		return -ENOMEM;
	sk_id_new(id);
	r = sk_db_exec(actor->db,
		"INSERT INTO anchors (id, digest, subject, authority, created) VALUES ($1, $2, $3, $4, $5)",
		SK_DB_ARGS(sk_db_text(id), sk_db_bytes(digest, SK_SHA256_SIZE), sk_db_text(text),
			sk_db_text(authority), sk_db_int(actor->now)),
		NULL);
	sk_hex_format(hex, digest, SK_SHA256_SIZE);
	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){"heads.gathered", NULL, "anchor", id,
						      json_pack("{s:s}", "digest", hex)});
}

int sk_anchor_begin(const SkActor *actor, const char *authority, int64_t every_ms)
{
	json_auto_t *instances = json_array(), *subject = NULL;
	uint8_t digest[SK_SHA256_SIZE];
	int64_t until = actor->now - MARGIN_MS, created, from, count;
	SkSha256 hash;
	int r = instances ? last_end(actor->db, &created, &from) : -ENOMEM;

	if (r < 0 || created > actor->now - every_ms)
		return r;
	sk_sha256_init(&hash);
	count = add_signed(actor->db, &hash, from, until);
	if (count < 0)
		return (int)count;
	r = find_instances(actor->db, instances);
	if (r == 0)
		r = add_instances(&hash, instances);
	if (r < 0)
		return r;
	sk_sha256_final(&hash, digest);
	subject = json_pack("{s:I, s:I, s:I, s:O}", "from", (json_int_t)from, "until", (json_int_t)until,
		"heads", (json_int_t)count, "instances", instances);
	return subject ? insert_anchor(actor, authority, subject, digest) : -ENOMEM;
}

int sk_anchor_waiting(SkDb *db, char ret_id[SK_ID_SIZE], uint8_t ret_digest[SK_SHA256_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT id, digest FROM anchors WHERE state = 'waiting' ORDER BY created, id LIMIT 1",
		SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	read_hash(rows, 1, ret_digest);
	return sk_str_copy(ret_id, SK_ID_SIZE, sk_db_get_text(rows, 0)) ? 0 : -EUCLEAN;
}

int sk_anchor_stamped(const SkActor *actor, const char *id, const SkAnchorToken *token)
{
	int64_t changed = 0;
	int r = sk_db_exec(actor->db,
		"UPDATE anchors SET state = 'stamped', token = $1, stamped = $2, error = '' WHERE id = $3 "
		"AND state = "
		"'waiting'",
		SK_DB_ARGS(sk_db_bytes(token->der, token->size), sk_db_int(token->time), sk_db_text(id)),
		&changed);

	if (r < 0 || changed == 0)
		return r;
	return sk_actor_record(actor, &(SkFact){"heads.stamped", NULL, "anchor", id,
					      json_pack("{s:I}", "time", (json_int_t)token->time)});
}

int sk_anchor_failed(const SkActor *actor, const char *id, const char *error)
{
	return sk_db_exec(actor->db, "UPDATE anchors SET error = $1 WHERE id = $2 AND state = 'waiting'",
		SK_DB_ARGS(sk_db_text(error), sk_db_text(id)), NULL);
}

int sk_anchor_check(SkDb *db, const char *id)
{
	json_auto_t *row = NULL;
	const json_t *subject;
	uint8_t digest[SK_SHA256_SIZE], stored[SK_SHA256_SIZE];
	own_rows SkDbRows *rows = NULL;
	SkSha256 hash;
	int64_t count;
	int r = sk_db_query(
		db, "SELECT digest FROM anchors WHERE id = $1", SK_DB_ARGS(sk_db_text(id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	read_hash(rows, 0, stored);
	sk_db_rows_free(own_take(rows));
	r = sk_table_read(db, &sk_anchors_table, SK_SCOPE_ALL, id, &row);
	if (r < 0)
		return r;
	subject = json_object_get(row, "subject");
	sk_sha256_init(&hash);
	count = add_signed(db, &hash, json_integer_value(json_object_get(subject, "from")),
		json_integer_value(json_object_get(subject, "until")));
	r = count < 0 ? (int)count : add_instances(&hash, json_object_get(subject, "instances"));
	if (r < 0)
		return r;
	sk_sha256_final(&hash, digest);
	return memcmp(digest, stored, sizeof(digest)) == 0 ? 0 : -EBADMSG;
}
