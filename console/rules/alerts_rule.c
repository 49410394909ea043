/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of alerts, and the rules about them. */
#include <errno.h>
#include <string.h>

#include "console/rules/alerts.h"
#include "console/rules/notice.h"
#include "lib/base/str.h"

#define OFFICER "role:security-officer"
#define ADMINISTRATOR "role:administrator"
#define STEPS_MAX 20
#define RECEIVERS_MAX 20

/* clang-format off */
const SkAlertKind sk_alert_kinds[] = {
	{"terminal-silent", "warning", SK_ALERT_TERMINAL_SILENT, "hours", 72, 1, 8760, ADMINISTRATOR},
	{"definitions-old", "warning", SK_ALERT_DEFINITIONS_OLD, "hours", 48, 1, 8760, ADMINISTRATOR},
	{"definitions-very-old", "critical", SK_ALERT_DEFINITIONS_VERY_OLD, "hours", 168, 1, 8760, ADMINISTRATOR " " OFFICER},
	{"disk-low", "warning", SK_ALERT_DISK_LOW, "mebibytes", 1024, 1, 10000000, ADMINISTRATOR},
	{"clock-wrong", "warning", SK_ALERT_CLOCK_WRONG, "minutes", 5, 1, 1440, ADMINISTRATOR},
	{"records-broken", "critical", SK_ALERT_RECORDS_BROKEN, NULL, 0, 0, 0, OFFICER},
	{"refusals-many", "warning", SK_ALERT_REFUSALS_MANY, "count", 20, 1, 100000, OFFICER},
	{"return-late", "warning", SK_ALERT_RETURN_LATE, NULL, 0, 0, 0, ""},
	{"key-limit", "warning", SK_ALERT_KEY_LIMIT, NULL, 0, 0, 0, OFFICER},
	{"recovery-open", "warning", SK_ALERT_RECOVERY_OPEN, NULL, 0, 0, 0, OFFICER},
	{"key-copy-old", "warning", SK_ALERT_KEY_COPY_OLD, NULL, 0, 0, 0, OFFICER},
	{"key-copy-none", "warning", SK_ALERT_KEY_COPY_NONE, NULL, 0, 0, 0, OFFICER},
	{"lock-open", "warning", SK_ALERT_LOCK_OPEN, "minutes", 60, 1, 1440, OFFICER},
	{"screen-open", "critical", SK_ALERT_SCREEN_OPEN, NULL, 0, 0, 0, OFFICER " " ADMINISTRATOR},
	{"screen-unwatched", "warning", SK_ALERT_SCREEN_UNWATCHED, NULL, 0, 0, 0, OFFICER " " ADMINISTRATOR},
	{"posture-fails", "warning", SK_ALERT_POSTURE_FAILS, NULL, 0, 0, 0, ADMINISTRATOR},
	{"loss-reported", "critical", SK_ALERT_LOSS_REPORTED, NULL, 0, 0, 0, OFFICER},
	{"lost-medium-seen", "critical", SK_ALERT_LOST_MEDIUM_SEEN, NULL, 0, 0, 0, OFFICER},
	{"erasure-failed", "warning", SK_ALERT_ERASURE_FAILED, NULL, 0, 0, 0, OFFICER},
	{"medium-unseen", "warning", SK_ALERT_MEDIUM_UNSEEN, NULL, 0, 0, 0, OFFICER},
	{"report-due", "warning", SK_ALERT_REPORT_DUE, "hours", 48, 1, 720, OFFICER},
	{"report-overdue", "critical", SK_ALERT_REPORT_OVERDUE, NULL, 0, 0, 0, OFFICER},
	{"review-overdue", "warning", SK_ALERT_REVIEW_OVERDUE, NULL, 0, 0, 0, OFFICER " role:auditor"},
	{"rollout-stopped", "critical", SK_ROLLOUT_STOPPED, NULL, 0, 0, 0, OFFICER " " ADMINISTRATOR},
	{"policy-refused", "warning", SK_ALERT_POLICY_REFUSED, NULL, 0, 0, 0, OFFICER " " ADMINISTRATOR},
	{"message-given-up", "warning", SK_ALERT_MESSAGE_GIVEN_UP, NULL, 0, 0, 0, ""},
	{"stamps-missing", "warning", SK_ALERT_STAMPS_MISSING, "hours", 48, 1, 8760, ADMINISTRATOR},
	{"forwarding-fails", "warning", SK_ALERT_FORWARDING_FAILS, "hours", 1, 1, 720, ADMINISTRATOR},
	{"duty-fails", "warning", SK_ALERT_DUTY_FAILS, "hours", 1, 1, 720, ADMINISTRATOR},
	{NULL},
};
/* clang-format on */

