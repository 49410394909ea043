/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Webhooks, and what waits to be sent. */
#include <errno.h>
#include <string.h>

#include "api_handlers.h"
#include "console/jobs/post.h"
#include "console/rules/notice.h"
#include "console/rules/outbox.h"
#include "console/rules/webhooks.h"
#include "console/server/act.h"
#include "console/server/duty_outbox.h"
#include "console/server/server.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"

int sk_api_webhook_list(SkCall *call)
{
	return sk_call_answer_list(call, &sk_webhooks_table, NULL, 0);
}

static int create(const SkActor *actor, void *userdata)
{
	return sk_webhook_create(actor, userdata);
}

int sk_api_webhook_create(SkCall *call)
{
	uint8_t secret[SK_WEBHOOK_SECRET_SIZE], wrapped[SK_WEBHOOK_WRAPPED_SIZE];
	char id[SK_ID_SIZE], shown[2 * SK_WEBHOOK_SECRET_SIZE + 1];
	SkWebhookNew webhook = {.id = id,
		.facility = sk_call_body_text(call, "facility"),
		.name = sk_call_body_text(call, "name"),
		.url = sk_call_body_text(call, "url"),
		.kinds = json_object_get(call->body, "kinds"),
		.wrapped = wrapped,
		.wrapped_size = sizeof(wrapped)};
	int r;

	sk_id_new(id);
	sk_random_fill(secret, sizeof(secret));
	sk_webhook_wrap(call->server, id, secret, wrapped);
	r = sk_call_act(call, create, &webhook);
	sk_hex_format(shown, secret, sizeof(secret));
	sk_secret_wipe(secret, sizeof(secret));
	if (r != 0)
		return r < 0 ? r : 0;
	return sk_call_answer(call, 201, json_pack("{s:s, s:s}", "id", id, "secret", shown));
}

static int pause_webhook(const SkActor *actor, void *userdata)
{
	const SkCall *call = userdata;

	return sk_webhook_pause(actor,
		&(SkRowKey){sk_call_text(call, "webhook"), sk_call_body_int(call, "version")},
		json_is_true(json_object_get(call->body, "paused")));
}

int sk_api_webhook_pause(SkCall *call)
{
	int r = sk_call_act(call, pause_webhook, call);

	return sk_call_answer_row(call, r, 200, &sk_webhooks_table, sk_call_text(call, "webhook"));
}

static int remove_webhook(const SkActor *actor, void *userdata)
{
	return sk_webhook_remove(actor, userdata);
}

int sk_api_webhook_remove(SkCall *call)
{
	int r = sk_call_act(call, remove_webhook, (void *)sk_call_text(call, "webhook"));

	return r != 0 ? (r < 0 ? r : 0) : sk_call_done(call);
}

/* To this one only, whatever kinds it wants. */
static int try_webhook(const SkActor *actor, void *userdata)
{
	const char *id = userdata, *facility;
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_webhooks_table, actor->scope, id, &row);

	if (r < 0)
		return r;
	facility = sk_row_text(row, "facility");
	return sk_notice_try(actor, id,
		&(SkNotice){.facility = *facility ? facility : NULL,
			.kind = "trial",
			.matter = "",
			.code = SK_NOTICE_TEST,
			.about = sk_row_text(row, "name")});
}

int sk_api_webhook_try(SkCall *call)
{
	int r = sk_call_act(call, try_webhook, (void *)sk_call_text(call, "webhook"));

	return r != 0 ? (r < 0 ? r : 0) : sk_call_done(call);
}

int sk_api_message_list(SkCall *call)
{
	const SkFilter filters[] = {{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_outbox_table, filters, SK_ARRAY_SIZE(filters));
}

static int retry(const SkActor *actor, void *userdata)
{
	return sk_outbox_retry(actor, userdata);
}

int sk_api_message_retry(SkCall *call)
{
	const char *id = sk_call_text(call, "message");
	int r = sk_call_act(call, retry, (void *)id);

	return sk_call_answer_row(call, r, 200, &sk_outbox_table, id);
}
