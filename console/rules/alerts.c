/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raising, counting and closing of alerts. */
#include "console/rules/alerts.h"

#include <errno.h>
#include <string.h>

#include "console/rules/notice.h"
#include "lib/base/str.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
/* What lasts is noted again so often. */
#define AGAIN_MS INT64_C(3600000)

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"kind", SK_COLUMN_TEXT, R | F, NULL},
	{"subject_kind", SK_COLUMN_TEXT, R, NULL},
	{"subject_id", SK_COLUMN_TEXT, R | F, "subject"},
	{"severity", SK_COLUMN_TEXT, R | F, NULL},
	{"code", SK_COLUMN_INT, R, NULL},
	{"details", SK_COLUMN_JSON, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"first", SK_COLUMN_TIME, R, NULL},
	{"last", SK_COLUMN_TIME, R, NULL},
	{"times", SK_COLUMN_INT, R, NULL},
	{"acknowledged", SK_COLUMN_TIME, R, NULL},
	{"acknowledged_by", SK_COLUMN_TEXT, R, NULL},
	{"closed", SK_COLUMN_TIME, R, NULL},
	{"closed_by", SK_COLUMN_TEXT, R, NULL},
	{"note", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_alerts_table = {.name = "alerts",
	SK_COLUMNS(columns),
	.facility = "facility_id",
	.version = "version",
	.shared = true};

/* The open alert of a matter, and when it was noted last. Return: 1 there is one, 0 none, or error. */
static int find_open(
	const SkActor *actor, const SkAlertMatter *matter, char ret_id[SK_ID_SIZE], int64_t *ret_last)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT id, last FROM alerts WHERE kind = $1 AND subject_kind = $2 AND subject_id = $3 AND "
		"state "
		"<> 'closed'",
		SK_DB_ARGS(sk_db_text(matter->kind), sk_db_text(matter->subject_kind),
			sk_db_text(matter->subject)),
		&rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	*ret_last = sk_db_get_int(rows, 1);
	return sk_str_copy(ret_id, SK_ID_SIZE, sk_db_get_text(rows, 0)) ? 1 : -EUCLEAN;
}

static int count_again(const SkActor *actor, const char *id, const char *details, int64_t last)
{
	if (last > actor->now - AGAIN_MS)
		return 0;
	return sk_db_exec(actor->db,
		"UPDATE alerts SET last = $1, times = times + 1, details = $2 WHERE id = $3",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(details), sk_db_text(id)), NULL);
}

static int tell(const SkActor *actor, const SkAlertMatter *matter, const char *id, SkReason code)
{
	own_alert_rule SkAlertRule rule = {.limit = 0};
	const char *about =
		matter->about ? matter->about : sk_row_text(matter->details, matter->subject_kind);
	char about_matter[16 + SK_ID_SIZE];
	int r = sk_alert_rule_load(actor->db, sk_alert_kind(matter->kind), matter->facility, &rule);

	if (r < 0)
		return r;
	sk_str_format(about_matter, sizeof(about_matter), "alert:%s", id);
	return sk_notice_send(
		actor, &(SkNotice){.facility = matter->facility,
			       .kind = matter->kind,
			       .matter = about_matter,
			       .code = code,
			       .about = about,
			       .details = matter->details,
			       .receivers = matter->receivers ? matter->receivers : rule.receivers,
			       .words = rule.words});
}

static int insert(const SkActor *actor, const SkAlertMatter *matter, const char *details)
{
	const SkAlertKind *kind = sk_alert_kind(matter->kind);
	SkReason code = matter->code ? matter->code : kind->code;
	char id[SK_ID_SIZE];
	int r;

	sk_id_new(id);
	r = sk_db_exec(actor->db,
		"INSERT INTO alerts (id, facility_id, kind, subject_kind, subject_id, severity, code, "
		"details, first, last) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(matter->facility), sk_db_text(matter->kind),
			sk_db_text(matter->subject_kind), sk_db_text(matter->subject),
			sk_db_text(kind->severity), sk_db_int(code), sk_db_text(details),
			sk_db_int(actor->now)),
		NULL);
	if (r == 0)
		r = sk_actor_record(actor, &(SkFact){"alert.raised", matter->facility, "alert", id,
						   json_pack("{s:s, s:s, s:s, s:O}", "kind", matter->kind,
							   "subjectKind", matter->subject_kind, "subject",
							   matter->subject, "details", matter->details)});
	/* That mail does not go out is not told by mail: the receivers may be the same. */
	return r < 0 || *kind->receivers == 0 ? r : tell(actor, matter, id, code);
}

