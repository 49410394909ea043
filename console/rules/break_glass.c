/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/break_glass.h"

#include <errno.h>
#include <string.h>

#include "console/rules/tell.h"
#include "console/rules/terminals.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"
#include "lib/reason/reason.h"

#define DAY_MS INT64_C(86400000)

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R | F, NULL},
	{"group_id", SK_COLUMN_TEXT, R, NULL},
	{"code_hash", SK_COLUMN_BYTES, R | SK_COLUMN_SECRET, NULL},
	{"verifier", SK_COLUMN_BYTES, R | SK_COLUMN_SECRET, NULL},
	{"minutes", SK_COLUMN_INT, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"kept_by", SK_COLUMN_TEXT, R, NULL},
	{"expires", SK_COLUMN_TIME, R, NULL},
	{"used", SK_COLUMN_TIME, R, NULL},
	{"used_at", SK_COLUMN_TEXT, R, "usedAt"},
	{"user_name", SK_COLUMN_TEXT, R, NULL},
	{"reason", SK_COLUMN_TEXT, R, NULL},
	{"ended", SK_COLUMN_TIME, R, NULL},
	{"reviewed", SK_COLUMN_TIME, R | F, NULL},
	{"reviewed_by", SK_COLUMN_TEXT, R, NULL},
	{"finding", SK_COLUMN_TEXT, R, NULL},
	{"replaced_by", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_break_glass_table = {
	.name = "break_glass_codes", SK_COLUMNS(columns), .facility = "facility_id", .version = "version"};

static int record(const SkActor *actor, const json_t *row, const char *kind, json_t *body)
{
	return sk_actor_record(actor,
		&(SkFact){kind, sk_row_text(row, "facility"), "break-glass", sk_row_text(row, "id"), body});
}

static int tell_of(const SkActor *actor, const json_t *row)
{
	const char *terminal = sk_row_text(row, "terminal");

	return sk_tell(actor, &(SkAudience){.terminal = *terminal ? terminal : NULL,
				      .group = sk_row_text(row, "group"),
				      .same = SK_SAME_REVOCATIONS});
}

/* The facility of the terminal or group, in the scope. */
static int find_facility(const SkActor *actor, const SkBreakGlassOrder *order, char ret_facility[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		order->terminal ? "SELECT facility_id FROM terminals WHERE id = $1 AND state = 'enrolled'"
				: "SELECT facility_id FROM terminal_groups WHERE id = $1",
		SK_DB_ARGS(sk_db_text(order->terminal ? order->terminal : order->group)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	if (r == 0 || !sk_str_eq(sk_db_get_text(rows, 0), order->facility) ||
		!sk_scope_has_facility(actor->scope, order->facility))
		return SK_NOT_FOUND;
	sk_str_copy(ret_facility, SK_ID_SIZE, sk_db_get_text(rows, 0));
	return 0;
}

/* The used one knows what came into its envelope's place. */
static int replace(const SkActor *actor, const char *used, const char *id)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_break_glass_table, actor->scope, used, &row);

	if (r < 0)
		return r == -ENOENT ? SK_NOT_FOUND : r;
	if (!sk_str_eq(sk_row_text(row, "state"), "used"))
		return SK_CODE_OVER;
	return sk_table_update(actor->db, &sk_break_glass_table, actor->scope, &(SkRowKey){.id = used},
		&(SkWrite){SK_SETS({"replaced_by", sk_db_text(id)})});
}

static int insert(const SkActor *actor, const SkBreakGlassOrder *order, const char *facility, const char *id,
	const char *code)
{
	uint8_t hash[SK_SHA256_SIZE], verifier[SK_GLASS_VERIFIER_SIZE];
	char made[SK_ID_SIZE];

	sk_sha256(hash, code, strlen(code));
	sk_glass_verifier(id, code, verifier);
	return sk_table_insert(actor->db, &sk_break_glass_table, actor->scope,
		&(SkWrite){SK_SETS({"id", sk_db_text(id)}, {"facility_id", sk_db_text(facility)},
			{"terminal_id", sk_db_text(order->terminal)}, {"group_id", sk_db_text(order->group)},
			{"code_hash", sk_db_bytes(hash, sizeof(hash))},
			{"verifier", sk_db_bytes(verifier, sizeof(verifier))},
			{"minutes", sk_db_int(order->minutes)}, {"created", sk_db_int(actor->now)},
			{"created_by", sk_db_text(actor->person)}, {"kept_by", sk_db_text(order->kept_by)},
			{"expires", sk_db_int(actor->now + order->days * DAY_MS)})},
		made);
}

int sk_break_glass_create(const SkActor *actor, const SkBreakGlassOrder *order, char ret_id[SK_ID_SIZE],
	char ret_code[SK_GLASS_CODE_SIZE])
{
	char facility[SK_ID_SIZE], id[SK_ID_SIZE], code[SK_GLASS_CODE_SIZE];
	json_auto_t *row = NULL;
	int r = find_facility(actor, order, facility);

	if (r != 0)
		return r;
	sk_id_new(id);
	sk_glass_code_new(code);
	r = insert(actor, order, facility, id, code);
	if (r == 0 && order->replaces)
		r = replace(actor, order->replaces, id);
	if (r == 0)
		r = sk_table_read(actor->db, &sk_break_glass_table, actor->scope, id, &row);
	if (r == 0)
		r = tell_of(actor, row);
	if (r == 0)
		r = record(actor, row, "break-glass.made",
			json_pack("{s:s, s:I}", "keptBy", order->kept_by, "minutes",
				(json_int_t)order->minutes));
	if (r == 0) {
		sk_str_copy(ret_id, SK_ID_SIZE, id);
		sk_str_copy(ret_code, SK_GLASS_CODE_SIZE, code);
	}
	sk_secret_wipe(code, sizeof(code));
	return r;
}

int sk_break_glass_revoke(const SkActor *actor, const SkRowKey *key)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_break_glass_table, actor->scope, key->id, &row);

	if (r < 0)
		return r;
	if (!sk_str_eq(sk_row_text(row, "state"), "sealed"))
		return SK_CODE_OVER;
	r = sk_table_update(actor->db, &sk_break_glass_table, actor->scope, key,
		&(SkWrite){SK_SETS({"state", sk_db_text("revoked")})});
	if (r == 0)
		r = tell_of(actor, row);
	return r < 0 ? r : record(actor, row, "break-glass.revoked", json_object());
}

