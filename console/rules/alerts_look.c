/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is watched: for each kind a statement that finds the matters that are wrong now. The first column is
 * the subject, the second what people call it, all from the second on are the details, by their names.
 */
#include <errno.h>
#include <string.h>

#include "console/keys/receipt.h"
#include "console/rules/alerts.h"
#include "console/rules/calendar.h"
#include "lib/base/str.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* What a parameter of a statement is. Those that are used stand in this order, behind the facility. */
typedef enum Argument {
	NONE,
	LIMIT,	     /* the number of the rule as it is */
	LIMIT_BYTES, /* of mebibytes */
	LIMIT_MS,    /* of minutes */
	HOURS_AGO,   /* now less that many hours */
	HOURS_AHEAD, /* now and that many hours more */
	NOW,
	AN_HOUR_AGO,
	YESTERDAY, /* 2026-01-31 */
} Argument;

typedef struct Check {
	const char *kind, *subject_kind;
	Argument arguments[2];
	const char *sql;
} Check;

#define OF_TERMINALS                                                                                         \
	" FROM terminals t JOIN terminal_status s ON s.terminal_id = t.id WHERE t.facility_id = $1 AND "     \
	"t.state = 'enrolled'"

static const Check of_facility[] = {
	/* A PC that is carried around is silent by nature. */
	{"terminal-silent", "terminal", {HOURS_AGO},
		"SELECT t.id, t.name AS terminal, s.last_contact AS \"lastContact\"" OF_TERMINALS
		" AND t.carried = 0 AND s.last_contact < $2"},
	{"definitions-old", "terminal", {HOURS_AGO},
		"SELECT t.id, t.name AS terminal, s.definitions_time AS \"definitionsTime\"" OF_TERMINALS
		" AND s.definitions_time < $2 AND s.last_contact >= $2"},
	{"definitions-very-old", "terminal", {HOURS_AGO},
		"SELECT t.id, t.name AS terminal, s.definitions_time AS \"definitionsTime\"" OF_TERMINALS
		" AND s.definitions_time < $2 AND s.last_contact >= $2"},
	{"disk-low", "terminal", {LIMIT_BYTES},
		"SELECT t.id, t.name AS terminal, s.disk_free AS \"freeBytes\"" OF_TERMINALS
		" AND s.disk_free < $2"},
	{"clock-wrong", "terminal", {LIMIT_MS},
		"SELECT t.id, t.name AS terminal, s.clock_state AS clock, s.clock_offset AS "
		"\"offset\"" OF_TERMINALS
		" AND (s.clock_state = 'unsynchronised' OR s.clock_offset > $2 OR s.clock_offset + $2 < 0)"},
	{"posture-fails", "terminal", {NONE},
		"SELECT t.id, t.name AS terminal, CASE WHEN s.posture LIKE '%\"monitor\":false%' THEN "
		"'monitor' "
		"WHEN s.posture LIKE '%\"recordsWork\":false%' THEN 'records' WHEN s.posture LIKE "
		"'%\"failing\":true%' THEN 'posture' ELSE 'scanner' END AS state" OF_TERMINALS
		" AND (s.posture LIKE '%\"monitor\":false%' OR s.posture LIKE '%\"recordsWork\":false%' OR "
		"s.posture LIKE '%\"failing\":true%' OR s.posture LIKE "
		"'%\"scanner\":\"no-definitions\"%')"},
	{"lock-open", "terminal", {LIMIT_MS, YESTERDAY},
		"SELECT t.id, t.name AS terminal, MAX(l.longest_idle) AS \"longestIdle\", MAX(l.day) AS day "
		"FROM "
		"lock_days l JOIN terminals t ON t.id = l.terminal_id WHERE l.facility_id = $1 AND t.state = "
		"'enrolled' AND l.longest_idle > $2 AND l.day >= $3 GROUP BY t.id, t.name"},
	{"records-broken", "terminal", {NONE},
		"SELECT t.id, t.name AS terminal, MIN(a.kind) AS state, MIN(a.seq) AS number, MIN(a.at) AS "
		"since FROM "
		"chain_alarms a JOIN terminals t ON t.id = a.terminal_id WHERE a.facility_id = $1 AND "
		"a.resolved IS "
		"NULL GROUP BY t.id, t.name"},
	{"key-limit", "medium", {AN_HOUR_AGO},
		"SELECT m.id, m.number AS medium, COUNT(*) AS count FROM key_uses u JOIN media m ON m.id = "
		"u.medium_id "
		"WHERE u.facility_id = $1 AND u.at >= $2 AND u.outcome = 'limited' GROUP BY m.id, m.number"},
	{"recovery-open", "medium", {NONE},
		"SELECT m.id, m.number AS medium, MIN(o.opened) AS since FROM escrow_openings o JOIN media m "
		"ON m.id = o.medium_id WHERE o.facility_id = $1 AND o.state = 'opened' AND o.replaced IS "
		"NULL "
		"AND m.state NOT IN ('lost', 'revoked', 'retired', 'erased', 'destroyed') GROUP BY m.id, "
		"m.number"},
	{"return-late", "request", {NOW},
		"SELECT q.id, q.number AS request, p.name AS requester, q.due AS due FROM requests q JOIN "
		"people p ON "
		"p.id = q.requester_id WHERE q.facility_id = $1 AND q.state = 'out' AND q.due < $2"},
	{"medium-unseen", "medium", {NOW},
		"SELECT m.id, m.number AS medium, m.place AS place, m.last_seen AS \"lastSeen\" FROM media m "
		"WHERE "
		"m.facility_id = $1 AND m.overdue_from <= $2 AND m.state NOT IN ('out', 'lost', 'revoked', "
		"'found', "
		"'retired', 'erased', 'destroyed')"},
	{"report-due", "preliminary-report", {HOURS_AHEAD, NOW},
		"SELECT i.id, i.number AS incident, i.title AS title, i.preliminary_due AS due FROM "
		"incidents i WHERE "
		"i.facility_id = $1 AND i.state <> 'closed' AND i.duty <> 'exempt' AND i.preliminary_sent IS "
		"NULL AND "
		"i.preliminary_due < $2 AND i.preliminary_due >= $3"},
	{"report-due", "final-report", {HOURS_AHEAD, NOW},
		"SELECT i.id, i.number AS incident, i.title AS title, i.final_due AS due FROM incidents i "
		"WHERE "
		"i.facility_id = $1 AND i.state <> 'closed' AND i.duty <> 'exempt' AND i.final_sent IS NULL "
		"AND "
		"i.final_due < $2 AND i.final_due >= $3"},
	{"report-overdue", "preliminary-report", {NOW},
		"SELECT i.id, i.number AS incident, i.title AS title, i.preliminary_due AS due FROM "
		"incidents i WHERE "
		"i.facility_id = $1 AND i.state <> 'closed' AND i.duty <> 'exempt' AND i.preliminary_sent IS "
		"NULL AND "
		"i.preliminary_due < $2"},
	{"report-overdue", "final-report", {NOW},
		"SELECT i.id, i.number AS incident, i.title AS title, i.final_due AS due FROM incidents i "
		"WHERE "
		"i.facility_id = $1 AND i.state <> 'closed' AND i.duty <> 'exempt' AND i.final_sent IS NULL "
		"AND "
		"i.final_due < $2"},
	{"rollout-stopped", "rollout", {NONE},
		"SELECT r.id, p.name AS rollout, v.number AS number, r.reason AS error FROM rollouts r JOIN "
		"policy_versions v ON v.id = r.policy_version_id JOIN policies p ON p.id = v.policy_id WHERE "
		"r.facility_id = $1 AND r.state = 'stopped'"},
	{"policy-refused", "terminal", {NONE},
		"SELECT t.id, t.name AS terminal, p.error AS error, p.told AS since FROM terminal_policies p "
		"JOIN "
		"terminals t ON t.id = p.terminal_id WHERE p.facility_id = $1 AND p.state = 'refused' AND "
		"t.state = 'enrolled'"},
	{"review-overdue", "review", {NOW},
		"SELECT v.id, '' AS review, v.due AS due FROM reviews v WHERE v.facility_id = $1 AND v.state "
		"= 'open' AND "
		"v.due < $2"},
	{NULL},
};

