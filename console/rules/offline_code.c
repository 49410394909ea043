/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/offline_code.h"

#include <errno.h>
#include <string.h>

#include "console/rules/ledger.h"
#include "console/rules/seal_key.h"
#include "console/rules/tell.h"
#include "console/rules/terminals.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/reason/reason.h"

#define HOUR_MS INT64_C(3600000)
#define COUNTERS (SK_OFFLINE_COUNTER_MAX + 1)

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R | F, NULL},
	{"medium_id", SK_COLUMN_TEXT, R | F, NULL},
	{"user_name", SK_COLUMN_TEXT, R, NULL},
	{"action", SK_COLUMN_TEXT, R, NULL},
	{"counter", SK_COLUMN_INT, R | SK_COLUMN_SECRET, NULL},
	{"code_hash", SK_COLUMN_BYTES, R | SK_COLUMN_SECRET, NULL},
	{"valid_from", SK_COLUMN_TIME, R, NULL},
	{"valid_until", SK_COLUMN_TIME, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"reason", SK_COLUMN_TEXT, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"used", SK_COLUMN_TIME, R, NULL},
	{"revoked", SK_COLUMN_TIME, R, NULL},
	{"revoked_by", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_offline_codes_table = {
	.name = "offline_codes", SK_COLUMNS(columns), .facility = "facility_id", .version = "version"};

/* Terminal and medium are there, of one facility, and usable. */
static int check_order(const SkActor *actor, const SkOfflineOrder *order, char ret_facility[SK_ID_SIZE])
{
	json_auto_t *terminal = NULL, *medium = NULL;
	int state,
		r = sk_table_read(actor->db, &sk_terminals_table, actor->scope, order->terminal, &terminal);

	if (r == 0)
		r = sk_table_read(actor->db, &sk_media_table, actor->scope, order->medium, &medium);
	if (r < 0)
		return r == -ENOENT ? SK_NOT_FOUND : r;
	if (!sk_str_eq(sk_row_text(terminal, "facility"), order->facility) ||
		!sk_str_eq(sk_row_text(medium, "facility"), order->facility) ||
		!sk_str_eq(sk_row_text(terminal, "state"), "enrolled"))
		return SK_NOT_FOUND;
	state = sk_medium_state_parse(sk_row_text(medium, "state"));
	if (state < 0 || sk_medium_state_is_refused((SkMediumState)state) ||
		sk_medium_state_is_final((SkMediumState)state))
		return SK_MEDIUM_FROZEN;
	sk_str_copy(ret_facility, SK_ID_SIZE, sk_row_text(terminal, "facility"));
	return 0;
}

/* The shortest window that is long enough. */
static unsigned length_of(int64_t hours)
{
	unsigned index = 0;

	while (index + 1 < SK_OFFLINE_LENGTHS && sk_offline_hours(index) < hours)
		index++;
	return index;
}

typedef struct Made {
	char id[SK_ID_SIZE], facility[SK_ID_SIZE], text[SK_OFFLINE_CODE_SIZE];
	SkOfflineCode code;
	int64_t counter; /* of the terminal, without an end */
} Made;

static int make(const SkActor *actor, SkSecret *console_secret, const SkOfflineOrder *order, Made *made)
{
	const SkOfflineBinding binding = {order->terminal, order->medium, order->user, order->action};
	uint8_t secret[SK_OFFLINE_SECRET_SIZE];
	int r = sk_offline_secret(actor->db, console_secret, order->terminal, secret);

	if (r == -ENOENT)
		return SK_TERMINAL_NOT_SEALED;
	if (r == 0)
		r = sk_db_query_int(actor->db,
			"SELECT COALESCE(MAX(counter), 0) + 1 FROM offline_codes WHERE terminal_id = $1",
			SK_DB_ARGS(sk_db_text(order->terminal)), &made->counter);
	if (r < 0)
		return r;
	made->code = (SkOfflineCode){.counter = (unsigned)(made->counter % COUNTERS),
		.length_index = length_of(order->hours),
		.start_hour = actor->now / HOUR_MS};
	r = sk_offline_code_format(secret, &binding, &made->code, made->text);
	sk_secret_wipe(secret, sizeof(secret));
	return r;
}

static int insert(const SkActor *actor, const SkOfflineOrder *order, Made *made)
{
	int64_t from = made->code.start_hour * HOUR_MS,
		until = from + sk_offline_hours(made->code.length_index) * HOUR_MS;
	uint8_t hash[SK_SHA256_SIZE];
	int r;

	sk_sha256(hash, made->text, strlen(made->text));
	r = sk_table_insert(actor->db, &sk_offline_codes_table, actor->scope,
		&(SkWrite){SK_SETS({"facility_id", sk_db_text(made->facility)},
			{"terminal_id", sk_db_text(order->terminal)},
			{"medium_id", sk_db_text(order->medium)}, {"user_name", sk_db_text(order->user)},
			{"action", sk_db_text(order->action)}, {"counter", sk_db_int(made->counter)},
			{"code_hash", sk_db_bytes(hash, sizeof(hash))}, {"valid_from", sk_db_int(from)},
			{"valid_until", sk_db_int(until)}, {"reason", sk_db_text(order->reason)},
			{"created", sk_db_int(actor->now)}, {"created_by", sk_db_text(actor->person)})},
		made->id);
	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"offline-code.issued", made->facility, "medium", order->medium,
			       json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "code", made->id, "terminal",
				       order->terminal, "user", order->user, "action", order->action,
				       "reason", order->reason, "until", (json_int_t)until)});
}

