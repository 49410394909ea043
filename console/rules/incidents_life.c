/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to an incident after it was reported.
 */
#include <errno.h>

#include "console/rules/incident_clock.h"
#include "console/rules/incidents.h"
#include "console/rules/incidents_draft.h"
#include "console/rules/ledger.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static int record(const SkActor *actor, const json_t *incident, const char *kind, json_t *body)
{
	return sk_actor_record(actor, &(SkFact){kind, sk_row_text(incident, "facility"), "incident",
					      sk_row_text(incident, "id"), body});
}

/* The clocks of what is known now. */
static int set_clocks(const SkActor *actor, const char *id)
{
	json_auto_t *row = NULL;
	SkIncidentClock clock;
	int64_t known;
	int r = sk_table_read(actor->db, &sk_incidents_table, actor->scope, id, &row);

	if (r == 0)
		r = sk_time_parse(sk_row_text(row, "known"), &known);
	if (r < 0)
		return r;
	clock = sk_incident_clock(known, json_is_true(json_object_get(row, "improperIntent")));
	return sk_db_exec(actor->db,
		"UPDATE incidents SET preliminary_due = $1, final_due = $2 WHERE id = $3",
		SK_DB_ARGS(sk_db_int(clock.preliminary_due), sk_db_int(clock.final_due), sk_db_text(id)),
		NULL);
}

int sk_incident_change(const SkActor *actor, const SkRowKey *key, json_t *fields)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_incidents_table, actor->scope, key->id, &row);

	if (r == 0 && sk_str_eq(sk_row_text(row, "state"), "closed"))
		return SK_INCIDENT_NOT_POSSIBLE;
	if (r == 0)
		r = sk_table_update(
			actor->db, &sk_incidents_table, actor->scope, key, &(SkWrite){.fields = fields});
	if (r == 0)
		r = set_clocks(actor, key->id);
	return r < 0 ? r : record(actor, row, "incident.changed", json_pack("{s:O}", "fields", fields));
}

int sk_incident_step(const SkActor *actor, const SkRowKey *key, bool done, const char *note)
{
	json_auto_t *step = NULL, *incident = NULL;
	int r = sk_table_read(actor->db, &sk_incident_steps_table, actor->scope, key->id, &step);

	if (r < 0)
		return r;
	if (!sk_str_eq(sk_row_text(step, "state"), "open"))
		return SK_INCIDENT_NOT_POSSIBLE;
	if (!done && !(note && *note))
		return SK_MEDIUM_REASON_NEEDED;
	r = sk_table_update(actor->db, &sk_incident_steps_table, actor->scope, key,
		&(SkWrite){SK_SETS({"state", sk_db_text(done ? "done" : "skipped")},
			{"done", sk_db_int(actor->now)}, {"done_by", sk_db_text(actor->person)},
			{"note", sk_db_text(note ? note : "")})});
	if (r == 0)
		r = sk_table_read(actor->db, &sk_incidents_table, actor->scope, sk_row_text(step, "incident"),
			&incident);
	return r < 0 ? r
		     : record(actor, incident, done ? "incident.step-done" : "incident.step-skipped",
			       json_pack("{s:s, s:s}", "title", sk_row_text(step, "title"), "note",
				       note ? note : ""));
}

/* What was on it when it was closed last, as far as a terminal told. */
static int add_manifest(const SkActor *actor, const char *incident, json_t *medium)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT m.files, m.bytes, m.complete FROM incident_media i JOIN manifests m ON m.id = "
		"i.manifest_id WHERE "
		"i.incident_id = $1 AND i.medium_id = $2",
		SK_DB_ARGS(sk_db_text(incident), sk_db_text(sk_row_text(medium, "id"))), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	return json_object_set_new(medium, "manifest",
		json_pack("{s:I, s:I, s:b}", "files", (json_int_t)sk_db_get_int(rows, 0), "bytes",
			(json_int_t)sk_db_get_int(rows, 1), "complete", sk_db_get_int(rows, 2) != 0));
}

static int media_of(const SkActor *actor, const char *incident, json_t **ret_media)
{
	own_sql SkSql *sql = NULL;
	int r = sk_sql_new(actor->db, "SELECT ", &sql);

	if (r < 0)
		return r;
	sk_table_columns(&sk_media_table, "m", sql);
	sk_sql_add(sql, " FROM media m JOIN incident_media i ON i.medium_id = m.id WHERE i.incident_id = ");
	sk_sql_value(sql, sk_db_text(incident));
	sk_sql_scope(sql, actor->scope, "m.facility_id", NULL);
	return sk_rows_json(&sk_media_table, sql, ret_media);
}

