/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What agents tell of their own key, and of leases that are sealed to it. */
#include <string.h>

#include "api_handlers.h"
#include "console/rules/leases.h"
#include "console/rules/seal_key.h"
#include "console/server/act.h"
#include "console/server/agent_call.h"
#include "console/server/server.h"
#include "console/server/trust.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/reason/reason.h"

typedef struct Telling {
	SkSecret *secret;
	SkSealKey key;
	uint8_t box[SK_OFFLINE_BOX_SIZE];
} Telling;

static int tell(const SkActor *actor, void *userdata)
{
	Telling *telling = userdata;

	return sk_seal_key_tell(actor, telling->secret, &telling->key, telling->box);
}

static int answer_secret(SkCall *call, const Telling *telling)
{
	char box[SK_BASE64_SIZE(SK_OFFLINE_BOX_SIZE)];
	json_t *statement = NULL;
	int r;

	sk_base64_format(telling->box, sizeof(telling->box), box);
	r = sk_trust_sign(call->server, SK_DSSE_SECRET,
		json_pack("{s:s, s:s, s:s}", "terminal", call->terminal, "key",
			sk_call_body_text(call, "key"), "offline", box),
		&statement);
	return r < 0 ? r : sk_call_answer(call, 200, json_pack("{s:o}", "statement", statement));
}

int sk_api_agent_seal_key(SkCall *call)
{
	const char *key = sk_call_body_text(call, "key");
	Telling telling = {
		.secret = call->server->home.secret, .key = {.kind = sk_call_body_text(call, "kind")}};
	uint8_t bytes[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];
	size_t size = 0;
	int r;

	if (strlen(key) != SK_BASE64_SIZE(SK_BOX_KEY_SIZE) - 1 ||
		sk_base64_parse(key, strlen(key), bytes, &size) < 0 || size != SK_BOX_KEY_SIZE)
		return sk_call_refuse_member(call, SK_REQUEST_INVALID, "/key", "not 32 bytes");
	memcpy(telling.key.public_key, bytes, SK_BOX_KEY_SIZE);
	r = sk_agent_act(call, tell, &telling);
	return r < 0 ? r : r > 0 ? 0 : answer_secret(call, &telling);
}

typedef struct Leasing {
	const char *subject;
	SkLeaseNote note;
} Leasing;

static int take(const SkActor *actor, void *userdata)
{
	Leasing *leasing = userdata;

	return sk_lease_take(actor, leasing->subject, &leasing->note);
}

int sk_api_agent_lease(SkCall *call)
{
	Leasing leasing = {.subject = sk_call_body_text(call, "medium")};
	const SkLeaseNote *note = &leasing.note;
	json_t *statement = NULL;
	int r = sk_agent_act(call, take, &leasing);

	if (r == 0)
		r = sk_trust_sign(call->server, SK_DSSE_LEASE,
			json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "terminal", call->terminal, "id",
				note->id, "medium", leasing.subject, "grant", note->grant, "from",
				(json_int_t)note->from, "until", (json_int_t)note->until),
			&statement);
	if (r != 0)
		return r < 0 ? r : 0;
	return sk_call_answer(call, 200, json_pack("{s:o}", "statement", statement));
}

static int wiped(const SkActor *actor, void *userdata)
{
	const Leasing *leasing = userdata;

	return sk_lease_wiped(actor, leasing->subject);
}

int sk_api_agent_wiped(SkCall *call)
{
	Leasing leasing = {.subject = sk_call_body_text(call, "lease")};
	int r = sk_agent_act(call, wiped, &leasing);

	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

int sk_api_lease_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"medium_id", SK_FILTER_EQUAL, sk_call_text(call, "ofMedium")},
		{"terminal_id", SK_FILTER_EQUAL, sk_call_text(call, "ofTerminal")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_leases_table, filters, SK_ARRAY_SIZE(filters));
}