int sk_offline_code_issue(const SkActor *actor, SkSecret *console_secret, const SkOfflineOrder *order,
	char ret_id[SK_ID_SIZE], char ret_code[SK_OFFLINE_CODE_SIZE])
{
	Made made = {.counter = 0};
	int r = check_order(actor, order, made.facility);

	if (r == 0)
		r = make(actor, console_secret, order, &made);
	if (r == 0)
		r = insert(actor, order, &made);
	if (r == 0) {
		sk_str_copy(ret_id, SK_ID_SIZE, made.id);
		sk_str_copy(ret_code, SK_OFFLINE_CODE_SIZE, made.text);
	}
	sk_secret_wipe(&made, sizeof(made));
	return r;
}

int sk_offline_code_revoke(const SkActor *actor, const SkRowKey *key)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_offline_codes_table, actor->scope, key->id, &row);

	if (r < 0)
		return r;
	if (!sk_str_eq(sk_row_text(row, "state"), "issued"))
		return SK_CODE_OVER;
	r = sk_table_update(actor->db, &sk_offline_codes_table, actor->scope, key,
		&(SkWrite){SK_SETS({"state", sk_db_text("revoked")}, {"revoked", sk_db_int(actor->now)},
			{"revoked_by", sk_db_text(actor->person)})});
	if (r == 0)
		r = sk_tell(actor,
			&(SkAudience){.terminal = sk_row_text(row, "terminal"), .same = SK_SAME_GRANTS});
	return r < 0 ? r
		     : sk_actor_record(actor,
			       &(SkFact){"offline-code.revoked", sk_row_text(row, "facility"), "medium",
				       sk_row_text(row, "medium"), json_pack("{s:s}", "code", key->id)});
}

/* The row of a code that fits all that was told. Return: 0, -ENOENT, others. */
static int find_used(const SkActor *actor, const SkOfflineUse *use, json_t **ret_row)
{
	own_rows SkDbRows *rows = NULL;
	char id[SK_ID_SIZE];
	int r = sk_db_query(actor->db,
		"SELECT id FROM offline_codes WHERE terminal_id = $1 AND counter % 4096 = $2 AND valid_from "
		"= $3 AND "
		"medium_id = $4 AND user_name = $5 AND action = $6",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_int(use->counter),
			sk_db_int(use->start_hour * HOUR_MS), sk_db_text(use->medium), sk_db_text(use->user),
			sk_db_text(use->action)),
		&rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	sk_str_copy(id, sizeof(id), sk_db_get_text(rows, 0));
	return sk_table_read(actor->db, &sk_offline_codes_table, actor->scope, id, ret_row);
}

static int record_use(const SkActor *actor, const SkOfflineUse *use, const char *kind, const json_t *row)
{
	json_auto_t *terminal = NULL;
	int r = sk_table_read(actor->db, &sk_terminals_table, actor->scope, actor->terminal, &terminal);

	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){kind, sk_row_text(terminal, "facility"), "terminal", actor->terminal,
			       json_pack("{s:s, s:s, s:s, s:s, s:I}", "code",
				       row ? sk_row_text(row, "id") : "", "medium", use->medium, "user",
				       use->user, "action", use->action, "at", (json_int_t)use->at)});
}

int sk_offline_code_used(const SkActor *actor, const SkOfflineUse *use, bool *ret_unknown)
{
	json_auto_t *row = NULL;
	const char *state;
	int r = find_used(actor, use, &row);

	*ret_unknown = r == -ENOENT;
	/* Somebody who is not this console has the secret of the terminal. */
	if (r == -ENOENT)
		return record_use(actor, use, "offline-code.unknown", NULL);
	if (r < 0)
		return r;
	state = sk_row_text(row, "state");
	if (sk_str_eq(state, "used") || *sk_row_text(row, "used"))
		return 0;
	/* One that was taken back stays so: that it was used nevertheless is what people have to see. */
	r = sk_table_update(actor->db, &sk_offline_codes_table, actor->scope,
		&(SkRowKey){.id = sk_row_text(row, "id")},
		&(SkWrite){SK_SETS({"state", sk_db_text(sk_str_eq(state, "revoked") ? "revoked" : "used")},
			{"used", sk_db_int(use->at)})});
	return r < 0 ? r
		     : record_use(actor, use,
			       sk_str_eq(state, "revoked") ? "offline-code.used-after-revocation"
							   : "offline-code.used",
			       row);
}