static int items_as_text(const SkActor *actor, const json_t *incident, const json_t *items, char **ret_text)
{
	json_auto_t *made = NULL, *media = NULL;
	json_t *medium;
	size_t i;
	int r;

	if (!items) {
		r = media_of(actor, sk_row_text(incident, "id"), &media);
		json_array_foreach (media, i, medium)
			if (r == 0)
				r = add_manifest(actor, sk_row_text(incident, "id"), medium);
		if (r < 0)
			return r;
		made = sk_incident_items(incident, media);
		items = made;
	}
	*ret_text = items ? json_dumps(items, JSON_COMPACT) : NULL;
	return *ret_text ? 0 : -ENOMEM;
}

int sk_incident_draft(const SkActor *actor, const char *incident, const char *kind, const json_t *items,
	char ret_id[SK_ID_SIZE])
{
	json_auto_t *row = NULL;
	own_free char *text = NULL;
	int64_t drafts = 0;
	int r = sk_table_read(actor->db, &sk_incidents_table, actor->scope, incident, &row);

	if (r == 0)
		r = items_as_text(actor, row, items, &text);
	if (r == 0)
		r = sk_db_query_int(actor->db,
			"SELECT count(*) FROM incident_reports WHERE incident_id = $1 AND kind = $2",
			SK_DB_ARGS(sk_db_text(incident), sk_db_text(kind)), &drafts);
	if (r < 0)
		return r;
	return sk_table_insert(actor->db, &sk_incident_reports_table, actor->scope,
		&(SkWrite){SK_SETS({"incident_id", sk_db_text(incident)},
			{"facility_id", sk_db_text(sk_row_text(row, "facility"))}, {"kind", sk_db_text(kind)},
			{"draft", sk_db_int(drafts + 1)}, {"items", sk_db_text(text)},
			{"created", sk_db_int(actor->now)}, {"created_by", sk_db_text(actor->person)})},
		ret_id);
}

int sk_incident_sent(const SkActor *actor, const char *report, const char *to, const char *receipt)
{
	json_auto_t *row = NULL, *incident = NULL;
	bool final;
	int r = sk_table_read(actor->db, &sk_incident_reports_table, actor->scope, report, &row);

	if (r == 0)
		r = sk_table_read(actor->db, &sk_incidents_table, actor->scope, sk_row_text(row, "incident"),
			&incident);
	if (r < 0)
		return r;
	final = sk_str_eq(sk_row_text(row, "kind"), "final");
	if (*sk_row_text(incident, final ? "finalSent" : "preliminarySent"))
		return SK_INCIDENT_NOT_POSSIBLE;
	r = sk_table_update(actor->db, &sk_incident_reports_table, actor->scope, &(SkRowKey){.id = report},
		&(SkWrite){SK_SETS({"sent", sk_db_int(actor->now)}, {"sent_by", sk_db_text(actor->person)},
			{"sent_to", sk_db_text(to)}, {"receipt", sk_db_text(receipt ? receipt : "")})});
	if (r == 0)
		r = sk_table_update(actor->db, &sk_incidents_table, actor->scope,
			&(SkRowKey){.id = sk_row_text(incident, "id")},
			&(SkWrite){SK_SETS({final ? "final_sent" : "preliminary_sent", sk_db_int(actor->now)},
				{"state", sk_db_text("reported")})});
	return r < 0 ? r
		     : record(actor, incident, final ? "incident.final-sent" : "incident.preliminary-sent",
			       json_pack("{s:s, s:s}", "report", report, "to", to));
}

/* May it be closed: no step is open, and no report is missing that is due. */
static int check_done(const SkActor *actor, const json_t *incident)
{
	int64_t open = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM incident_steps WHERE incident_id = $1 AND state = 'open'",
		SK_DB_ARGS(sk_db_text(sk_row_text(incident, "id"))), &open);
	const char *duty = sk_row_text(incident, "duty");

	if (r < 0)
		return r;
	if (open > 0 || sk_str_eq(sk_row_text(incident, "state"), "closed"))
		return SK_INCIDENT_NOT_POSSIBLE;
	/* Somebody has to say that there is no duty, and why. */
	if (sk_str_eq(duty, "exempt"))
		return *sk_row_text(incident, "exemptBecause") ? 0 : SK_MEDIUM_REASON_NEEDED;
	return *sk_row_text(incident, "preliminarySent") && *sk_row_text(incident, "finalSent")
		       ? 0
		       : SK_INCIDENT_NOT_POSSIBLE;
}

int sk_incident_close(const SkActor *actor, const SkRowKey *key, const char *conclusion)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_incidents_table, actor->scope, key->id, &row);

	if (r == 0)
		r = check_done(actor, row);
	if (r == 0)
		r = sk_table_update(actor->db, &sk_incidents_table, actor->scope, key,
			&(SkWrite){SK_SETS({"state", sk_db_text("closed")}, {"closed", sk_db_int(actor->now)},
				{"closed_by", sk_db_text(actor->person)},
				{"conclusion", sk_db_text(conclusion)})});
	return r != 0 ? r
		      : record(actor, row, "incident.closed", json_pack("{s:s}", "conclusion", conclusion));
}
