/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on media: told by the terminals that closed them, read by people. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "console/rules/manifests.h"
#include "console/rules/sign_key.h"
#include "console/server/act.h"
#include "console/server/agent_call.h"
#include "console/server/server.h"
#include "console/server/trust.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/reason/reason.h"

static int tell(const SkActor *actor, void *userdata)
{
	return sk_sign_key_tell(actor, userdata);
}

int sk_api_agent_sign_key(SkCall *call)
{
	const char *key = sk_call_body_text(call, "key");
	uint8_t bytes[SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE)];
	json_t *statement = NULL;
	size_t size = 0;
	int r;

	if (strlen(key) != SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE) - 1 ||
		sk_base64_parse(key, strlen(key), bytes, &size) < 0 || size != SK_SIGN_PUBLIC_SIZE)
		return sk_call_refuse_member(call, SK_REQUEST_INVALID, "/key", "not 32 bytes");
	r = sk_agent_act(call, tell, bytes);
	if (r == 0)
		r = sk_trust_sign(call->server, SK_DSSE_TERMINAL_KEY,
			json_pack("{s:s, s:s}", "terminal", call->terminal, "key", key), &statement);
	if (r != 0)
		return r < 0 ? r : 0;
	return sk_call_answer(call, 200, json_pack("{s:o}", "statement", statement));
}

static int take(const SkActor *actor, void *userdata)
{
	return sk_manifest_take(actor, userdata);
}

int sk_api_agent_manifest(SkCall *call)
{
	const char *text = sk_call_body_text(call, "content");
	own_free char *envelope =
		json_dumps(json_object_get(call->body, "slip"), JSON_COMPACT | JSON_ENCODE_ANY);
	own_free uint8_t *content = malloc(strlen(text) + 4);
	SkManifestPart part = {
		.envelope = envelope, .content = content, .place = sk_call_body_int(call, "place")};
	int r;

	if (!envelope || !content)
		return -ENOMEM;
	if (sk_base64_parse(text, strlen(text), content, &part.size) < 0)
		return sk_call_refuse_member(call, SK_REQUEST_INVALID, "/content", "not base64");
	r = sk_agent_act(call, take, &part);
	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

int sk_api_manifest_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"medium_id", SK_FILTER_EQUAL, sk_call_text(call, "ofMedium")},
		{"request_id", SK_FILTER_EQUAL, sk_call_text(call, "ofRequest")},
		{"terminal_id", SK_FILTER_EQUAL, sk_call_text(call, "ofTerminal")},
		{"kind", SK_FILTER_EQUAL, sk_call_text(call, "kind")}};

	return sk_call_answer_list(call, &sk_manifests_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_manifest_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_manifests_table, sk_call_text(call, "manifest"));
}

int sk_api_manifest_files(SkCall *call)
{
	SkManifestLines page;
	int r = sk_manifest_read(call->db, &call->caller.scope, sk_call_text(call, "manifest"),
		sk_call_int(call, "from"), &page);

	if (r == -EINVAL)
		return sk_call_refuse(call, SK_REQUEST_INVALID, "no line begins there");
	if (r < 0)
		return r;
	return sk_call_answer(call, 200,
		json_pack("{s:o, s:o}", "items", page.lines, "next",
			page.next < 0 ? json_null() : json_integer(page.next)));
}

int sk_api_manifest_key(SkCall *call)
{
	json_t *keys = NULL;
	int r = sk_trust_keys(call->db, &keys);

	return r < 0 ? r : sk_call_answer(call, 200, json_pack("{s:o}", "keys", keys));
}
