/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "agent/core/peer_uplink.h"
#include "lib/base/own.h"
#include "lib/ipc/proto_uplink.h"
#include "lib/log/log.h"

#define FILE_NAME "outbox.json"
#define CALLS_MAX 256
#define FILE_MAX (8u * SK_UPLINK_JSON_MAX)

/* One call: {key, operation, body}. */
struct Outbox {
	json_t *calls;
	bool sending; /* the first */
};

static int keep(const Core *core)
{
	return console_store(core->console, FILE_NAME, json_incref(core->outbox->calls));
}

int outbox_open(Core *core)
{
	Outbox *outbox = calloc(1, sizeof(*outbox));
	int r;

	if (!outbox)
		return -ENOMEM;
	core->outbox = outbox;
	r = console_load(core->console, FILE_NAME, FILE_MAX, &outbox->calls);
	if (r == 0 && json_is_array(outbox->calls))
		return 0;
	if (r != -ENOENT)
		sk_log(LOG_ERR, "what was to be told to the console cannot be read, and is not told");
	json_decref(outbox->calls);
	outbox->calls = json_array();
	return outbox->calls ? 0 : -ENOMEM;
}

void outbox_close(Core *core)
{
	if (!core->outbox)
		return;
	json_decref(core->outbox->calls);
	free(own_take(core->outbox));
}

static bool fits(const Outbox *outbox)
{
	return json_array_size(outbox->calls) <= CALLS_MAX &&
	       json_dumpb(outbox->calls, NULL, 0, JSON_COMPACT) < FILE_MAX;
}

int outbox_put(Core *core, const char *operation, json_t *body)
{
	Outbox *outbox = core->outbox;
	char key[UPLINK_KEY_SIZE];
	int r;

	uplink_key_new(key);
	if (json_array_append_new(outbox->calls,
		    json_pack("{s:s, s:s, s:O}", "key", key, "operation", operation, "body", body)) < 0)
		return -ENOMEM;
	r = fits(outbox) ? keep(core) : -ENOSPC;
	if (r < 0) {
		json_array_remove(outbox->calls, json_array_size(outbox->calls) - 1);
		sk_log(LOG_ERR, "the console will not hear of %s: it cannot be kept", operation);
		return r;
	}
	outbox_send(core);
	return 0;
}

/* The uplink has it on the disk, or not. A removal that is not kept only has it told twice. */
static void on_taken(void *userdata, int result, unsigned status, const char *json)
{
	Core *core = userdata;
	Outbox *outbox = core->outbox;

	if (!outbox || !outbox->sending)
		return;
	outbox->sending = false;
	if (result < 0)
		return;
	json_array_remove(outbox->calls, 0);
	(void)keep(core);
	outbox_send(core);
}

void outbox_send(Core *core)
{
	Outbox *outbox = core->outbox;
	const json_t *call = outbox && !outbox->sending ? json_array_get(outbox->calls, 0) : NULL;

	if (!call || !core->uplink.chan)
		return;
	outbox->sending = true;
	if (uplink_hand_over(core,
		    &(UplinkRequest){.operation = text_of(call, "operation"),
			    .body = json_object_get(call, "body"),
			    .flag = SK_UPLINK_CALL_SPOOL,
			    .done = on_taken,
			    .userdata = core},
		    text_of(call, "key")) < 0)
		outbox->sending = false;
}

void outbox_forget(Core *core)
{
	if (!core->outbox)
		return;
	json_array_clear(core->outbox->calls);
	core->outbox->sending = false;
	unlinkat(core->console->dir_fd, FILE_NAME, 0);
}
