/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger as a list, and stock-taking. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "console/rules/ledger_csv.h"
#include "console/rules/stock_taking.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/reason/reason.h"

/* Does the caller hold a role of the operation there? A facility of others does not exist. */
static bool has_facility(const SkCall *call, const char *facility)
{
	return sk_scope_has_facility(&call->caller.scope, facility);
}

static int write_ledger(SkCall *call, const void *scope, FILE *out)
{
	return sk_ledger_export(call->db, scope, sk_call_language(call), out);
}

int sk_api_ledger_export(SkCall *call)
{
	const char *facility = sk_call_text(call, "facility");
	const SkScope one = {.facilities = &facility, .n_facilities = 1};

	if (!has_facility(call, facility))
		return -ENOENT;
	return sk_call_answer_written(call, "text/csv", write_ledger, &one);
}

typedef struct Importing {
	SkImport import;
	json_t *report;
} Importing;

static int import_list(const SkActor *actor, void *userdata)
{
	Importing *importing = userdata;

	json_decref(importing->report);
	importing->report = NULL;
	return sk_ledger_import(actor, &importing->import, &importing->report);
}

/* Which rows are wrong, as members of the list. */
static void name_errors(SkCall *call, const json_t *report)
{
	const json_t *error;
	size_t i;

	json_array_foreach (json_object_get(report, "errors"), i, error) {
		char pointer[64], detail[400];

		sk_str_format(pointer, sizeof(pointer), "/list/%lld",
			(long long)json_integer_value(json_object_get(error, "row")));
		sk_str_format(detail, sizeof(detail), "%s: %s",
			json_string_value(json_object_get(error, "heading")),
			json_string_value(json_object_get(error, "detail")));
		(void)sk_call_refuse_member(call, SK_IMPORT_HAS_ERRORS, pointer, detail);
	}
}

int sk_api_ledger_import(SkCall *call)
{
	const char *list = sk_call_body_text(call, "list");
	Importing importing = {.import = {.facility = sk_call_text(call, "facility"),
				       .file_name = sk_call_body_text(call, "fileName"),
				       .map = json_object_get(call->body, "map")}};
	own_free uint8_t *data = malloc(strlen(list));
	int r;

	if (!data)
		return -ENOMEM;
	if (!has_facility(call, importing.import.facility))
		return -ENOENT;
	r = sk_base64_parse(list, strlen(list), data, &importing.import.size);
	if (r < 0)
		return sk_call_refuse_member(call, SK_REQUEST_INVALID, "/list", "no base64");
	importing.import.data = data;
	r = sk_call_act(call, import_list, &importing);
	if (r == 0)
		return sk_call_answer(call, 200, importing.report);
	if (r > 0)
		name_errors(call, importing.report);
	json_decref(importing.report);
	return r < 0 ? r : 0;
}

int sk_api_stock_taking_list(SkCall *call)
{
	const SkFilter filters[] = {{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_stock_takings_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_stock_taking_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_stock_takings_table, sk_call_text(call, "run"));
}

typedef struct Run {
	json_t *fields;
	SkSighting sighting;
	json_t *missing;
	char made[SK_ID_SIZE];
} Run;

static int begin(const SkActor *actor, void *userdata)
{
	Run *run = userdata;

	return sk_stock_taking_begin(actor, run->fields, run->made);
}

int sk_api_stock_taking_begin(SkCall *call)
{
	Run run = {.fields = call->body};
	int r = sk_call_act(call, begin, &run);

	return sk_call_answer_row(call, r, 201, &sk_stock_takings_table, run.made);
}

int sk_api_stock_taking_sightings(SkCall *call)
{
	const SkFilter filters[] = {{"stock_taking_id", SK_FILTER_EQUAL, sk_call_text(call, "run")},
		{"result", SK_FILTER_EQUAL, sk_call_text(call, "result")}};
	json_auto_t *run = NULL;
	int r = sk_table_read(call->db, &sk_stock_takings_table, &call->caller.scope, filters[0].text, &run);

	return r < 0 ? r
		     : sk_call_answer_list(call, &sk_stock_sightings_table, filters, SK_ARRAY_SIZE(filters));
}

static int see(const SkActor *actor, void *userdata)
{
	const Run *run = userdata;

	return sk_stock_taking_see(actor, &run->sighting);
}

int sk_api_stock_taking_see(SkCall *call)
{
	Run run = {.sighting = {.run = sk_call_text(call, "run"),
			   .medium = sk_call_body_text(call, "medium"),
			   .place = sk_call_body_text(call, "place"),
			   .note = sk_call_body_text(call, "note")}};
	int r = sk_call_act(call, see, &run);

	return r == 0 ? sk_call_done(call) : r < 0 ? r : 0;
}

static int close_run(const SkActor *actor, void *userdata)
{
	Run *run = userdata;

	json_decref(run->missing);
	run->missing = NULL;
	return sk_stock_taking_close(actor, run->sighting.run, &run->missing);
}

int sk_api_stock_taking_close(SkCall *call)
{
	Run run = {.sighting = {.run = sk_call_text(call, "run")}};
	int r = sk_call_act(call, close_run, &run);

	if (r == 0)
		return sk_call_answer(call, 200, json_pack("{s:o}", "missing", run.missing));
	json_decref(run.missing);
	return r < 0 ? r : 0;
}