const SkAlertKind *sk_alert_kind(const char *name)
{
	for (const SkAlertKind *kind = sk_alert_kinds; kind->name; kind++)
		if (sk_str_eq(kind->name, name))
			return kind;
	return NULL;
}

static json_t *words_of(const char *text)
{
	json_t *words = json_array();

	while (words && *text) {
		size_t size = strcspn(text, " ");

		if (json_array_append_new(words, json_stringn(text, size)) < 0) {
			json_decref(words);
			return NULL;
		}
		text += size + strspn(text + size, " ");
	}
	return words;
}

void sk_alert_rule_deinit(SkAlertRule *rule)
{
	json_decref(rule->receivers);
	json_decref(rule->steps);
	free(rule->words);
	*rule = (SkAlertRule){.limit = 0};
}

static int apply(SkAlertRule *rule, const SkDbRows *rows, const char *facility)
{
	json_auto_t *limits = json_loads(sk_db_get_text(rows, 2), 0, NULL);
	json_auto_t *receivers = json_loads(sk_db_get_text(rows, 3), 0, NULL);
	const json_t *limit = json_object_get(limits, "limit"), *words = json_object_get(limits, "words");

	sk_str_copy(rule->from, sizeof(rule->from), sk_db_get_text(rows, 0));
	rule->own = sk_db_is_null(rows, 5) == !facility;
	rule->enabled = sk_db_get_int(rows, 1) != 0;
	rule->version = rule->own ? sk_db_get_int(rows, 4) : 0;
	if (json_is_integer(limit))
		rule->limit = json_integer_value(limit);
	if (json_is_array(json_object_get(limits, "steps")))
		rule->steps = json_incref(json_object_get(limits, "steps"));
	if (json_is_string(words)) {
		rule->words = strdup(json_string_value(words));
		if (!rule->words)
			return -ENOMEM;
	}
	/* JSON's null: as delivered. */
	if (json_is_array(receivers)) {
		json_decref(rule->receivers);
		rule->receivers = json_incref(receivers);
	}
	return 0;
}

int sk_alert_rule_load(SkDb *db, const SkAlertKind *kind, const char *facility, SkAlertRule *ret_rule)
{
	SkAlertRule rule = {.kind = kind,
		.enabled = true,
		.limit = kind->fallback,
		.receivers = words_of(kind->receivers)};
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT id, enabled, limits, receivers, version, facility_id FROM alert_rules WHERE kind = "
		"$1 "
		"AND (facility_id IS NULL OR facility_id = $2) ORDER BY CASE WHEN facility_id IS NULL THEN 1 "
		"ELSE 0 END LIMIT 1",
		SK_DB_ARGS(sk_db_text(kind->name), sk_db_text(facility)), &rows);

	if (r == 0 && !rule.receivers)
		r = -ENOMEM;
	if (r == 0)
		r = sk_db_next(rows);
	if (r == 1)
		r = apply(&rule, rows, facility);
	if (r < 0) {
		sk_alert_rule_deinit(&rule);
		return r;
	}
	*ret_rule = rule;
	return 0;
}

