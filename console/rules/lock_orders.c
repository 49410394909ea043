/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/lock_orders.h"

#include <errno.h>
#include <string.h>

#include "console/rules/tell.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
/* An order is handed out for so long. */
#define LIFE_MS INT64_C(60000)
/* By a PC's own clock it holds a little longer: that may be ahead of ours. */
#define CLOCK_MS INT64_C(300000)

static const SkColumn order_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"group_id", SK_COLUMN_TEXT, R, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R, NULL},
	{"reason", SK_COLUMN_TEXT, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"expires", SK_COLUMN_TIME, R, NULL},
};

const SkTable sk_lock_orders_table = {
	.name = "lock_orders", SK_COLUMNS(order_columns), .facility = "facility_id"};

static const SkColumn terminal_columns[] = {
	{"terminal_id", SK_COLUMN_TEXT, R | F | SK_COLUMN_SORT, NULL},
	{"order_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"name", SK_COLUMN_TEXT, R, NULL},
	{"expires", SK_COLUMN_TIME, R, NULL},
	{"outcome", SK_COLUMN_TEXT, R, NULL},
	{"answered", SK_COLUMN_TIME, R, NULL},
	{"took", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_lock_order_terminals_table = {.name = "lock_order_terminals",
	SK_COLUMNS(terminal_columns),
	.id = "terminal_id",
	.facility = "facility_id",
	.terminal = "terminal_id"};

/* Are the group or the PC that it names of its facility? */
static int check_whom(const SkActor *actor, const SkLockOrder *order)
{
	int64_t found = 0;
	int r;

	if (!sk_scope_has_facility(actor->scope, order->facility))
		return SK_NOT_FOUND;
	if (order->group && order->terminal)
		return SK_REQUEST_INVALID;
	if (!order->group && !order->terminal)
		return 0;
	r = sk_db_query_int(actor->db,
		order->group
			? "SELECT COUNT(*) FROM terminal_groups WHERE id = $1 AND facility_id = $2"
			: "SELECT COUNT(*) FROM terminals WHERE id = $1 AND facility_id = $2 AND state = "
			  "'enrolled'",
		SK_DB_ARGS(sk_db_text(order->group ? order->group : order->terminal),
			sk_db_text(order->facility)),
		&found);
	return r < 0 ? r : found > 0 ? 0 : SK_NOT_FOUND;
}

static int insert(const SkActor *actor, const SkLockOrder *order, const char *id)
{
	return sk_db_exec(actor->db,
		"INSERT INTO lock_orders (id, facility_id, group_id, terminal_id, reason, created, "
		"created_by, "
		"expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(order->facility), sk_db_text(order->group),
			sk_db_text(order->terminal), sk_db_text(order->reason), sk_db_int(actor->now),
			sk_db_text(actor->person), sk_db_int(actor->now + LIFE_MS)),
		NULL);
}

/* After their revisions were raised. */
static int insert_terminals(
	const SkActor *actor, const SkLockOrder *order, const char *id, int64_t *ret_count)
{
	return sk_db_exec(actor->db,
		"INSERT INTO lock_order_terminals (order_id, terminal_id, facility_id, name, serial, "
		"expires) "
		"SELECT $1, t.id, t.facility_id, t.name, r.revision, $2 FROM terminals t JOIN "
		"terminal_revisions r ON r.terminal_id = t.id WHERE t.facility_id = $3 AND t.state = "
		"'enrolled' AND t.group_id = COALESCE($4, t.group_id) AND t.id = COALESCE($5, t.id)",
		SK_DB_ARGS(sk_db_text(id), sk_db_int(actor->now + LIFE_MS), sk_db_text(order->facility),
			sk_db_text(order->group), sk_db_text(order->terminal)),
		ret_count);
}

int sk_lock_order(const SkActor *actor, const SkLockOrder *order, char ret_id[SK_ID_SIZE])
{
	const SkAudience audience = {.terminal = order->terminal,
		.group = order->group,
		.facility = order->group || order->terminal ? NULL : order->facility,
		.same = SK_SAME_GRANTS | SK_SAME_REVOCATIONS};
	int64_t terminals = 0;
	int r = check_whom(actor, order);

	if (r != 0)
		return r;
	sk_id_new(ret_id);
	r = insert(actor, order, ret_id);
	if (r == 0)
		r = sk_tell(actor, &audience);
	if (r == 0)
		r = insert_terminals(actor, order, ret_id, &terminals);
	if (r < 0)
		return r;
	return sk_actor_record(actor,
		&(SkFact){"lock.ordered", order->facility, "lock-order", ret_id,
			json_pack("{s:s, s:s*, s:s*, s:I}", "reason", order->reason, "group", order->group,
				"terminal", order->terminal, "terminals", (json_int_t)terminals)});
}

int sk_lock_order_read(SkDb *db, const char *terminal, json_t **ret_payload)
{
	own_rows SkDbRows *rows = NULL;
	int64_t until;
	int r = sk_db_query(db,
		"SELECT o.id, o.reason, p.name, o.created, o.expires, t.serial FROM lock_order_terminals t "
		"JOIN "
		"lock_orders o ON o.id = t.order_id JOIN people p ON p.id = o.created_by WHERE t.terminal_id "
		"= "
		"$1 AND t.outcome = 'waiting' AND t.expires > $2 ORDER BY t.serial DESC LIMIT 1",
		SK_DB_ARGS(sk_db_text(terminal), sk_db_int(sk_time_now())), &rows);

	*ret_payload = NULL;
	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	until = sk_db_get_int(rows, 4) + CLOCK_MS;
	*ret_payload = json_pack("{s:s, s:I, s:s, s:I, s:s, s:s, s:s, s:I}", "terminal", terminal, "serial",
		(json_int_t)sk_db_get_int(rows, 5), "command", "lock", "until", (json_int_t)until, "order",
		sk_db_get_text(rows, 0), "reason", sk_db_get_text(rows, 1), "by", sk_db_get_text(rows, 2),
		"at", (json_int_t)sk_db_get_int(rows, 3));
	return *ret_payload ? 0 : -ENOMEM;
}

int sk_lock_order_answer(const SkActor *actor, const json_t *answer)
{
	return sk_db_exec(actor->db,
		"UPDATE lock_order_terminals SET outcome = $3, answered = $4, took = $5 WHERE order_id = $1 "
		"AND "
		"terminal_id = $2 AND outcome = 'waiting'",
		SK_DB_ARGS(sk_db_text(sk_row_text(answer, "id")), sk_db_text(actor->terminal),
			sk_db_text(sk_row_text(answer, "outcome")), sk_db_int(actor->now),
			sk_db_int(json_integer_value(json_object_get(answer, "tookMs")))),
		NULL);
}

int sk_lock_order_judge(SkDb *db, json_t *row)
{
	int64_t expires = 0;

	if (!sk_str_eq(sk_row_text(row, "outcome"), "waiting"))
		return 0;
	if (sk_time_parse(sk_row_text(row, "expires"), &expires) < 0)
		return -EUCLEAN;
	return expires > sk_time_now()						     ? 0
	       : json_object_set_new(row, "outcome", json_string("not-reached")) < 0 ? -ENOMEM
										     : 0;
}