/* Of the records of an hour, which are many. */
static const Check of_records[] = {
	{"refusals-many", "terminal", {LIMIT, AN_HOUR_AGO},
		"SELECT t.id, t.name AS terminal, COUNT(*) AS count FROM records r JOIN terminals t ON t.id "
		"= "
		"r.terminal_id WHERE r.facility_id = $1 AND r.at >= $3 AND (r.line LIKE '%\"code\":\"SK-11%' "
		"OR "
		"r.line LIKE '%\"code\":\"SK-12%') GROUP BY t.id, t.name HAVING COUNT(*) >= $2"},
	{NULL},
};

/* Looked at whenever a terminal tells that its screen is otherwise, too. */
static const Check of_screens[] = {
	{"screen-open", "terminal", {NONE},
		"SELECT t.id, t.name AS terminal, s.lock_user AS \"user\", s.lock_since AS since" OF_TERMINALS
		" AND s.lock_state = 'stands-open'"},
	/* While nothing is enforced nothing would be locked. */
	{"screen-unwatched", "terminal", {NONE},
		"SELECT t.id, t.name AS terminal, s.last_contact AS \"lastContact\"" OF_TERMINALS
		" AND s.lock_state = 'unwatched' AND s.mode = 'enforce'"},
	{NULL},
};

