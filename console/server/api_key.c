/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Uses of the keys of media, and how many there may be. */
#include "api_handlers.h"
#include "console/rules/key_use.h"
#include "console/server/act.h"
#include "lib/base/str.h"

int sk_api_key_uses(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"medium_id", SK_FILTER_EQUAL, sk_call_text(call, "ofMedium")},
		{"terminal_id", SK_FILTER_EQUAL, sk_call_text(call, "ofTerminal")},
		{"at", SK_FILTER_FROM, sk_call_text(call, "from")}};

	return sk_call_answer_list(call, &sk_key_uses_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_key_limits(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")}};

	return sk_call_answer_list(call, &sk_key_limits_table, filters, SK_ARRAY_SIZE(filters));
}

static int set(const SkActor *actor, void *userdata)
{
	return sk_key_limit_set(actor, userdata);
}

static int take_away(const SkActor *actor, void *userdata)
{
	return sk_key_limit_remove(actor, userdata);
}

static SkKeyLimitOrder order_of(const SkCall *call)
{
	return (SkKeyLimitOrder){.facility = sk_call_body_text(call, "facility"),
		.kind = sk_call_body_text(call, "kind"),
		.id = sk_call_body_text(call, "subject"),
		.per_hour = sk_call_body_int(call, "perHour"),
		.per_day = sk_call_body_int(call, "perDay")};
}

int sk_api_key_limit(SkCall *call)
{
	SkKeyLimitOrder order = order_of(call);
	int r = sk_call_act(call, set, &order);

	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

int sk_api_key_unlimit(SkCall *call)
{
	SkKeyLimitOrder order = order_of(call);
	int r = sk_call_act(call, take_away, &order);

	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}
