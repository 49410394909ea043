/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/recovery.h"

#include <errno.h>

#include "console/rules/ledger.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"medium_id", SK_COLUMN_TEXT, R | F, NULL},
	{"reason", SK_COLUMN_TEXT, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"first_person_id", SK_COLUMN_TEXT, R, "askedBy"},
	{"asked", SK_COLUMN_TIME, R | SK_COLUMN_SORT, NULL},
	{"second_person_id", SK_COLUMN_TEXT, R, "decidedBy"},
	{"decided", SK_COLUMN_TIME, R, NULL},
	{"opened", SK_COLUMN_TIME, R, "taken"},
	{"replaced", SK_COLUMN_TIME, R, NULL},
	{"expires", SK_COLUMN_TIME, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_recoveries_table = {
	.name = "escrow_openings", SK_COLUMNS(columns), .facility = "facility_id", .version = "version"};

/* One record of a step, by the row as it is now. */
static int record(const SkActor *actor, const char *kind, const json_t *row)
{
	return sk_actor_record(
		actor, &(SkFact){kind, sk_row_text(row, "facility"), "medium", sk_row_text(row, "medium"),
			       json_pack("{s:s, s:s, s:s, s:s}", "recovery", sk_row_text(row, "id"),
				       "askedBy", sk_row_text(row, "askedBy"), "decidedBy",
				       sk_row_text(row, "decidedBy"), "reason", sk_row_text(row, "reason"))});
}

static int record_now(const SkActor *actor, const char *kind, const char *id)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_recoveries_table, SK_SCOPE_ALL, id, &row);

	return r < 0 ? r : record(actor, kind, row);
}

/* Of the scope, and neither lost nor revoked: who has it in their hands then is not known. Return: 0,
 * SK_NOT_FOUND, SK_MEDIUM_FROZEN, negative errno. */
static int check_medium(const SkActor *actor, const char *medium, const char *facility)
{
	json_auto_t *row = NULL;
	int state, r = sk_table_read(actor->db, &sk_media_table, actor->scope, medium, &row);

	if (r < 0)
		return r == -ENOENT ? SK_NOT_FOUND : r;
	if (!sk_str_eq(sk_row_text(row, "facility"), facility))
		return SK_NOT_FOUND;
	state = sk_medium_state_parse(sk_row_text(row, "state"));
	return state < 0 || state == SK_MEDIUM_LOST || state == SK_MEDIUM_REVOKED ? SK_MEDIUM_FROZEN : 0;
}

int sk_recovery_ask(const SkActor *actor, const SkRecoveryOrder *order, char ret_id[SK_ID_SIZE])
{
	int r = check_medium(actor, order->medium, order->facility);

	if (r != 0)
		return r;
	r = sk_escrow_ask(actor->db, order->medium, actor->person, order->reason, ret_id);
	if (r < 0)
		return r == -ENOENT ? SK_ESCROW_NONE : r;
	return record_now(actor, "recovery.asked", ret_id);
}

static int refusal_of(int r)
{
	switch (r) {
	case -ENOENT:
	case -ETIME:
		return SK_RECOVERY_NOT_NOW;
	case -EPERM:
		return SK_RECOVERY_NOT_BY_YOU;
	case -EKEYREVOKED:
		return SK_KEY_DESTROYED;
	default:
		return r;
	}
}

int sk_recovery_decide(const SkActor *actor, const char *id, bool approve)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_recoveries_table, actor->scope, id, &row);

	if (r == 0)
		r = check_medium(actor, sk_row_text(row, "medium"), sk_row_text(row, "facility"));
	if (r != 0)
		return r;
	r = sk_escrow_decide(actor->db, id, actor->person, approve);
	return r < 0 ? refusal_of(r)
		     : record_now(actor, approve ? "recovery.approved" : "recovery.refused", id);
}

/* What the box was sealed to when it came. */
static int find_recovery_key(const SkActor *actor, const char *id, char ret_key[64])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT e.recovery_key FROM escrow_openings o JOIN escrows e ON e.id = o.escrow_id WHERE "
		"o.id = "
		"$1",
		SK_DB_ARGS(sk_db_text(id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_str_copy(ret_key, 64, sk_db_get_text(rows, 0)) ? 0 : -EBADMSG;
}

int sk_recovery_take(const SkActor *actor, SkVault *vault, const char *id, SkRecovered *ret_recovered)
{
	json_auto_t *row = NULL;
	own_secret SkSecret *box = NULL;
	int r = sk_table_read(actor->db, &sk_recoveries_table, actor->scope, id, &row);

	if (r == 0)
		r = check_medium(actor, sk_row_text(row, "medium"), sk_row_text(row, "facility"));
	if (r != 0)
		return r;
	r = sk_escrow_take(actor->db, vault, id, actor->person, &box);
	if (r < 0)
		return refusal_of(r);
	r = find_recovery_key(actor, id, ret_recovered->recovery_key);
	if (r == 0)
		r = record(actor, "recovery.taken", row);
	if (r < 0)
		return r;
	sk_str_copy(ret_recovered->medium, sizeof(ret_recovered->medium), sk_row_text(row, "medium"));
	/* A transaction may run again. */
	sk_secret_free(ret_recovered->box);
	ret_recovered->box = own_take(box);
	return 0;
}

void sk_recovered_deinit(SkRecovered *recovered)
{
	sk_secret_free(recovered->box);
	recovered->box = NULL;
}

int sk_recovery_expire(const SkActor *actor, int64_t *ret_count)
{
	int r = sk_db_exec(actor->db,
		"UPDATE escrow_openings SET state = 'expired', version = version + 1 WHERE state IN "
		"('waiting', 'approved') AND expires <= $1",
		SK_DB_ARGS(sk_db_int(actor->now)), ret_count);

	if (r < 0 || *ret_count == 0)
		return r;
	r = sk_actor_record(actor, &(SkFact){"recovery.expired", NULL, "console", "time",
					   json_pack("{s:I}", "count", (json_int_t)*ret_count)});
	*ret_count = 0; /* all of them */
	return r;
}

int sk_recovery_replaced(const SkActor *actor, const char *medium)
{
	int64_t over = 0, expired = 0;
	int r = sk_db_exec(actor->db,
		"UPDATE escrow_openings SET replaced = $2, version = version + 1 WHERE medium_id = $1 AND "
		"state = 'opened' AND replaced IS NULL",
		SK_DB_ARGS(sk_db_text(medium), sk_db_int(actor->now)), &over);

	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE escrow_openings SET state = 'expired', version = version + 1 WHERE medium_id "
			"= $1 AND state IN ('waiting', 'approved')",
			SK_DB_ARGS(sk_db_text(medium)), &expired);
	return r < 0 ? r : over > 0;
}