int sk_alert_raise(const SkActor *actor, const SkAlertMatter *matter)
{
	json_auto_t *owned = matter->details;
	own_free char *details = owned ? json_dumps(owned, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	char id[SK_ID_SIZE];
	int64_t last;
	int r;

	if (!details || !sk_alert_kind(matter->kind))
		return details ? -EINVAL : -ENOMEM;
	r = find_open(actor, matter, id, &last);
	if (r < 0)
		return r;
	return r == 1 ? count_again(actor, id, details, last) : insert(actor, matter, details);
}

/* "": of the console itself. */
static int read_facility(SkDb *db, const char *id, char ret_facility[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	const char *facility;
	int r = sk_db_query(
		db, "SELECT facility_id FROM alerts WHERE id = $1", SK_DB_ARGS(sk_db_text(id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	facility = sk_db_get_text(rows, 0);
	sk_str_copy(ret_facility, SK_ID_SIZE, facility ? facility : "");
	return 0;
}

int sk_alert_settle(const SkActor *actor, const char *kind, const char *subject_kind, const char *subject)
{
	const SkAlertMatter matter = {.kind = kind, .subject_kind = subject_kind, .subject = subject};
	char id[SK_ID_SIZE], facility[SK_ID_SIZE];
	int64_t last;
	int r = find_open(actor, &matter, id, &last);

	if (r <= 0)
		return r;
	r = read_facility(actor->db, id, facility);
	if (r < 0)
		return r;
	r = sk_db_exec(actor->db,
		"UPDATE alerts SET state = 'closed', closed = $1, version = version + 1 WHERE id = $2",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(id)), NULL);
	if (r < 0)
		return r;
	return sk_actor_record(actor, &(SkFact){"alert.settled", facility[0] ? facility : NULL, "alert", id,
					      json_pack("{s:s, s:s}", "kind", kind, "subject", subject)});
}

/* What people do with an alert. */
typedef struct Handling {
	const char *state, *time, *person; /* the new state, and the columns of when and who */
	const char *record;
} Handling;

static int handle(const SkActor *actor, const SkRowKey *key, const char *note, const Handling *handling)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_alerts_table, actor->scope, key->id, &row);

	if (r < 0)
		return r;
	if (sk_str_eq(sk_row_text(row, "state"), "closed"))
		return SK_ALERT_CLOSED;
	r = sk_table_update(actor->db, &sk_alerts_table, actor->scope, key,
		&(SkWrite){SK_SETS({"state", sk_db_text(handling->state)},
			{handling->time, sk_db_int(actor->now)},
			{handling->person, sk_db_text(actor->person)},
			{"note", sk_db_text(note ? note : sk_row_text(row, "note"))})});
	if (r < 0)
		return r;
	return sk_actor_record(actor,
		&(SkFact){handling->record,
			*sk_row_text(row, "facility") ? sk_row_text(row, "facility") : NULL, "alert", key->id,
			json_pack("{s:s, s:s, s:s}", "kind", sk_row_text(row, "kind"), "subject",
				sk_row_text(row, "subject"), "note", note ? note : "")});
}

int sk_alert_acknowledge(const SkActor *actor, const SkRowKey *key, const char *note)
{
	static const Handling handling = {
		"acknowledged", "acknowledged", "acknowledged_by", "alert.acknowledged"};

	return handle(actor, key, note, &handling);
}

int sk_alert_close(const SkActor *actor, const SkRowKey *key, const char *note)
{
	static const Handling handling = {"closed", "closed", "closed_by", "alert.closed"};

	return handle(actor, key, note, &handling);
}
