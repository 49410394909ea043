/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept to open a medium without its passphrase, given out by two people. */
#include "api_handlers.h"
#include "console/rules/recovery.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/box.h"

int sk_api_recovery_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"medium_id", SK_FILTER_EQUAL, sk_call_text(call, "ofMedium")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_recoveries_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_recovery_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_recoveries_table, sk_call_text(call, "recovery"));
}

typedef struct Recovering {
	const char *id;
	SkRecoveryOrder order;
	bool approved;
	SkVault *vault;
	SkRecovered recovered;
	char made[SK_ID_SIZE];
} Recovering;

static int ask(const SkActor *actor, void *userdata)
{
	Recovering *work = userdata;

	return sk_recovery_ask(actor, &work->order, work->made);
}

int sk_api_recovery_ask(SkCall *call)
{
	Recovering work = {.order = {.facility = sk_call_body_text(call, "facility"),
				   .medium = sk_call_body_text(call, "medium"),
				   .reason = sk_call_body_text(call, "reason")}};
	int r = sk_call_act(call, ask, &work);

	return sk_call_answer_row(call, r, 201, &sk_recoveries_table, work.made);
}

static int decide(const SkActor *actor, void *userdata)
{
	const Recovering *work = userdata;

	return sk_recovery_decide(actor, work->id, work->approved);
}

int sk_api_recovery_decide(SkCall *call)
{
	Recovering work = {.id = sk_call_text(call, "recovery"),
		.approved = json_is_true(json_object_get(call->body, "approved"))};
	int r = sk_call_act(call, decide, &work);

	return sk_call_answer_row(call, r, 200, &sk_recoveries_table, work.id);
}

static int take(const SkActor *actor, void *userdata)
{
	Recovering *work = userdata;

	return sk_recovery_take(actor, work->vault, work->id, &work->recovered);
}

static int answer_box(SkCall *call, const SkRecovered *recovered)
{
	char text[SK_BASE64_SIZE(SK_ESCROW_BOX_MAX)];

	sk_base64_format(sk_secret_data(recovered->box), sk_secret_size(recovered->box), text);
	return sk_call_answer(call, 200,
		json_pack("{s:s, s:s, s:s, s:s, s:s}", "medium", recovered->medium, "recoveryKey",
			recovered->recovery_key, "algorithm", SK_BOX_ALGORITHM, "info", SK_ESCROW_BOX_INFO,
			"box", text));
}

int sk_api_recovery_take(SkCall *call)
{
	Recovering work = {.id = sk_call_text(call, "recovery"), .vault = call->server->home.vault};
	int r = sk_call_act(call, take, &work);

	if (r == 0)
		r = answer_box(call, &work.recovered);
	sk_recovered_deinit(&work.recovered);
	return r < 0 ? r : 0;
}
