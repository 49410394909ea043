/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people do with PCs: enrolment codes, the list, the end; and their records. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "console/rules/records.h"
#include "console/rules/terminals.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "console/server/trust.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/enrol/code.h"

#define HOUR_MS INT64_C(3600000)
#define HOURS 24

typedef struct Change {
	SkRowKey key;
	const char *reason;
	SkEnrolmentOrder order;
	char made[SK_ID_SIZE];
} Change;

int sk_api_terminal_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_terminals_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_terminal_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_terminals_table, sk_call_text(call, "terminal"));
}

static int retire(const SkActor *actor, void *userdata)
{
	const Change *change = userdata;

	return sk_terminal_retire(actor, &change->key, change->reason);
}

int sk_api_terminal_retire(SkCall *call)
{
	Change change = {.key = {sk_call_text(call, "terminal"), sk_call_body_int(call, "version")},
		.reason = sk_call_body_text(call, "reason")};
	int r = sk_call_act(call, retire, &change);

	/* It hears at once that nobody listens to it any more. */
	if (r == 0)
		sk_poll_wake(call->server->poll, change.key.id);
	return sk_call_answer_row(call, r, 200, &sk_terminals_table, change.key.id);
}

int sk_api_enrolment_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")}};

	return sk_call_answer_list(call, &sk_enrolment_codes_table, filters, SK_ARRAY_SIZE(filters));
}

static int create(const SkActor *actor, void *userdata)
{
	Change *change = userdata;

	return sk_enrolment_create(actor, &change->order, change->made);
}

/* The fingerprint of the bundle as it is now, and a secret that nobody keeps. Return: 0, -EINVAL the host. */
static int make_code(
	SkCall *call, SkEnrolCode *code, char text[SK_ENROL_CODE_SIZE], uint8_t hash[SK_SHA256_SIZE])
{
	own_free char *bundle = NULL;
	char secret[SK_ENROL_SECRET_TEXT_SIZE];
	uint8_t digest[SK_SHA256_SIZE];
	int r = sk_trust_bundle(call->server, call->db, &bundle);

	if (r < 0)
		return r;
	sk_sha256(digest, bundle, strlen(bundle));
	memcpy(code->fingerprint, digest, sizeof(code->fingerprint));
	sk_random_fill(code->secret, sizeof(code->secret));
	sk_enrol_secret_format(secret, code->secret);
	sk_sha256(hash, secret, strlen(secret));
	sk_secret_wipe(secret, sizeof(secret));
	return sk_enrol_code_format(text, code);
}

int sk_api_enrolment_create(SkCall *call)
{
	SkEnrolCode code = {.port = (uint16_t)call->server->settings->listen.people_port};
	const char *name = sk_call_body_text(call, "name");
	int64_t hours = sk_call_body_int(call, "hours");
	char text[SK_ENROL_CODE_SIZE];
	Change change = {.order = {.facility = sk_call_body_text(call, "facility"),
				 .name = name ? name : "",
				 .expires = sk_time_now() + (hours > 0 ? hours : HOURS) * HOUR_MS}};
	int r = sk_str_copy(code.host, sizeof(code.host), sk_call_body_text(call, "host"))
			? make_code(call, &code, text, change.order.secret_hash)
			: -EINVAL;

	if (r == -EINVAL)
		return sk_call_refuse_member(call, SK_REQUEST_INVALID, "/host", "not the name of a host");
	if (r == 0)
		r = sk_call_act(call, create, &change);
	if (r == 0)
		r = sk_call_answer(call, 201, json_pack("{s:s, s:s}", "id", change.made, "code", text));
	sk_secret_wipe(&code, sizeof(code));
	sk_secret_wipe(text, sizeof(text));
	return r < 0 ? r : 0;
}

static int take_back(const SkActor *actor, void *userdata)
{
	const Change *change = userdata;

	return sk_enrolment_revoke(actor, &change->key);
}

int sk_api_enrolment_revoke(SkCall *call)
{
	Change change = {.key = {sk_call_text(call, "enrolment"), sk_call_body_int(call, "version")}};
	int r = sk_call_act(call, take_back, &change);

	return sk_call_answer_row(call, r, 200, &sk_enrolment_codes_table, change.key.id);
}

int sk_api_record_list(SkCall *call)
{
	const SkFilter filters[] = {{"terminal_id", SK_FILTER_EQUAL, sk_call_text(call, "ofTerminal")},
		{"kind", SK_FILTER_EQUAL, sk_call_text(call, "kind")}};

	return sk_call_answer_list(call, &sk_records_table, filters, SK_ARRAY_SIZE(filters));
}