static const Check of_console[] = {
	{"duty-fails", "duty", {HOURS_AGO},
		"SELECT d.name, d.name AS duty, d.error AS error, d.failures AS count FROM duties d WHERE "
		"d.failures >= 3 "
		"AND d.last_done < $1"},
	{"stamps-missing", "authority", {HOURS_AGO},
		"SELECT a.authority, a.authority AS target, MIN(a.created) AS since, MAX(a.error) AS error "
		"FROM anchors a "
		"WHERE a.state = 'waiting' AND a.created < $1 GROUP BY a.authority"},
	{"key-copy-old", "key-copy", {NONE},
		"SELECT c.id, c.holder AS holder, c.place AS place, c.kind AS kind, c.made AS since FROM "
		"epoch_copies c WHERE " SK_COPY_IS_OLD},
	/* Without a medium there is nothing to lose. */
	{"key-copy-none", "vault", {NONE},
		"SELECT MIN(e.vault), MIN(e.vault) AS vault FROM epochs e WHERE EXISTS (SELECT 1 FROM "
		"medium_keys WHERE state = 'live') AND NOT EXISTS (SELECT 1 FROM epoch_copies WHERE "
		"destroyed IS NULL AND id NOT IN (SELECT id FROM epoch_copies WHERE " SK_COPY_IS_OLD
		")) HAVING COUNT(*) > 0"},
	{NULL},
};

static SkDbValue argument(const SkActor *actor, const SkAlertRule *rule, Argument argument, char text[32])
{
	SkDate date = sk_date_of(sk_day_of(actor->now) - 1);

	switch (argument) {
	case LIMIT_BYTES:
		return sk_db_int(rule->limit << 20);
	case LIMIT_MS:
		return sk_db_int(rule->limit * MINUTE);
	case HOURS_AGO:
		return sk_db_int(actor->now - rule->limit * HOUR);
	case HOURS_AHEAD:
		return sk_db_int(actor->now + rule->limit * HOUR);
	case NOW:
		return sk_db_int(actor->now);
	case AN_HOUR_AGO:
		return sk_db_int(actor->now - HOUR);
	case YESTERDAY:
		sk_str_format(text, 32, "%04d-%02d-%02d", date.year, date.month, date.day);
		return sk_db_text(text);
	case LIMIT:
	case NONE:
		break;
	}
	return sk_db_int(rule->limit);
}

