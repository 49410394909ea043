/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The screens of the PCs: the evidence of their days, and orders to lock them now. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api_handlers.h"
#include "console/rules/lock_orders.h"
#include "console/rules/screens.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"

int sk_api_lock_day_list(SkCall *call)
{
	const SkFilter filters[] = {{"terminal_id", SK_FILTER_EQUAL, sk_call_text(call, "ofTerminal")},
		{"day", SK_FILTER_FROM, sk_call_text(call, "from")}};

	return sk_call_answer_list(call, &sk_lock_days_table, filters, SK_ARRAY_SIZE(filters));
}

static SkScreenPeriod period_of(const SkCall *call)
{
	return (SkScreenPeriod){.from = sk_call_text(call, "from"),
		.to = sk_call_text(call, "to"),
		.facility = sk_call_text(call, "ofFacility"),
		.after = sk_call_text(call, "after"),
		.limit = (size_t)sk_call_int(call, "limit")};
}

int sk_api_lock_day_report(SkCall *call)
{
	const SkScreenPeriod period = period_of(call);
	json_t *answer = NULL;
	int r = sk_screen_days(call->db, &call->caller.scope, &period, &answer);

	return r < 0 ? r : sk_call_answer(call, 200, answer);
}

static int write_days(SkCall *call, const void *period, FILE *out)
{
	return sk_screen_days_csv(call->db, &call->caller.scope, period, sk_call_language(call), out);
}

int sk_api_lock_day_export(SkCall *call)
{
	const SkScreenPeriod period = period_of(call);

	return sk_call_answer_written(call, "text/csv", write_days, &period);
}

typedef struct Ordering {
	SkLockOrder order;
	char made[SK_ID_SIZE];
} Ordering;

static int order_lock(const SkActor *actor, void *userdata)
{
	Ordering *ordering = userdata;

	return sk_lock_order(actor, &ordering->order, ordering->made);
}

int sk_api_lock_order_create(SkCall *call)
{
	Ordering ordering = {.order = {.facility = sk_call_body_text(call, "facility"),
				     .group = sk_call_body_text(call, "group"),
				     .terminal = sk_call_body_text(call, "terminal"),
				     .reason = sk_call_body_text(call, "reason")}};
	int r = sk_call_act(call, order_lock, &ordering);

	return sk_call_answer_row(call, r, 201, &sk_lock_orders_table, ordering.made);
}

int sk_api_lock_order_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")}};

	return sk_call_answer_list(call, &sk_lock_orders_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_lock_order_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_lock_orders_table, sk_call_text(call, "lockOrder"));
}

int sk_api_lock_order_terminals(SkCall *call)
{
	const SkFilter filter = {"order_id", SK_FILTER_EQUAL, sk_call_text(call, "ofOrder")};

	return sk_call_answer_list_with(call, &sk_lock_order_terminals_table, &filter, sk_lock_order_judge);
}
