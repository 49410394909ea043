/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of media: erased at a terminal or elsewhere, destroyed by two people. */
#include <errno.h>
#include <stdlib.h>

#include "api_handlers.h"
#include "console/keys/epoch.h"
#include "console/rules/erasure.h"
#include "console/rules/ledger.h"
#include "console/server/act.h"
#include "console/server/agent_call.h"
#include "console/server/server.h"
#include "lib/base/own.h"

typedef struct Ending {
	SkVault *vault;
	SkRowKey key;
	const json_t *fields;
	const char *certificate;
} Ending;

static int enter_erasure(const SkActor *actor, void *userdata)
{
	const Ending *ending = userdata;

	return sk_erasure_enter(actor, ending->vault, &ending->key, ending->fields);
}

static int enter_destruction(const SkActor *actor, void *userdata)
{
	const Ending *ending = userdata;

	return sk_destruction_enter(actor, &ending->key, ending->fields);
}

static int confirm_destruction(const SkActor *actor, void *userdata)
{
	const Ending *ending = userdata;

	return sk_destruction_confirm(actor, ending->vault, &ending->key);
}

static int take(const SkActor *actor, void *userdata)
{
	const Ending *ending = userdata;

	return sk_erasure_take(actor, ending->vault, ending->certificate);
}

/* As sk_api_incident_report(): the key is cut in the transaction, and is gone everywhere right after it. */
static int act(SkCall *call, typeof(sk_call_act) *run, int (*rule)(const SkActor *actor, void *userdata),
	Ending *ending)
{
	int r;

	ending->vault = call->server->home.vault;
	r = sk_epoch_apply(call->db, ending->vault, NULL);
	if (r == 0)
		r = run(call, rule, ending);
	if (r == 0)
		r = sk_epoch_apply(call->db, ending->vault, NULL);
	if (r == 0)
		sk_poll_wake(call->server->poll, NULL);
	return r;
}

static int end(SkCall *call, int (*rule)(const SkActor *actor, void *userdata))
{
	Ending ending = {.key = {sk_call_text(call, "medium"), sk_call_body_int(call, "version")},
		.fields = call->body};
	int r = act(call, sk_call_act, rule, &ending);

	return sk_call_answer_row(call, r, 200, &sk_media_table, ending.key.id);
}

int sk_api_medium_erase(SkCall *call)
{
	return end(call, enter_erasure);
}

int sk_api_medium_destroy(SkCall *call)
{
	return end(call, enter_destruction);
}

int sk_api_medium_confirm_destroyed(SkCall *call)
{
	return end(call, confirm_destruction);
}

int sk_api_agent_erased(SkCall *call)
{
	own_free char *certificate =
		json_dumps(json_object_get(call->body, "certificate"), JSON_COMPACT | JSON_ENCODE_ANY);
	Ending ending = {.certificate = certificate};
	int r = certificate ? act(call, sk_agent_act, take, &ending) : -ENOMEM;

	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

int sk_api_medium_erasures(SkCall *call)
{
	const SkFilter of_medium = {"medium_id", SK_FILTER_EQUAL, sk_call_text(call, "medium")};
	json_auto_t *medium = NULL;
	/* One of a medium that is not there for the caller is no certificate. */
	int r = sk_table_read(call->db, &sk_media_table, &call->caller.scope, of_medium.text, &medium);

	return r < 0 ? r : sk_call_answer_list(call, &sk_erasures_table, &of_medium, 1);
}