/* A matter that is wrong now: {subject, about, details}. */
static json_t *matter_of(const SkDbRows *rows)
{
	const char *about = sk_db_get_text(rows, 1);
	json_auto_t *details = json_object();

	for (size_t i = 1; i < sk_db_columns(rows); i++) {
		json_t *value = sk_db_is_null(rows, i)		    ? json_null()
				: sk_db_type(rows, i) == SK_DB_TEXT ? json_string(sk_db_get_text(rows, i))
								    : json_integer(sk_db_get_int(rows, i));

		if (json_object_set_new(details, sk_db_column_name(rows, i), value) < 0)
			return NULL;
	}
	return json_pack("{s:s, s:s, s:O}", "subject", sk_db_get_text(rows, 0), "about", about ? about : "",
		"details", details);
}

static int find_wrong(const SkActor *actor, const Check *check, const SkAlertRule *rule, const char *facility,
	json_t *found)
{
	own_rows SkDbRows *rows = NULL;
	SkDbValue values[3];
	size_t n = 0;
	char text[32];
	int r;

	if (facility)
		values[n++] = sk_db_text(facility);
	for (size_t i = 0; i < SK_ARRAY_SIZE(check->arguments) && check->arguments[i] != NONE; i++)
		values[n++] = argument(actor, rule, check->arguments[i], text);
	r = sk_db_query(actor->db, check->sql, values, n, &rows);
	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		json_t *matter = matter_of(rows);

		r = !matter || json_object_set_new(found, sk_db_get_text(rows, 0), matter) < 0 ? -ENOMEM : 0;
	}
	return r;
}

/* Closes those that are open and are not wrong any more. */
static int settle_others(const SkActor *actor, const Check *check, const char *facility, const json_t *found)
{
	json_auto_t *over = json_array();
	own_rows SkDbRows *rows = NULL;
	const json_t *subject;
	size_t i;
	int r = sk_db_query(actor->db,
		"SELECT subject_id FROM alerts WHERE state <> 'closed' AND kind = $1 AND subject_kind = $2 "
		"AND "
		"COALESCE(facility_id, '') = $3",
		SK_DB_ARGS(sk_db_text(check->kind), sk_db_text(check->subject_kind),
			sk_db_text(facility ? facility : "")),
		&rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		const char *id = sk_db_get_text(rows, 0);

		r = 0;
		if (!json_object_get(found, id) && json_array_append_new(over, json_string(id)) < 0)
			r = -ENOMEM;
	}
	json_array_foreach (over, i, subject) {
		if (r < 0)
			break;
		r = sk_alert_settle(actor, check->kind, check->subject_kind, json_string_value(subject));
	}
	return r;
}

static int look(const SkActor *actor, const Check *check, const char *facility)
{
	own_alert_rule SkAlertRule rule = {.limit = 0};
	json_auto_t *found = json_object();
	const char *subject;
	json_t *matter;
	int r = sk_alert_rule_load(actor->db, sk_alert_kind(check->kind), facility, &rule);

	/* Not watched: nothing is wrong. */
	if (r == 0 && rule.enabled)
		r = find_wrong(actor, check, &rule, facility, found);
	if (r < 0)
		return r;
	json_object_foreach (found, subject, matter) {
		r = sk_alert_raise(
			actor, &(SkAlertMatter){.kind = check->kind,
				       .facility = facility,
				       .subject_kind = check->subject_kind,
				       .subject = subject,
				       .about = sk_row_text(matter, "about"),
				       .details = json_incref(json_object_get(matter, "details"))});
		if (r < 0)
			return r;
	}
	return settle_others(actor, check, facility, found);
}

static int look_at_all(const SkActor *actor, const Check *check, const char *facility)
{
	for (; check->kind; check++) {
		int r = look(actor, check, facility);

		if (r < 0)
			return r;
	}
	return 0;
}

int sk_alerts_look(const SkActor *actor, const char *facility)
{
	int r = facility ? look_at_all(actor, of_screens, facility) : 0;

	return r < 0 ? r : look_at_all(actor, facility ? of_facility : of_console, facility);
}

int sk_alerts_look_at_screens(const SkActor *actor, const char *facility)
{
	return look_at_all(actor, of_screens, facility);
}

int sk_alerts_count(const SkActor *actor, const char *facility)
{
	return look_at_all(actor, of_records, facility);
}
