/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/manifests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/grants.h"
#include "console/rules/inspection.h"
#include "console/rules/requests.h"
#include "console/rules/sign_key.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"
#include "lib/slip/slip.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

/* Lines of one answer. */
#define LINES_MAX 500

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"medium_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"request_id", SK_COLUMN_TEXT, R | F, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R | F, NULL},
	{"kind", SK_COLUMN_TEXT, R | F, NULL},
	{"serial", SK_COLUMN_INT, R, NULL},
	{"opened", SK_COLUMN_TIME, R, NULL},
	{"closed", SK_COLUMN_TIME, R, NULL},
	{"received", SK_COLUMN_TIME, R, NULL},
	{"files", SK_COLUMN_INT, R, NULL},
	{"bytes", SK_COLUMN_INT, R, NULL},
	{"size", SK_COLUMN_INT, R, NULL},
	{"complete", SK_COLUMN_BOOL, R, NULL},
	{"reason", SK_COLUMN_TEXT, R, NULL},
	{"whole", SK_COLUMN_BOOL, R, NULL},
	{"result", SK_COLUMN_JSON, R, NULL},
	{"slip", SK_COLUMN_JSON, R | SK_COLUMN_LONG, NULL},
};

const SkTable sk_manifests_table = {.name = "manifests", SK_COLUMNS(columns), .facility = "facility_id"};

/* One that is being taken. */
typedef struct Taking {
	const SkManifestPart *part;
	SkSlip slip;
	char id[SK_ID_SIZE], facility[SK_ID_SIZE], request[SK_ID_SIZE];
	int64_t have; /* bytes of it that are here */
	bool known, whole;
	bool disc; /* it was burned: the grant was for this once */
} Taking;

static int open_slip(const SkActor *actor, Taking *taking)
{
	uint8_t key[SK_SIGN_PUBLIC_SIZE];
	int r = sk_sign_key_find(actor->db, actor->terminal, key);

	if (r == 0)
		r = sk_slip_open(taking->part->envelope, strlen(taking->part->envelope), key, &taking->slip);
	if (r == -ENOMEM || (r < 0 && r != -ENOENT && r != -EKEYREJECTED && r != -EBADMSG &&
				    r != -EPROTOTYPE && r != -E2BIG))
		return r;
	if (r < 0 || !sk_str_eq(taking->slip.terminal, actor->terminal) || taking->slip.serial == 0 ||
		(!sk_str_eq(taking->slip.kind, SK_SLIP_CARRY_OUT) &&
			!sk_str_eq(taking->slip.kind, SK_SLIP_RETURN)) ||
		taking->slip.manifest.size > SK_MANIFEST_MAX)
		return SK_SLIP_WRONG;
	return 0;
}

/* The terminal had this grant for this medium, however it has ended; what it is of tells the facility. */
static int find_ground(const SkActor *actor, Taking *taking)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT g.facility_id, g.request_id, r.kind FROM grants g JOIN media m ON m.id = g.medium_id "
		"LEFT JOIN requests r ON r.id = g.request_id JOIN terminals t ON "
		"t.id = $3 AND (g.terminal_id = t.id OR g.group_id = t.group_id) WHERE g.id = $1 AND "
		"g.medium_id = $2 AND "
		"COALESCE(m.luks_uuid, '') = $4 AND g.mode IN ('read', 'read-write') AND g.valid_from <= $5",
		SK_DB_ARGS(sk_db_text(taking->slip.grant), sk_db_text(taking->slip.medium),
			sk_db_text(actor->terminal), sk_db_text(taking->slip.uuid), sk_db_int(actor->now)),
		&rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : SK_SLIP_WRONG;
	sk_str_copy(taking->facility, sizeof(taking->facility), sk_db_get_text(rows, 0));
	if (!sk_db_is_null(rows, 1))
		sk_str_copy(taking->request, sizeof(taking->request), sk_db_get_text(rows, 1));
	taking->disc = !sk_db_is_null(rows, 2) && sk_str_eq(sk_db_get_text(rows, 2), SK_REQUEST_KIND_OPTICAL);
	return 0;
}

