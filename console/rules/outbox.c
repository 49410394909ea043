/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/outbox.h"

#include <errno.h>
#include <string.h>

#include "console/rules/alerts.h"
#include "console/rules/backoff.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define FIRST_MS INT64_C(30000)
#define LONGEST_MS INT64_C(14400000)

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"kind", SK_COLUMN_TEXT, R, NULL},
	{"target", SK_COLUMN_TEXT, R, NULL},
	{"subject", SK_COLUMN_TEXT, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"attempts", SK_COLUMN_INT, R, NULL},
	{"next_attempt", SK_COLUMN_TIME, R, NULL},
	{"error", SK_COLUMN_TEXT, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"sent", SK_COLUMN_TIME, R, NULL},
};

const SkTable sk_outbox_table = {.name = "outbox", SK_COLUMNS(columns), .facility = "facility_id"};

int sk_outbox_add(const SkActor *actor, const SkOutboxMessage *message)
{
	char id[SK_ID_SIZE];

	sk_id_new(id);
	return sk_db_exec(actor->db,
		"INSERT INTO outbox (id, facility_id, kind, target, matter, subject, body, language, "
		"next_attempt, created) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT DO NOTHING",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(message->facility), sk_db_text(message->kind),
			sk_db_text(message->target), sk_db_text(message->matter),
			sk_db_text(message->subject), sk_db_text(message->body),
			sk_db_text(message->language), sk_db_int(actor->now)),
		NULL);
}

void sk_outbox_item_deinit(SkOutboxItem *item)
{
	free(item->kind);
	free(item->target);
	free(item->subject);
	free(item->body);
	free(item->language);
	*item = (SkOutboxItem){.attempts = 0};
}

static int read_item(SkDb *db, const char *id, SkOutboxItem *ret_item)
{
	own_rows SkDbRows *rows = NULL;
	SkOutboxItem item = {.attempts = 0};
	char **const texts[] = {&item.kind, &item.target, &item.subject, &item.body, &item.language};
	const char *facility;
	int r = sk_db_query(db,
		"SELECT kind, target, subject, body, language, facility_id, attempts, created FROM outbox "
		"WHERE id = $1",
		SK_DB_ARGS(sk_db_text(id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++) {
		*texts[i] = strdup(sk_db_get_text(rows, i));
		if (!*texts[i]) {
			sk_outbox_item_deinit(&item);
			return -ENOMEM;
		}
	}
	facility = sk_db_get_text(rows, 5);
	sk_str_copy(item.facility, sizeof(item.facility), facility ? facility : "");
	sk_str_copy(item.id, sizeof(item.id), id);
	item.attempts = sk_db_get_int(rows, 6);
	item.created = sk_db_get_int(rows, 7);
	*ret_item = item;
	return 0;
}

static int find_due(SkDb *db, int64_t now, char ret_id[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT id FROM outbox WHERE state = 'waiting' AND next_attempt <= $1 AND held_until <= $1 "
		"ORDER BY next_attempt, id LIMIT 1",
		SK_DB_ARGS(sk_db_int(now)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_str_copy(ret_id, SK_ID_SIZE, sk_db_get_text(rows, 0)) ? 0 : -EUCLEAN;
}

int sk_outbox_take(SkDb *db, const char *instance, int64_t now, int64_t until, SkOutboxItem *ret_item)
{
	for (;;) {
		char id[SK_ID_SIZE];
		int64_t changed = 0;
		int r = find_due(db, now, id);

		if (r == 0)
			r = sk_db_exec(db,
				"UPDATE outbox SET held_until = $1, held_by = $2 WHERE id = $3 AND state = "
				"'waiting' AND held_until <= $4",
				SK_DB_ARGS(sk_db_int(until), sk_db_text(instance), sk_db_text(id),
					sk_db_int(now)),
				&changed);
		if (r < 0)
			return r;
		/* Else another process was faster. */
		if (changed > 0)
			return read_item(db, id, ret_item);
	}
}

int sk_outbox_release(SkDb *db, const SkOutboxItem *item)
{
	return sk_db_exec(
		db, "UPDATE outbox SET held_until = 0 WHERE id = $1", SK_DB_ARGS(sk_db_text(item->id)), NULL);
}

int sk_outbox_sent(const SkActor *actor, const SkOutboxItem *item)
{
	int r = sk_db_exec(actor->db,
		"UPDATE outbox SET state = 'sent', sent = $1, held_until = 0, attempts = attempts + 1, error "
		"= '' WHERE id = $2",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(item->id)), NULL);

	if (r < 0)
		return r;
	/* What could not be reached can be reached again. */
	return sk_alert_settle(actor, "message-given-up", item->kind, item->target);
}

static int give_up(const SkActor *actor, const SkOutboxItem *item, const SkOutboxFailure *failure)
{
	const char *facility = item->facility[0] ? item->facility : NULL;
	int r = sk_db_exec(actor->db,
		"UPDATE outbox SET state = 'given-up', held_until = 0, attempts = attempts + 1, error = $1 "
		"WHERE id = $2",
		SK_DB_ARGS(sk_db_text(failure->error), sk_db_text(item->id)), NULL);

	if (r == 0)
		r = sk_actor_record(actor, &(SkFact){"message.given-up", facility, "message", item->id,
						   json_pack("{s:s, s:s, s:s}", "kind", item->kind, "target",
							   item->target, "error", failure->error)});
	if (r < 0 || failure->silent)
		return r;
	return sk_alert_raise(actor, &(SkAlertMatter){.kind = "message-given-up",
					     .facility = facility,
					     .subject_kind = item->kind,
					     .subject = item->target,
					     .details = json_pack("{s:s, s:s, s:s}", "target", item->target,
						     "title", item->subject, "error", failure->error)});
}

int sk_outbox_failed(const SkActor *actor, const SkOutboxItem *item, const SkOutboxFailure *failure)
{
	if (failure->for_good || item->attempts + 1 >= SK_OUTBOX_ATTEMPTS)
		return give_up(actor, item, failure);
	return sk_db_exec(actor->db,
		"UPDATE outbox SET attempts = attempts + 1, held_until = 0, next_attempt = $1, error = $2 "
		"WHERE id = $3",
		SK_DB_ARGS(sk_db_int(actor->now + sk_backoff_ms(item->attempts + 1, FIRST_MS, LONGEST_MS)),
			sk_db_text(failure->error), sk_db_text(item->id)),
		NULL);
}

int sk_outbox_retry(const SkActor *actor, const char *id)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_outbox_table, actor->scope, id, &row);

	if (r < 0)
		return r;
	if (sk_str_eq(sk_row_text(row, "state"), "sent"))
		return SK_MESSAGE_NOT_POSSIBLE;
	r = sk_db_exec(actor->db,
		"UPDATE outbox SET state = 'waiting', attempts = 0, next_attempt = $1, held_until = 0 WHERE "
		"id = $2",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(id)), NULL);
	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"message.retried",
			       *sk_row_text(row, "facility") ? sk_row_text(row, "facility") : NULL, "message",
			       id, json_object()});
}
