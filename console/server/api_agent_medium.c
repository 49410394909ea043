/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What agents tell of media that are not open: seen, and reported lost. */
#include "api_handlers.h"
#include "console/keys/epoch.h"
#include "console/rules/loss_report.h"
#include "console/rules/sighting.h"
#include "console/server/act.h"
#include "console/server/agent_call.h"
#include "console/server/server.h"

typedef struct Seeing {
	const SkSigning *signing;
	SkMediumSeen seen;
	SkMediumStands stands;
} Seeing;

static int see(const SkActor *actor, void *userdata)
{
	Seeing *seeing = userdata;

	return sk_medium_seen(actor, seeing->signing, &seeing->seen, &seeing->stands);
}

int sk_api_agent_sighting(SkCall *call)
{
	Seeing seeing = {.signing = call->server->home.signing,
		.seen = {.medium = sk_call_body_text(call, "medium"),
			.organisation = sk_call_body_text(call, "organisation"),
			.uuid = sk_call_body_text(call, "uuid"),
			.at = sk_call_body_int(call, "at")}};
	const SkMediumStands *stands = &seeing.stands;
	int r = sk_agent_act(call, see, &seeing);

	if (r != 0)
		return r < 0 ? r : 0;
	return sk_call_answer(call, 200,
		json_pack("{s:s, s:I, s:s}", "standing", sk_standing_name(stands->standing), "since",
			(json_int_t)stands->since, "contact", stands->contact));
}

typedef struct Losing {
	SkVault *vault;
	SkLossReport report;
} Losing;

static int lose(const SkActor *actor, void *userdata)
{
	const Losing *losing = userdata;

	return sk_loss_report(actor, losing->vault, &losing->report);
}

/* As sk_api_incident_report(): what is cut in the transaction becomes true right after it. */
int sk_api_agent_loss(SkCall *call)
{
	Losing losing = {.vault = call->server->home.vault,
		.report = {.medium = sk_call_body_text(call, "medium"),
			.user = sk_call_body_text(call, "user"),
			.text = sk_call_body_text(call, "text"),
			.known = sk_call_body_int(call, "known")}};
	int r = sk_epoch_apply(call->db, losing.vault, NULL);

	if (r == 0)
		r = sk_agent_act(call, lose, &losing);
	if (r == 0)
		r = sk_epoch_apply(call->db, losing.vault, NULL);
	if (r != 0)
		return r < 0 ? r : 0;
	sk_poll_wake(call->server->poll, NULL);
	return sk_call_done(call);
}
