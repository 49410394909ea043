/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/loss_report.h"

#include <errno.h>

#include "console/rules/alerts.h"
#include "console/rules/incidents.h"
#include "console/rules/medium_life.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define DAY_MS INT64_C(86400000)

typedef struct Row {
	char id[SK_ID_SIZE], facility[SK_ID_SIZE], number[256], terminal[256];
	int state;
} Row;

static int read_row(const SkActor *actor, const char *medium, Row *row)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT m.facility_id, m.number, m.state, t.name, m.id FROM media m JOIN terminals t ON "
		"t.id = $2 AND t.facility_id = m.facility_id WHERE m.id = $1 OR m.number = $1",
		SK_DB_ARGS(sk_db_text(medium), sk_db_text(actor->terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : SK_NOT_FOUND;
	sk_str_copy(row->facility, sizeof(row->facility), sk_db_get_text(rows, 0));
	sk_str_copy(row->number, sizeof(row->number), sk_db_get_text(rows, 1));
	row->state = sk_medium_state_parse(sk_db_get_text(rows, 2));
	sk_str_copy(row->terminal, sizeof(row->terminal), sk_db_get_text(rows, 3));
	sk_str_copy(row->id, sizeof(row->id), sk_db_get_text(rows, 4));
	return row->state < 0 ? row->state : 0;
}

static int count_today(const SkActor *actor, int64_t *ret_count)
{
	return sk_db_query_int(actor->db,
		"SELECT count(*) FROM incidents WHERE reported_from = $1 AND created > $2",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_int(actor->now - DAY_MS)), ret_count);
}

/* Nobody knows of a loss before it is reported, nor later than now. */
static json_t *form_of(const SkActor *actor, const SkLossReport *report, const Row *row)
{
	char known[SK_TIME_SIZE], title[600], text[1200];

	sk_time_format(known, report->known < actor->now ? report->known : actor->now);
	sk_str_format(title, sizeof(title), "紛失の届け出: %s", row->number);
	sk_str_format(text, sizeof(text), "端末「%s」からの届け出(アカウント: %s)%s%s", row->terminal,
		report->user, *report->text ? "\n" : "", report->text);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[s]}", "facility", row->facility, "kind", "loss",
		"title", title, "description", text, "known", known, "media", row->id);
}

static int raise_alert(const SkActor *actor, const SkLossReport *report, const Row *row, bool destroyed)
{
	return sk_alert_raise(
		actor, &(SkAlertMatter){.kind = "loss-reported",
			       .facility = row->facility,
			       .subject_kind = "medium",
			       .subject = row->id,
			       .about = row->number,
			       .details = json_pack("{s:s, s:s, s:s, s:s, s:b}", "medium", report->medium,
				       "number", row->number, "terminal", actor->terminal, "user",
				       report->user, "keyDestroyed", destroyed)});
}

int sk_loss_report(const SkActor *actor, SkVault *vault, const SkLossReport *report)
{
	json_auto_t *form = NULL;
	char incident[SK_ID_SIZE];
	int64_t today = 0;
	Row row;
	int r = read_row(actor, report->medium, &row);

	if (r != 0)
		return r;
	if (row.state == SK_MEDIUM_LOST || row.state == SK_MEDIUM_REVOKED)
		return 0;
	r = count_today(actor, &today);
	form = form_of(actor, report, &row);
	if (r < 0 || !form)
		return r < 0 ? r : -ENOMEM;
	r = sk_incident_report(actor, today < SK_LOSS_REPORTS_PER_DAY ? vault : NULL, form, incident);
	if (r == 0)
		r = sk_db_exec(actor->db, "UPDATE incidents SET reported_from = $1 WHERE id = $2",
			SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_text(incident)), NULL);
	return r != 0 ? r : raise_alert(actor, report, &row, today < SK_LOSS_REPORTS_PER_DAY);
}
