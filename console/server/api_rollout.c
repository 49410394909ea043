/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a version would have done, and giving it to terminals by stages. */
#include <errno.h>
#include <string.h>

#include "api_handlers.h"
#include "console/rules/policies.h"
#include "console/rules/policy_dry_run.h"
#include "console/rules/policy_groups.h"
#include "console/rules/policy_rollout.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define DAY_MS INT64_C(86400000)
#define DAYS 30
#define SECONDS 15

typedef struct Try {
	const char *version, *group;
	SkPolicySnapshot *snapshot;
	SkPolicyTried tried;
	char facility[SK_ID_SIZE], made[SK_ID_SIZE];
	SkDryRunOrder order;
	json_t *result;
} Try;

/* The rules and whose records; what a transaction that is run again left is freed. */
static int prepare(const SkActor *actor, void *userdata)
{
	Try *try = userdata;
	json_auto_t *row = NULL, *files = NULL;
	SkGroupPolicy group;
	int r = sk_policy_read_files(actor, try->version, &row, &files);

	if (r == 0 && try->group)
		r = sk_group_read(actor, try->group, &group);
	if (r < 0)
		return r;
	sk_str_copy(try->facility, sizeof(try->facility), sk_row_text(row, "facility"));
	sk_policy_snapshot_free(own_take(try->snapshot));
	sk_policy_tried_deinit(&try->tried);
	r = sk_policy_compile_files(files, &try->snapshot);
	if (r == 0)
		r = sk_policy_tried(files, &try->tried);
	return r == -EINVAL ? SK_POLICY_HAS_ERRORS : r;
}

static int store(const SkActor *actor, void *userdata)
{
	Try *try = userdata;

	return sk_dry_run_store(actor, try->version, &try->order, try->result, try->made);
}

static void fill_order(const SkCall *call, Try *try)
{
	const char *mode = sk_call_body_text(call, "mode");
	int64_t days = sk_call_body_int(call, "days"), seconds = sk_call_body_int(call, "seconds");
	int64_t now = sk_time_now();

	try->order = (SkDryRunOrder){.facility = try->facility,
		.group = try->group,
		.mode = mode ? mode : "enforcing",
		.from = now - (days > 0 ? days : DAYS) * DAY_MS,
		.until = now,
		.work_ms = (seconds > 0 ? seconds : SECONDS) * 1000,
		.tried = &try->tried};
}

int sk_api_policy_version_try(SkCall *call)
{
	Try try = {.version = sk_call_text(call, "policyVersion"), .group = sk_call_body_text(call, "group")};
	int r = sk_call_act(call, prepare, &try);

	if (r == 0) {
		fill_order(call, &try);
		r = sk_dry_run(call->db, try.snapshot, &try.order, &try.result);
	}
	if (r == 0)
		r = sk_call_act(call, store, &try);
	sk_policy_snapshot_free(try.snapshot);
	sk_policy_tried_deinit(&try.tried);
	json_decref(try.result);
	return sk_call_answer_row(call, r, 201, &sk_dry_runs_table, try.made);
}

int sk_api_dry_run_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_dry_runs_table, sk_call_text(call, "dryRun"));
}

int sk_api_rollout_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};

	return sk_call_answer_list(call, &sk_rollouts_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_rollout_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_rollouts_table, sk_call_text(call, "rollout"));
}

int sk_api_rollout_terminals(SkCall *call)
{
	const SkFilter filters[] = {{"rollout_id", SK_FILTER_EQUAL, sk_call_text(call, "rollout")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")}};
	json_auto_t *row = NULL;
	int r = sk_table_read(call->db, &sk_rollouts_table, &call->caller.scope, filters[0].text, &row);

	return r < 0 ? r
		     : sk_call_answer_list(
			       call, &sk_rollout_terminals_table, filters, SK_ARRAY_SIZE(filters));
}

typedef struct Start {
	const json_t *fields;
	char made[SK_ID_SIZE];
} Start;

static int start(const SkActor *actor, void *userdata)
{
	Start *starting = userdata;

	return sk_rollout_start(actor, starting->fields, starting->made);
}

int sk_api_rollout_start(SkCall *call)
{
	Start starting = {.fields = call->body};
	int r = sk_call_act(call, start, &starting);

	return sk_call_answer_row(call, r, 201, &sk_rollouts_table, starting.made);
}

typedef struct Step {
	SkRowKey key;
	const char *reason;
	int (*rule)(const SkActor *actor, const SkRowKey *key, const char *reason);
} Step;

static int run(const SkActor *actor, void *userdata)
{
	const Step *step = userdata;

	return step->rule(actor, &step->key, step->reason);
}

static int change(SkCall *call, int (*rule)(const SkActor *actor, const SkRowKey *key, const char *reason))
{
	Step step = {.key = {sk_call_text(call, "rollout"), sk_call_body_int(call, "version")},
		.reason = sk_call_body_text(call, "reason"),
		.rule = rule};
	int r = sk_call_act(call, run, &step);

	return sk_call_answer_row(call, r, 200, &sk_rollouts_table, step.key.id);
}

int sk_api_rollout_pause(SkCall *call)
{
	return change(call, sk_rollout_pause);
}

int sk_api_rollout_resume(SkCall *call)
{
	return change(call, sk_rollout_resume);
}

int sk_api_rollout_back(SkCall *call)
{
	return change(call, sk_rollout_back);
}
