/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alerts and the rules about them; how the fleet is. */
#include <errno.h>

#include "api_handlers.h"
#include "console/rules/alerts.h"
#include "console/rules/fleet.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

/* The number of the row becomes the code, with its words in the caller's language. */
static int put_words(const SkCall *call, json_t *row)
{
	const SkReasonText *text = sk_reason_find((SkReason)json_integer_value(json_object_get(row, "code")));
	bool japanese = call->language == SK_JAPANESE;
	char code[SK_REASON_CODE_SIZE];

	if (!text)
		text = sk_reason_find(SK_CONSOLE_FAULT);
	sk_reason_format_code(code, text->code);
	if (json_object_set_new(row, "code", json_string(code)) < 0 ||
		json_object_set_new(row, "what", json_string(japanese ? text->ja_what : text->en_what)) < 0 ||
		json_object_set_new(row, "next", json_string(japanese ? text->ja_next : text->en_next)) < 0)
		return -ENOMEM;
	return 0;
}

static int answer_alert(SkCall *call, const char *id)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(call->db, &sk_alerts_table, &call->caller.scope, id, &row);

	if (r == 0)
		r = put_words(call, row);
	return r < 0 ? r : sk_call_answer(call, 200, own_take(row));
}

int sk_api_alert_list(SkCall *call)
{
	const char *const words[][2] = {{"facility_id", sk_call_text(call, "ofFacility")},
		{"state", sk_call_text(call, "state")}, {"kind", sk_call_text(call, "kind")},
		{"severity", sk_call_text(call, "severity")}};
	SkFilter filters[SK_ARRAY_SIZE(words)];
	SkList list = {.filters = filters,
		.after = sk_call_text(call, "after"),
		.limit = (unsigned)sk_call_int(call, "limit")};
	SkPage page = {.items = NULL};
	json_t *row;
	size_t i;
	int r;

	for (i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (words[i][1])
			filters[list.n_filters++] = (SkFilter){words[i][0], SK_FILTER_EQUAL, words[i][1]};
	r = sk_table_list(call->db, &sk_alerts_table, &call->caller.scope, &list, &page);
	json_array_foreach (page.items, i, row) {
		if (r < 0)
			break;
		r = put_words(call, row);
	}
	if (r < 0) {
		json_decref(page.items);
		return r;
	}
	return sk_call_answer(call, 200,
		json_pack("{s:o, s:s?}", "items", page.items, "next", page.next[0] ? page.next : NULL));
}

int sk_api_alert_show(SkCall *call)
{
	return answer_alert(call, sk_call_text(call, "alert"));
}

static int acknowledge(const SkActor *actor, void *userdata)
{
	const SkCall *call = userdata;

	return sk_alert_acknowledge(actor,
		&(SkRowKey){sk_call_text(call, "alert"), sk_call_body_int(call, "version")},
		sk_call_body_text(call, "note"));
}

int sk_api_alert_acknowledge(SkCall *call)
{
	int r = sk_call_act(call, acknowledge, call);

	return r != 0 ? (r < 0 ? r : 0) : answer_alert(call, sk_call_text(call, "alert"));
}

static int close_alert(const SkActor *actor, void *userdata)
{
	const SkCall *call = userdata;

	return sk_alert_close(actor,
		&(SkRowKey){sk_call_text(call, "alert"), sk_call_body_int(call, "version")},
		sk_call_body_text(call, "note"));
}

int sk_api_alert_close(SkCall *call)
{
	int r = sk_call_act(call, close_alert, call);

	return r != 0 ? (r < 0 ? r : 0) : answer_alert(call, sk_call_text(call, "alert"));
}

/* ---- rules ---- */

static int rule_json(SkDb *db, const SkAlertKind *kind, const char *facility, json_t **ret_rule)
{
	own_alert_rule SkAlertRule rule = {.limit = 0};
	int r = sk_alert_rule_load(db, kind, facility, &rule);

	if (r < 0)
		return r;
	*ret_rule = sk_alert_rule_json(&rule, facility);
	return *ret_rule ? 0 : -ENOMEM;
}

int sk_api_alert_rule_list(SkCall *call)
{
	const char *facility = sk_call_text(call, "facility");
	json_auto_t *items = json_array();
	int r = sk_scope_has_facility(&call->caller.scope, facility) ? 0 : -ENOENT;

	for (const SkAlertKind *kind = sk_alert_kinds; r == 0 && kind->name; kind++) {
		json_t *rule = NULL;

		r = rule_json(call->db, kind, facility, &rule);
		if (r == 0)
			r = json_array_append_new(items, rule) < 0 ? -ENOMEM : 0;
	}
	return r < 0 ? r : sk_call_answer(call, 200, json_pack("{s:O}", "items", items));
}

static int set_rule(const SkActor *actor, void *userdata)
{
	return sk_alert_rule_set(actor, userdata);
}

/* What the rule keeps of the body, besides its receivers. */
static json_t *limits_of(const json_t *body)
{
	static const char *const members[] = {"limit", "steps", "words"};
	json_t *limits = json_object();

	for (size_t i = 0; limits && i < SK_ARRAY_SIZE(members); i++) {
		json_t *value = json_object_get(body, members[i]);

		if (value && json_object_set(limits, members[i], value) < 0) {
			json_decref(limits);
			return NULL;
		}
	}
	return limits;
}

int sk_api_alert_rule_set(SkCall *call)
{
	json_auto_t *limits = limits_of(call->body);
	SkAlertRuleChange change = {.kind = sk_alert_kind(sk_call_body_text(call, "kind")),
		.facility = sk_call_body_text(call, "facility"),
		.version = sk_call_body_int(call, "version"),
		.enabled = json_is_true(json_object_get(call->body, "enabled")),
		.limits = limits,
		.receivers = json_object_get(call->body, "receivers")};
	json_t *rule = NULL;
	int r = limits && change.kind ? sk_call_act(call, set_rule, &change) : -ENOMEM;

	if (r != 0)
		return r < 0 ? r : 0;
	r = rule_json(call->db, change.kind, change.facility, &rule);
	return r < 0 ? r : sk_call_answer(call, 200, rule);
}

/* ---- the fleet ---- */

int sk_api_fleet_list(SkCall *call)
{
	SkFleetPage page = {.facility = sk_call_text(call, "ofFacility"),
		.after = sk_call_text(call, "after"),
		.limit = (size_t)sk_call_int(call, "limit")};
	json_t *answer = NULL;
	int r = sk_fleet_list(call->db, &call->caller.scope, &page, &answer);

	return r < 0 ? r : sk_call_answer(call, 200, answer);
}