/* The code is of this terminal or of its group. */
static int read_own(const SkActor *actor, const char *id, json_t **ret_row)
{
	int64_t own = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM break_glass_codes b JOIN terminals t ON t.id = $2 AND (b.terminal_id = "
		"t.id OR "
		"b.group_id = t.group_id) WHERE b.id = $1",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(actor->terminal)), &own);

	if (r < 0 || own == 0)
		return r < 0 ? r : SK_NOT_FOUND;
	return sk_table_read(actor->db, &sk_break_glass_table, actor->scope, id, ret_row);
}

static int note_end(const SkActor *actor, const json_t *row, int64_t ended)
{
	int r;

	if (*sk_row_text(row, "ended") || ended == 0)
		return 0;
	r = sk_table_update(actor->db, &sk_break_glass_table, actor->scope,
		&(SkRowKey){.id = sk_row_text(row, "id")}, &(SkWrite){SK_SETS({"ended", sk_db_int(ended)})});
	return r < 0 ? r
		     : record(actor, row, "break-glass.ended", json_pack("{s:I}", "at", (json_int_t)ended));
}

/* A code of a group may be used at several PCs; the first one is in the row, each is a record. */
static int note_use(const SkActor *actor, const json_t *row, const SkBreakGlassUse *use)
{
	bool first = !*sk_row_text(row, "used");
	int r = first ? sk_table_update(actor->db, &sk_break_glass_table, actor->scope,
				&(SkRowKey){.id = use->id},
				&(SkWrite){
					SK_SETS({"state", sk_db_text("used")}, {"used", sk_db_int(use->at)},
						{"used_at", sk_db_text(actor->terminal)},
						{"user_name", sk_db_text(use->user)},
						{"reason", sk_db_text(use->reason)})})
		      : 0;

	if (r == 0 && first)
		r = tell_of(actor, row);
	if (r < 0)
		return r;
	return record(actor, row, first ? "break-glass.used" : "break-glass.used-again",
		json_pack("{s:s, s:s, s:s, s:I}", "terminal", actor->terminal, "user", use->user, "reason",
			use->reason, "at", (json_int_t)use->at));
}

int sk_break_glass_used(const SkActor *actor, const SkBreakGlassUse *use)
{
	json_auto_t *row = NULL;
	int r = read_own(actor, use->id, &row);

	if (r != 0)
		return r;
	return use->ended > 0 ? note_end(actor, row, use->ended) : note_use(actor, row, use);
}

int sk_break_glass_review(const SkActor *actor, const SkRowKey *key, const char *finding)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_break_glass_table, actor->scope, key->id, &row);

	if (r < 0)
		return r;
	if (!*sk_row_text(row, "used") || *sk_row_text(row, "reviewed"))
		return SK_CODE_OVER;
	if (sk_str_eq(sk_row_text(row, "createdBy"), actor->person ? actor->person : ""))
		return SK_NOT_BY_YOURSELF;
	r = sk_table_update(actor->db, &sk_break_glass_table, actor->scope, key,
		&(SkWrite){SK_SETS({"reviewed", sk_db_int(actor->now)},
			{"reviewed_by", sk_db_text(actor->person)}, {"finding", sk_db_text(finding)})});
	return r < 0 ? r : record(actor, row, "break-glass.reviewed", json_pack("{s:s}", "finding", finding));
}
