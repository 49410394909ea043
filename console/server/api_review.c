/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reviews of the records (LOG-4). */
#include "api_handlers.h"
#include "console/rules/review.h"
#include "console/server/act.h"
#include "lib/base/str.h"

int sk_api_review_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_reviews_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_review_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_reviews_table, sk_call_text(call, "review"));
}

static int finish(const SkActor *actor, void *userdata)
{
	return sk_review_finish(actor, userdata);
}

int sk_api_review_finish(SkCall *call)
{
	const char *action = sk_call_body_text(call, "action");
	SkReviewResult result = {.key = {sk_call_text(call, "review"), sk_call_body_int(call, "version")},
		.finding = sk_call_body_text(call, "finding"),
		.action = action ? action : ""};
	int r = sk_call_act(call, finish, &result);

	return sk_call_answer_row(call, r, 200, &sk_reviews_table, result.key.id);
}
