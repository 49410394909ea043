/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records out of the console: receivers, lines of a chain, stamps; and alarms about chains. */
#include <errno.h>
#include <stdlib.h>

#include "api_handlers.h"
#include "console/rules/forwarding.h"
#include "console/rules/heads.h"
#include "console/rules/records.h"
#include "console/rules/terminals.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"

int sk_api_export_target_list(SkCall *call)
{
	return sk_call_answer_list(call, &sk_export_targets_table, NULL, 0);
}

typedef struct Creating {
	SkExportTargetNew target;
	char made[SK_ID_SIZE];
} Creating;

static int create(const SkActor *actor, void *userdata)
{
	Creating *creating = userdata;

	return sk_export_target_create(actor, &creating->target, creating->made);
}

int sk_api_export_target_create(SkCall *call)
{
	const char *authority = sk_call_body_text(call, "authority"),
		   *confirmation = sk_call_body_text(call, "confirmation");
	Creating creating = {.target = {.facility = sk_call_body_text(call, "facility"),
				     .name = sk_call_body_text(call, "name"),
				     .form = sk_call_body_text(call, "form"),
				     .address = sk_call_body_text(call, "address"),
				     .authority = authority ? authority : "",
				     .confirmation = confirmation ? confirmation : "close-notify",
				     .from_start = json_is_true(json_object_get(call->body, "fromStart"))}};
	int r = sk_call_act(call, create, &creating);

	return sk_call_answer_row(call, r, 201, &sk_export_targets_table, creating.made);
}

static int pause_target(const SkActor *actor, void *userdata)
{
	const SkCall *call = userdata;

	return sk_export_target_pause(actor,
		&(SkRowKey){sk_call_text(call, "target"), sk_call_body_int(call, "version")},
		json_is_true(json_object_get(call->body, "paused")));
}

int sk_api_export_target_pause(SkCall *call)
{
	int r = sk_call_act(call, pause_target, call);

	return sk_call_answer_row(call, r, 200, &sk_export_targets_table, sk_call_text(call, "target"));
}

static int remove_target(const SkActor *actor, void *userdata)
{
	return sk_export_target_remove(actor, userdata);
}

int sk_api_export_target_remove(SkCall *call)
{
	int r = sk_call_act(call, remove_target, (void *)sk_call_text(call, "target"));

	return r != 0 ? (r < 0 ? r : 0) : sk_call_done(call);
}

/* ---- lines of a chain ---- */

static int write_chain(SkCall *call, const void *chain, FILE *out)
{
	return sk_export_chain(call->db, &call->caller.scope, chain, out);
}

int sk_api_record_export(SkCall *call)
{
	const char *form = sk_call_text(call, "form");
	SkExportChain chain = {.terminal = sk_call_text(call, "terminal"),
		.from_seq = sk_call_int(call, "fromSeq"),
		.limit = sk_call_int(call, "limit"),
		.form = (SkExportForm)sk_export_form_parse(form)};
	json_auto_t *row = NULL;
	int r = sk_table_read(call->db, &sk_terminals_table, &call->caller.scope, chain.terminal, &row);

	return r < 0 ? r : sk_call_answer_written(call, "text/plain; charset=utf-8", write_chain, &chain);
}

/* ---- alarms about chains ---- */

int sk_api_chain_alarm_list(SkCall *call)
{
	const char *open = sk_call_text(call, "open");
	const SkFilter filters[] = {{"terminal_id", SK_FILTER_EQUAL, sk_call_text(call, "ofTerminal")},
		{"resolved", SK_FILTER_NULL, open}};

	return sk_call_answer_list(call, &sk_chain_alarms_table, filters, SK_ARRAY_SIZE(filters));
}

static int resolve(const SkActor *actor, void *userdata)
{
	const SkCall *call = userdata;

	return sk_chain_alarm_resolve(actor,
		&(SkRowKey){sk_call_text(call, "alarm"), sk_call_body_int(call, "version")},
		sk_call_body_text(call, "note"));
}

int sk_api_chain_alarm_resolve(SkCall *call)
{
	int r = sk_call_act(call, resolve, call);

	return sk_call_answer_row(call, r, 200, &sk_chain_alarms_table, sk_call_text(call, "alarm"));
}

/* ---- stamps ---- */

int sk_api_stamp_list(SkCall *call)
{
	return sk_call_answer_list(call, &sk_anchors_table, NULL, 0);
}

int sk_api_stamp_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_anchors_table, sk_call_text(call, "stamp"));
}

int sk_api_stamp_check(SkCall *call)
{
	int r = sk_anchor_check(call->db, sk_call_text(call, "stamp"));

	if (r < 0 && r != -EBADMSG)
		return r;
	return sk_call_answer(call, 200, json_pack("{s:b}", "same", r == 0));
}
