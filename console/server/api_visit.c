/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maintenance visits. */
#include "api_handlers.h"
#include "console/rules/visits.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"

typedef struct Visiting {
	json_t *fields;
	const SkSigning *signing;
	const char *visit, *text;
	bool approved;
	SkVisitAction action;
	char made[SK_ID_SIZE];
} Visiting;

int sk_api_visit_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")},
		{"day", SK_FILTER_EQUAL, sk_call_text(call, "day")}};

	return sk_call_answer_list(call, &sk_visits_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_visit_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_visits_table, sk_call_text(call, "visit"));
}

static int create(const SkActor *actor, void *userdata)
{
	Visiting *visiting = userdata;

	return sk_visit_create(actor, visiting->fields, visiting->made);
}

int sk_api_visit_create(SkCall *call)
{
	Visiting visiting = {.fields = call->body};
	int r = sk_call_act(call, create, &visiting);

	return sk_call_answer_row(call, r, 201, &sk_visits_table, visiting.made);
}

static int decide(const SkActor *actor, void *userdata)
{
	const Visiting *visiting = userdata;

	return sk_visit_decide(actor, visiting->visit, visiting->approved, visiting->text);
}

int sk_api_visit_decide(SkCall *call)
{
	Visiting visiting = {.visit = sk_call_text(call, "visit"),
		.approved = json_is_true(json_object_get(call->body, "approved")),
		.text = sk_call_body_text(call, "reason")};
	int r = sk_call_act(call, decide, &visiting);

	return sk_call_answer_row(call, r, 200, &sk_visits_table, visiting.visit);
}

static int act(const SkActor *actor, void *userdata)
{
	const Visiting *visiting = userdata;

	return sk_visit_act(actor, visiting->signing, visiting->visit, visiting->action, visiting->text);
}

static int act_on(SkCall *call, SkVisitAction action)
{
	Visiting visiting = {.signing = call->server->home.signing,
		.visit = sk_call_text(call, "visit"),
		.action = action,
		.text = sk_call_body_text(call, "text")};
	int r = sk_call_act(call, act, &visiting);

	return sk_call_answer_row(call, r, 200, &sk_visits_table, visiting.visit);
}

int sk_api_visit_withdraw(SkCall *call)
{
	return act_on(call, SK_VISIT_WITHDRAW);
}

int sk_api_visit_open(SkCall *call)
{
	return act_on(call, SK_VISIT_OPEN);
}

int sk_api_visit_end(SkCall *call)
{
	return act_on(call, SK_VISIT_END);
}

int sk_api_visit_close(SkCall *call)
{
	return act_on(call, SK_VISIT_CLOSE);
}
