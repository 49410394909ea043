/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carry-out requests. */
#include <errno.h>

#include "api_handlers.h"
#include "console/rules/grants.h"
#include "console/rules/requests.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"

typedef struct Asking {
	json_t *fields;
	SkRequestDecision decision;
	const SkSigning *signing;
	bool done;
	SkRequestAction action;
	const char *request, *note;
	char made[SK_ID_SIZE];
} Asking;

int sk_api_request_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")},
		{"requester_id", SK_FILTER_EQUAL, sk_call_text(call, "requester")},
		{"due", SK_FILTER_UNTIL, sk_call_text(call, "dueBefore")}};

	return sk_call_answer_list(call, &sk_requests_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_request_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_requests_table, sk_call_text(call, "request"));
}

static int create(const SkActor *actor, void *userdata)
{
	Asking *asking = userdata;

	return sk_request_create(actor, asking->fields, asking->made);
}

int sk_api_request_create(SkCall *call)
{
	Asking asking = {.fields = call->body};
	int r = sk_call_act(call, create, &asking);

	return sk_call_answer_row(call, r, 201, &sk_requests_table, asking.made);
}

/* What belongs to a request is there when the request is. */
static int check_request(SkCall *call)
{
	json_auto_t *row = NULL;

	return sk_table_read(
		call->db, &sk_requests_table, &call->caller.scope, sk_call_text(call, "request"), &row);
}

int sk_api_request_media(SkCall *call)
{
	json_t *media = NULL;
	int r = check_request(call);

	if (r == 0)
		r = sk_request_media(&(SkActor){.db = call->db, .scope = &call->caller.scope},
			sk_call_text(call, "request"), &media);
	return r < 0 ? r : sk_call_answer(call, 200, json_pack("{s:o}", "items", media));
}

int sk_api_request_decisions(SkCall *call)
{
	const SkFilter of_request = {"request_id", SK_FILTER_EQUAL, sk_call_text(call, "request")};
	int r = check_request(call);

	return r < 0 ? r : sk_call_answer_list(call, &sk_request_decisions_table, &of_request, 1);
}

static int decide(const SkActor *actor, void *userdata)
{
	Asking *asking = userdata;
	int r = sk_request_decide(actor, &asking->decision, &asking->done);

	return r == 0 && asking->done ? sk_grants_of_request(actor, asking->signing, asking->decision.request)
				      : r;
}

int sk_api_request_decide(SkCall *call)
{
	Asking asking = {.signing = call->server->home.signing,
		.decision = {.request = sk_call_text(call, "request"),
			.approved = json_is_true(json_object_get(call->body, "approved")),
			.reason = sk_call_body_text(call, "reason"),
			.conditions = sk_call_body_text(call, "conditions")}};
	int r = sk_call_act(call, decide, &asking);

	return sk_call_answer_row(call, r, 200, &sk_requests_table, asking.decision.request);
}

static int act(const SkActor *actor, void *userdata)
{
	const Asking *asking = userdata;

	return sk_request_act(actor, asking->request, asking->action, asking->note);
}

static int act_on(SkCall *call, SkRequestAction action)
{
	Asking asking = {.request = sk_call_text(call, "request"),
		.action = action,
		.note = sk_call_body_text(call, "note")};
	int r = sk_call_act(call, act, &asking);

	return sk_call_answer_row(call, r, 200, &sk_requests_table, asking.request);
}

int sk_api_request_withdraw(SkCall *call)
{
	return act_on(call, SK_REQUEST_WITHDRAW);
}

int sk_api_request_hand_over(SkCall *call)
{
	return act_on(call, SK_REQUEST_HAND_OVER);
}

int sk_api_request_return(SkCall *call)
{
	return act_on(call, SK_REQUEST_RETURN);
}

int sk_api_request_close(SkCall *call)
{
	return act_on(call, SK_REQUEST_CLOSE);
}