json_t *sk_alert_rule_json(const SkAlertRule *rule, const char *facility)
{
	const SkAlertKind *kind = rule->kind;
	char code[SK_REASON_CODE_SIZE];

	sk_reason_format_code(code, kind->code);
	return json_pack("{s:s, s:s?, s:s, s:s, s:b, s:b, s:s?, s:o?, s:O, s:O?, s:s?, s:I}", "kind",
		kind->name, "facility", facility, "severity", kind->severity, "code", code, "enabled",
		rule->enabled, "own", rule->own, "unit", kind->limit, "limit",
		kind->limit ? json_integer(rule->limit) : NULL, "receivers", rule->receivers, "steps",
		rule->steps, "words", rule->words, "version", (json_int_t)rule->version);
}

/* ---- changing ---- */

static bool check_receivers(const json_t *receivers)
{
	const json_t *word;
	size_t i;

	if (!receivers)
		return true;
	if (json_array_size(receivers) > RECEIVERS_MAX)
		return false;
	json_array_foreach (receivers, i, word)
		if (!json_is_string(word) || !sk_notice_is_receiver(json_string_value(word)))
			return false;
	return true;
}

/* The ladder goes upwards in time. */
static bool check_steps(const json_t *steps)
{
	int64_t before = INT64_MIN;
	const json_t *step;
	size_t i;

	if (json_array_size(steps) > STEPS_MAX)
		return false;
	json_array_foreach (steps, i, step) {
		int64_t hours = json_integer_value(json_object_get(step, "hours"));

		if (hours <= before)
			return false;
		before = hours;
	}
	return true;
}

static bool check(const SkAlertRuleChange *change)
{
	const json_t *limit = json_object_get(change->limits, "limit"),
		     *steps = json_object_get(change->limits, "steps");
	int64_t value = json_integer_value(limit);

	if (json_is_integer(limit) &&
		(!change->kind->limit || value < change->kind->least || value > change->kind->most))
		return false;
	if (json_is_array(steps) && (!sk_str_eq(change->kind->name, "return-late") || !check_steps(steps)))
		return false;
	return check_receivers(change->receivers);
}

static int write_rule(
	const SkActor *actor, const SkAlertRuleChange *change, const char *limits, const char *receivers)
{
	int64_t changed = 0;
	char id[SK_ID_SIZE];
	int r;

	sk_id_new(id);
	if (change->version == 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO alert_rules (id, facility_id, kind, limits, enabled, receivers, "
			"changed, "
			"changed_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
			SK_DB_ARGS(sk_db_text(id), sk_db_text(change->facility),
				sk_db_text(change->kind->name), sk_db_text(limits),
				sk_db_int(change->enabled), sk_db_text(receivers), sk_db_int(actor->now),
				sk_db_text(actor->person)),
			&changed);
	else
		r = sk_db_exec(actor->db,
			"UPDATE alert_rules SET limits = $3, enabled = $4, receivers = $5, changed = $6, "
			"changed_by = $7, version = version + 1 WHERE kind = $1 AND COALESCE(facility_id, "
			"'') = $2 "
			"AND version = $8",
			SK_DB_ARGS(sk_db_text(change->kind->name),
				sk_db_text(change->facility ? change->facility : ""), sk_db_text(limits),
				sk_db_int(change->enabled), sk_db_text(receivers), sk_db_int(actor->now),
				sk_db_text(actor->person), sk_db_int(change->version)),
			&changed);
	return r < 0 ? r : changed == 0 ? -ECANCELED : 0;
}

int sk_alert_rule_set(const SkActor *actor, const SkAlertRuleChange *change)
{
	own_free char *limits = json_dumps(change->limits, JSON_COMPACT | JSON_SORT_KEYS);
	own_free char *receivers =
		change->receivers ? json_dumps(change->receivers, JSON_COMPACT) : strdup("null");
	int r;

	if (!limits || !receivers)
		return -ENOMEM;
	if (change->facility ? !sk_scope_has_facility(actor->scope, change->facility) : !actor->scope->all)
		return SK_NOT_FOUND;
	if (!check(change))
		return SK_REQUEST_INVALID;
	r = write_rule(actor, change, limits, receivers);
	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"alert-rule.changed", change->facility, "alert-rule", change->kind->name,
			       json_pack("{s:b, s:O, s:O?}", "enabled", change->enabled, "limits",
				       change->limits, "receivers", change->receivers)});
}
