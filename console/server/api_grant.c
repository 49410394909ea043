/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Grants: who may open which medium where; and the organisation's recovery key, which they carry. */
#include "api_handlers.h"
#include "console/rules/grants.h"
#include "console/rules/recovery_key.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"

#define USUAL_HOURS 8

typedef struct Granting {
	SkRowKey key;
	const char *reason;
	SkGrantKeys keys;
	SkPreparation preparation;
	SkErasing erasing;
	char made[SK_ID_SIZE];
} Granting;

int sk_api_grant_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"medium_id", SK_FILTER_EQUAL, sk_call_text(call, "ofMedium")},
		{"terminal_id", SK_FILTER_EQUAL, sk_call_text(call, "ofTerminal")},
		{"request_id", SK_FILTER_EQUAL, sk_call_text(call, "ofRequest")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_grants_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_grant_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_grants_table, sk_call_text(call, "grant"));
}

static int take_back(const SkActor *actor, void *userdata)
{
	const Granting *granting = userdata;

	return sk_grant_revoke(actor, &granting->key, granting->reason);
}

int sk_api_grant_revoke(SkCall *call)
{
	Granting granting = {.key = {sk_call_text(call, "grant"), sk_call_body_int(call, "version")},
		.reason = sk_call_body_text(call, "reason")};
	int r = sk_call_act(call, take_back, &granting);

	return sk_call_answer_row(call, r, 200, &sk_grants_table, granting.key.id);
}

static int prepare(const SkActor *actor, void *userdata)
{
	Granting *granting = userdata;

	return sk_grant_prepare(actor, &granting->keys, &granting->preparation, granting->made);
}

int sk_api_grant_prepare(SkCall *call)
{
	const char *user = sk_call_body_text(call, "userName");
	int64_t hours = sk_call_body_int(call, "hours");
	Granting granting = {.keys = {call->server->home.signing, call->server->home.vault},
		.preparation = {.medium = sk_call_text(call, "medium"),
			.terminal = sk_call_body_text(call, "terminal"),
			.user = user ? user : "",
			.hours = hours > 0 ? hours : USUAL_HOURS,
			.again = json_is_true(json_object_get(call->body, "again"))}};
	int r = sk_call_act(call, prepare, &granting);

	return sk_call_answer_row(call, r, 201, &sk_grants_table, granting.made);
}

static int erase(const SkActor *actor, void *userdata)
{
	Granting *granting = userdata;

	return sk_grant_erase(actor, granting->keys.signing, &granting->erasing, granting->made);
}

int sk_api_grant_erase(SkCall *call)
{
	const char *user = sk_call_body_text(call, "userName");
	int64_t hours = sk_call_body_int(call, "hours");
	Granting granting = {.keys = {.signing = call->server->home.signing},
		.erasing = {.medium = sk_call_text(call, "medium"),
			.terminal = sk_call_body_text(call, "terminal"),
			.group = sk_call_body_text(call, "group"),
			.user = user ? user : "",
			.hours = hours > 0 ? hours : USUAL_HOURS}};
	int r = sk_call_act(call, erase, &granting);

	return sk_call_answer_row(call, r, 201, &sk_grants_table, granting.made);
}

int sk_api_recovery_key_list(SkCall *call)
{
	const SkFilter recovery = {"purpose", SK_FILTER_EQUAL, "recovery"};

	return sk_call_answer_list(call, &sk_recovery_keys_table, &recovery, 1);
}

typedef struct Setting {
	const char *public_key;
	char id[64];
} Setting;

static int set(const SkActor *actor, void *userdata)
{
	Setting *setting = userdata;

	return sk_recovery_key_set(actor, setting->public_key, setting->id);
}

int sk_api_recovery_key_set(SkCall *call)
{
	Setting setting = {.public_key = sk_call_body_text(call, "publicKey")};
	int r = sk_call_act(call, set, &setting);

	return sk_call_answer_row(call, r, 201, &sk_recovery_keys_table, setting.id);
}