/* Has a part of it come before? Return: 0, SK_SLIP_WRONG another one has its serial or a later one, or
 * negative. */
static int find_known(const SkActor *actor, Taking *taking)
{
	own_rows SkDbRows *rows = NULL;
	const void *digest;
	size_t size = 0;
	int r = sk_db_query(actor->db,
		"SELECT id, serial, digest, medium_id, whole, (SELECT COALESCE(sum(length(content)), 0) FROM "
		"manifest_parts "
		"WHERE manifest_id = manifests.id), size FROM manifests WHERE terminal_id = $1 AND serial >= "
		"$2 ORDER BY "
		"serial LIMIT 1",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_int((int64_t)taking->slip.serial)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	digest = sk_db_get_bytes(rows, 2, &size);
	if (sk_db_get_int(rows, 1) != (int64_t)taking->slip.serial || size != SK_SHA256_SIZE ||
		memcmp(digest, taking->slip.manifest.sha256, size) != 0 ||
		!sk_str_eq(sk_db_get_text(rows, 3), taking->slip.medium))
		return SK_SLIP_WRONG;
	sk_str_copy(taking->id, sizeof(taking->id), sk_db_get_text(rows, 0));
	taking->known = true;
	taking->whole = sk_db_get_int(rows, 4);
	taking->have = sk_db_get_int(rows, 5);
	return 0;
}

static int insert(const SkActor *actor, Taking *taking)
{
	const SkSlip *slip = &taking->slip;
	SkDbValue request = taking->request[0] ? sk_db_text(taking->request) : sk_db_null();

	sk_id_new(taking->id);
	return sk_db_exec(actor->db,
		"INSERT INTO manifests (id, medium_id, facility_id, request_id, terminal_id, kind, opened, "
		"closed, files, "
		"bytes, digest, serial, size, complete, reason, slip, received) VALUES ($1, $2, $3, $4, $5, "
		"$6, $7, $8, $9, "
		"$10, $11, $12, $13, $14, $15, $16, $17)",
		SK_DB_ARGS(sk_db_text(taking->id), sk_db_text(slip->medium), sk_db_text(taking->facility),
			request, sk_db_text(actor->terminal), sk_db_text(slip->kind), sk_db_int(slip->opened),
			sk_db_int(slip->closed), sk_db_int((int64_t)slip->files),
			sk_db_int((int64_t)slip->bytes), sk_db_bytes(slip->manifest.sha256, SK_SHA256_SIZE),
			sk_db_int((int64_t)slip->serial), sk_db_int((int64_t)slip->manifest.size),
			sk_db_int(slip->complete), sk_db_text(slip->reason),
			sk_db_text(taking->part->envelope), sk_db_int(actor->now)),
		NULL);
}

/* What the lines say, counted. */
typedef struct Counts {
	uint64_t changes[SK_SLIP_CHANGE_MAX_], verdicts[SK_SLIP_VERDICT_MAX_], lines;
	SkSha256 hash;
	char *rest; /* a line that goes on in the next part */
	size_t rest_size;
	bool wrong;
} Counts;

static void count_line(Counts *counts, const char *line, size_t size)
{
	SkSlipFile file;

	if (sk_slip_line_parse(line, size, &file) < 0) {
		counts->wrong = true;
		return;
	}
	counts->changes[file.change]++;
	if (file.change != SK_SLIP_DELETED)
		counts->verdicts[file.verdict]++;
	counts->lines++;
	sk_slip_file_deinit(&file);
}

static int count_part(Counts *counts, const char *content, size_t size)
{
	sk_sha256_update(&counts->hash, content, size);
	while (size > 0 && !counts->wrong) {
		const char *end = memchr(content, '\n', size);
		size_t length = end ? (size_t)(end - content) : size;
		char *joined = realloc(counts->rest, counts->rest_size + length + 1);

		if (!joined)
			return -ENOMEM;
		counts->rest = joined;
		memcpy(joined + counts->rest_size, content, length);
		counts->rest_size += length;
		counts->wrong = counts->rest_size > SK_SLIP_LINE_MAX;
		if (!end)
			return 0;
		count_line(counts, joined, counts->rest_size);
		counts->rest_size = 0;
		content = end + 1;
		size -= length + 1;
	}
	return 0;
}

static int count_all(const SkActor *actor, const char *id, Counts *counts)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT content FROM manifest_parts WHERE manifest_id = $1 ORDER BY place",
		SK_DB_ARGS(sk_db_text(id)), &rows);

	sk_sha256_init(&counts->hash);
	while (r == 0 && (r = sk_db_next(rows)) > 0) {
		size_t size = 0;
		const void *content = sk_db_get_bytes(rows, 0, &size);

		r = count_part(counts, content, size);
	}
	return r;
}

