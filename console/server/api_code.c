/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Codes for terminals without a network: those that are read out, and those in sealed envelopes. */
#include "api_handlers.h"
#include "console/rules/break_glass.h"
#include "console/rules/offline_code.h"
#include "console/server/act.h"
#include "console/server/agent_call.h"
#include "console/server/server.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define HOURS 4
#define MINUTES 60
#define DAYS 365

typedef struct Work {
	SkSecret *secret;
	SkRowKey key;
	SkOfflineOrder order;
	SkOfflineUse use;
	SkBreakGlassOrder envelope;
	SkBreakGlassUse broken;
	const char *finding;
	bool unknown;
	char made[SK_ID_SIZE], text[SK_GLASS_CODE_SIZE];
} Work;

int sk_api_offline_code_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"terminal_id", SK_FILTER_EQUAL, sk_call_text(call, "ofTerminal")},
		{"medium_id", SK_FILTER_EQUAL, sk_call_text(call, "ofMedium")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_offline_codes_table, filters, SK_ARRAY_SIZE(filters));
}

static int issue(const SkActor *actor, void *userdata)
{
	Work *work = userdata;

	return sk_offline_code_issue(actor, work->secret, &work->order, work->made, work->text);
}

static int answer_code(SkCall *call, int r, Work *work)
{
	if (r == 0)
		r = sk_call_answer(call, 201, json_pack("{s:s, s:s}", "id", work->made, "code", work->text));
	sk_secret_wipe(work->text, sizeof(work->text));
	return r < 0 ? r : 0;
}

int sk_api_offline_code_issue(SkCall *call)
{
	int64_t hours = sk_call_body_int(call, "hours");
	Work work = {.secret = call->server->home.secret,
		.order = {.facility = sk_call_body_text(call, "facility"),
			.terminal = sk_call_body_text(call, "terminal"),
			.medium = sk_call_body_text(call, "medium"),
			.user = sk_call_body_text(call, "userName"),
			.action = sk_call_body_text(call, "action"),
			.reason = sk_call_body_text(call, "reason"),
			.hours = hours > 0 ? hours : HOURS}};

	return answer_code(call, sk_call_act(call, issue, &work), &work);
}

static int take_back(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_offline_code_revoke(actor, &work->key);
}

int sk_api_offline_code_revoke(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "code"), sk_call_body_int(call, "version")}};
	int r = sk_call_act(call, take_back, &work);

	return sk_call_answer_row(call, r, 200, &sk_offline_codes_table, work.key.id);
}

static int note_code(const SkActor *actor, void *userdata)
{
	Work *work = userdata;

	return sk_offline_code_used(actor, &work->use, &work->unknown);
}

int sk_api_agent_code_used(SkCall *call)
{
	Work work = {.use = {.counter = sk_call_body_int(call, "counter"),
			     .start_hour = sk_call_body_int(call, "startHour"),
			     .medium = sk_call_body_text(call, "medium"),
			     .user = sk_call_body_text(call, "user"),
			     .action = sk_call_body_text(call, "action"),
			     .at = sk_call_body_int(call, "at")}};
	int r = sk_agent_act(call, note_code, &work);

	if (r == 0 && work.unknown)
		return sk_call_refuse(call, SK_NOT_FOUND, NULL);
	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

int sk_api_break_glass_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"terminal_id", SK_FILTER_EQUAL, sk_call_text(call, "ofTerminal")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_break_glass_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_break_glass_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_break_glass_table, sk_call_text(call, "glass"));
}

static int seal(const SkActor *actor, void *userdata)
{
	Work *work = userdata;

	return sk_break_glass_create(actor, &work->envelope, work->made, work->text);
}

int sk_api_break_glass_create(SkCall *call)
{
	int64_t minutes = sk_call_body_int(call, "minutes"), days = sk_call_body_int(call, "days");
	Work work = {.envelope = {.facility = sk_call_body_text(call, "facility"),
			     .terminal = sk_call_body_text(call, "terminal"),
			     .group = sk_call_body_text(call, "group"),
			     .kept_by = sk_call_body_text(call, "keptBy"),
			     .replaces = sk_call_body_text(call, "replaces"),
			     .minutes = minutes > 0 ? minutes : MINUTES,
			     .days = days > 0 ? days : DAYS}};

	if (!work.envelope.terminal == !work.envelope.group)
		return sk_call_refuse_member(
			call, SK_REQUEST_INVALID, "/terminal", "a terminal or a group, one of them");
	return answer_code(call, sk_call_act(call, seal, &work), &work);
}

static int take_envelope_back(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_break_glass_revoke(actor, &work->key);
}

int sk_api_break_glass_revoke(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "glass"), sk_call_body_int(call, "version")}};
	int r = sk_call_act(call, take_envelope_back, &work);

	return sk_call_answer_row(call, r, 200, &sk_break_glass_table, work.key.id);
}

static int review(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_break_glass_review(actor, &work->key, work->finding);
}

int sk_api_break_glass_review(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "glass"), sk_call_body_int(call, "version")},
		.finding = sk_call_body_text(call, "finding")};
	int r = sk_call_act(call, review, &work);

	return sk_call_answer_row(call, r, 200, &sk_break_glass_table, work.key.id);
}

static int note_glass(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_break_glass_used(actor, &work->broken);
}

int sk_api_agent_glass_used(SkCall *call)
{
	Work work = {.broken = {.id = sk_call_body_text(call, "code"),
			     .user = sk_call_body_text(call, "user"),
			     .reason = sk_call_body_text(call, "reason"),
			     .at = sk_call_body_int(call, "at"),
			     .ended = sk_call_body_int(call, "ended")}};
	int r = sk_agent_act(call, note_glass, &work);

	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}
