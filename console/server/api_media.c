/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger: one medium. */
#include <errno.h>
#include <stdlib.h>

#include "api_handlers.h"
#include "console/rules/label.h"
#include "console/rules/ledger.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"

typedef struct Change {
	SkRowKey key;
	json_t *fields;
	SkMediumStep step;
	char made[SK_ID_SIZE];
} Change;

int sk_api_medium_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")},
		{"kind", SK_FILTER_EQUAL, sk_call_text(call, "kind")},
		{"number", SK_FILTER_EQUAL, sk_call_text(call, "number")},
		{"custodian_id", SK_FILTER_EQUAL, sk_call_text(call, "custodian")},
		{"holder_id", SK_FILTER_EQUAL, sk_call_text(call, "holder")},
		{"due", SK_FILTER_UNTIL, sk_call_text(call, "dueBefore")},
		{"overdue_from", SK_FILTER_UNTIL, sk_call_text(call, "overdueBefore")}};

	return sk_call_answer_list(call, &sk_media_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_medium_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_media_table, sk_call_text(call, "medium"));
}

static int register_medium(const SkActor *actor, void *userdata)
{
	Change *change = userdata;

	return sk_ledger_register(actor, change->fields, change->made);
}

int sk_api_medium_register(SkCall *call)
{
	Change change = {.fields = call->body};
	int r = sk_call_act(call, register_medium, &change);

	return sk_call_answer_row(call, r, 201, &sk_media_table, change.made);
}

static int change_medium(const SkActor *actor, void *userdata)
{
	const Change *change = userdata;

	return sk_ledger_change(actor, &change->key, change->fields);
}

int sk_api_medium_change(SkCall *call)
{
	Change change = {.key = {sk_call_text(call, "medium"), sk_call_body_int(call, "version")},
		.fields = call->body};
	int r = sk_call_act(call, change_medium, &change);

	return sk_call_answer_row(call, r, 200, &sk_media_table, change.key.id);
}

int sk_api_medium_history(SkCall *call)
{
	const SkFilter of_medium = {"medium_id", SK_FILTER_EQUAL, sk_call_text(call, "medium")};
	json_auto_t *medium = NULL;
	/* A medium without a history is one that is not there for the caller. */
	int r = sk_table_read(call->db, &sk_media_table, &call->caller.scope, of_medium.text, &medium);

	return r < 0 ? r : sk_call_answer_list(call, &sk_media_history_table, &of_medium, 1);
}

static int step_medium(const SkActor *actor, void *userdata)
{
	const Change *change = userdata;

	return sk_ledger_step(actor, &change->step);
}

static int step(SkCall *call, SkMediumAction action)
{
	Change change = {.step = {.key = {sk_call_text(call, "medium"), sk_call_body_int(call, "version")},
				 .action = action,
				 .reason = sk_call_body_text(call, "reason")}};
	int r = sk_call_act(call, step_medium, &change);

	return sk_call_answer_row(call, r, 200, &sk_media_table, change.step.key.id);
}

int sk_api_medium_stock(SkCall *call)
{
	return step(call, SK_MEDIUM_STOCK);
}

int sk_api_medium_inspect(SkCall *call)
{
	return step(call, SK_MEDIUM_INSPECT);
}

int sk_api_medium_lose(SkCall *call)
{
	return step(call, SK_MEDIUM_LOSE);
}

int sk_api_medium_find(SkCall *call)
{
	return step(call, SK_MEDIUM_FIND);
}

int sk_api_medium_take_back(SkCall *call)
{
	return step(call, SK_MEDIUM_TAKE_BACK);
}

int sk_api_medium_retire(SkCall *call)
{
	return step(call, SK_MEDIUM_RETIRE);
}

/* The name and the telephone number of the facility, for whoever finds it. */
static int write_label(SkCall *call, const void *what, FILE *out)
{
	const json_t *medium = what;
	own_rows SkDbRows *rows = NULL;
	const char *facility = json_string_value(json_object_get(medium, "facility"));
	int r = sk_db_query(call->db, "SELECT name, contact FROM facilities WHERE id = $1",
		SK_DB_ARGS(sk_db_text(facility)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_label_write_svg(
		out, &(SkLabel){.organisation = facility,
			     .medium = json_string_value(json_object_get(medium, "id")),
			     .number = json_string_value(json_object_get(medium, "number")),
			     .classification = json_string_value(json_object_get(medium, "classification")),
			     .owner = sk_db_get_text(rows, 0),
			     .contact = sk_db_get_text(rows, 1) ? sk_db_get_text(rows, 1) : "",
			     .language = sk_call_language(call)});
}

int sk_api_medium_label(SkCall *call)
{
	json_auto_t *medium = NULL;
	int r = sk_table_read(
		call->db, &sk_media_table, &call->caller.scope, sk_call_text(call, "medium"), &medium);

	return r < 0 ? r : sk_call_answer_written(call, "image/svg+xml", write_label, medium);
}