static json_t *counts_json(const Counts *counts)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "same",
		(json_int_t)counts->changes[SK_SLIP_SAME], "new", (json_int_t)counts->changes[SK_SLIP_NEW],
		"changed", (json_int_t)counts->changes[SK_SLIP_CHANGED], "renamed",
		(json_int_t)counts->changes[SK_SLIP_RENAMED], "deleted",
		(json_int_t)counts->changes[SK_SLIP_DELETED], "clean",
		(json_int_t)counts->verdicts[SK_SLIP_CLEAN], "infected",
		(json_int_t)counts->verdicts[SK_SLIP_INFECTED], "refused",
		(json_int_t)counts->verdicts[SK_SLIP_REFUSED], "unchecked",
		(json_int_t)counts->verdicts[SK_SLIP_UNCHECKED]);
}

/* What people are shown of it: what the lines say, and of one that came back what is the same. */
static int make_result(const SkActor *actor, const Taking *taking, const Counts *counts, json_t **ret_result)
{
	json_auto_t *result = counts_json(counts), *compared = NULL;
	int r = result ? 0 : -ENOMEM;

	if (r == 0 && sk_str_eq(taking->slip.kind, SK_SLIP_RETURN)) {
		r = sk_inspection_compare(actor, taking->slip.medium, taking->id, &compared);
		if (r == 0 && json_object_update(result, compared) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		*ret_result = json_incref(result);
	return r;
}

static int keep_result(const SkActor *actor, const Taking *taking, json_t *result)
{
	own_free char *text = json_dumps(result, JSON_COMPACT);
	int r = text ? sk_db_exec(actor->db, "UPDATE manifests SET whole = 1, result = $2 WHERE id = $1",
			       SK_DB_ARGS(sk_db_text(taking->id), sk_db_text(text)), NULL)
		     : -ENOMEM;

	if (r < 0)
		return r;
	json_object_set_new(result, "manifest", json_string(taking->id));
	json_object_set_new(result, "kind", json_string(taking->slip.kind));
	json_object_set_new(result, "complete", json_boolean(taking->slip.complete));
	return sk_actor_record(actor, &(SkFact){"medium.manifest", taking->facility, "medium",
					      taking->slip.medium, json_incref(result)});
}

/* Nothing is burned under it again, also where its terminal should forget. */
static int end_grant(const SkActor *actor, const Taking *taking)
{
	int r = sk_grant_end(
		actor, taking->slip.grant, "ended", taking->slip.complete ? "burned" : "spoiled");

	return r == SK_GRANT_ENDED ? 0 : r;
}

/* The last part is here: is it the list that was signed for? */
static int finish(const SkActor *actor, const Taking *taking)
{
	uint8_t digest[SK_SHA256_SIZE];
	Counts counts = {.lines = 0};
	json_auto_t *result = NULL;
	int r = count_all(actor, taking->id, &counts);

	free(counts.rest);
	sk_sha256_final(&counts.hash, digest);
	if (r < 0)
		return r;
	if (counts.wrong || counts.rest_size > 0 ||
		memcmp(digest, taking->slip.manifest.sha256, sizeof(digest)) != 0 ||
		counts.lines - counts.changes[SK_SLIP_DELETED] != taking->slip.files)
		return SK_SLIP_WRONG;
	r = make_result(actor, taking, &counts, &result);
	if (r == 0)
		r = keep_result(actor, taking, result);
	return r < 0 || !taking->disc ? r : end_grant(actor, taking);
}

int sk_manifest_take(const SkActor *actor, const SkManifestPart *part)
{
	Taking taking = {.part = part};
	int64_t end = part->place + (int64_t)part->size;
	int r = open_slip(actor, &taking);

	if (r == 0)
		r = find_ground(actor, &taking);
	if (r == 0)
		r = find_known(actor, &taking);
	if (r != 0)
		return r;
	if (part->place < 0 || part->size > SK_MANIFEST_PART_MAX || end > (int64_t)taking.slip.manifest.size)
		return SK_SLIP_WRONG;
	/* The answer to it may have been lost. */
	if (taking.known && (taking.whole || end <= taking.have) && (part->size > 0 || taking.whole))
		return 0;
	if (part->place != taking.have)
		return SK_SLIP_WRONG;
	if (!taking.known)
		r = insert(actor, &taking);
	if (r == 0 && part->size > 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO manifest_parts (manifest_id, place, content) VALUES ($1, $2, $3)",
			SK_DB_ARGS(sk_db_text(taking.id), sk_db_int(part->place),
				sk_db_bytes(part->content, part->size)),
			NULL);
	if (r < 0 || end < (int64_t)taking.slip.manifest.size)
		return r;
	return finish(actor, &taking);
}

/* Takes whole lines out of text. Return: how many bytes they are, or negative errno. */
static int64_t take_lines(const char *text, size_t size, json_t *lines)
{
	size_t done = 0;

	while (json_array_size(lines) < LINES_MAX) {
		const char *end = memchr(text + done, '\n', size - done);
		json_t *line = end ? json_loadb(text + done, (size_t)(end - text) - done, 0, NULL) : NULL;

		if (!end)
			break;
		if (!line || json_array_append_new(lines, line) < 0)
			return line ? -ENOMEM : -EINVAL;
		done = (size_t)(end - text) + 1;
	}
	return (int64_t)done;
}

/* The parts from the one that place is in on, as much as may be needed. */
static int load_from(SkDb *db, const char *id, int64_t place, FILE *out)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT place, content FROM manifest_parts WHERE manifest_id = $1 AND place + "
		"length(content) > $2 ORDER BY "
		"place LIMIT 2",
		SK_DB_ARGS(sk_db_text(id), sk_db_int(place)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) > 0) {
		int64_t begin = sk_db_get_int(rows, 0);
		size_t size = 0, skip;
		const char *content = sk_db_get_bytes(rows, 1, &size);

		skip = place > begin ? (size_t)(place - begin) : 0;
		fwrite(content + skip, 1, size - skip, out);
		r = 0;
	}
	return r;
}

int sk_manifest_read(
	SkDb *db, const SkScope *scope, const char *id, int64_t place, SkManifestLines *ret_lines)
{
	json_auto_t *row = NULL, *lines = json_array();
	own_free char *text = NULL;
	size_t size = 0;
	int64_t total, done;
	int r = sk_table_read(db, &sk_manifests_table, scope, id, &row);
	FILE *out = r < 0 ? NULL : open_memstream(&text, &size);

	if (!out || !lines)
		return r < 0 ? r : -ENOMEM;
	total = json_integer_value(json_object_get(row, "size"));
	r = load_from(db, id, place, out);
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	done = r < 0 ? r : take_lines(text, size, lines);
	if (done < 0)
		return (int)done;
	*ret_lines =
		(SkManifestLines){json_incref(lines), place + done < total && done > 0 ? place + done : -1};
	return 0;
}
