/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies, their versions, and the groups of terminals that have them. */
#include <errno.h>

#include "api_handlers.h"
#include "console/rules/policies.h"
#include "console/rules/policy_diff.h"
#include "console/rules/policy_groups.h"
#include "console/rules/terminals.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"

typedef struct Work {
	SkRowKey key;
	const char *facility, *name, *text, *other;
	json_t *files;
	SkPolicyReview review;
	json_t *diff;
	char made[SK_ID_SIZE];
} Work;

static SkRowKey key_of(const SkCall *call, const char *parameter)
{
	return (SkRowKey){sk_call_text(call, parameter), sk_call_body_int(call, "version")};
}

/* What belongs to a row is there when the row is, for this caller. */
static int list_of(SkCall *call, const SkTable *parent, const SkFilter *filter, const SkTable *table)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(call->db, parent, &call->caller.scope, filter->text, &row);

	return r < 0 ? r : sk_call_answer_list(call, table, filter, 1);
}

int sk_api_policy_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")}};

	return sk_call_answer_list(call, &sk_policies_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_policy_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_policies_table, sk_call_text(call, "policy"));
}

static int create_policy(const SkActor *actor, void *userdata)
{
	Work *work = userdata;

	return sk_policy_create(actor, work->facility, work->name, work->made);
}

int sk_api_policy_create(SkCall *call)
{
	Work work = {
		.facility = sk_call_body_text(call, "facility"), .name = sk_call_body_text(call, "name")};
	int r = sk_call_act(call, create_policy, &work);

	return sk_call_answer_row(call, r, 201, &sk_policies_table, work.made);
}

static int retire_policy(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_policy_retire(actor, &work->key);
}

int sk_api_policy_retire(SkCall *call)
{
	Work work = {.key = key_of(call, "policy")};
	int r = sk_call_act(call, retire_policy, &work);

	return sk_call_answer_row(call, r, 200, &sk_policies_table, work.key.id);
}

int sk_api_policy_versions(SkCall *call)
{
	const SkFilter of_policy = {"policy_id", SK_FILTER_EQUAL, sk_call_text(call, "policy")};

	return list_of(call, &sk_policies_table, &of_policy, &sk_policy_versions_table);
}

/* Return: 0, 1 refused (answered), negative errno. */
static int sort_files(SkCall *call, json_t **ret_files)
{
	const char *why = "the files are too large";
	int r = sk_policy_files_sort(json_object_get(call->body, "files"), ret_files, &why);

	if (r != -EINVAL && r != -E2BIG)
		return r;
	r = sk_call_refuse_member(call, SK_REQUEST_INVALID, "/files", why);
	return r < 0 ? r : 1;
}

static int draft(const SkActor *actor, void *userdata)
{
	Work *work = userdata;

	return sk_policy_draft(actor, work->key.id, &(SkPolicyDraft){work->files, work->text}, work->made);
}

static int change(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_policy_change(actor, &work->key, &(SkPolicyDraft){work->files, work->text});
}

int sk_api_policy_draft(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "policy"), 0}, .text = sk_call_body_text(call, "note")};
	int r = sort_files(call, &work.files);

	if (r == 0)
		r = sk_call_act(call, draft, &work);
	json_decref(work.files);
	return sk_call_answer_row(call, r, 201, &sk_policy_versions_table, work.made);
}

int sk_api_policy_version_change(SkCall *call)
{
	Work work = {.key = key_of(call, "policyVersion"), .text = sk_call_body_text(call, "note")};
	int r = sort_files(call, &work.files);

	if (r == 0)
		r = sk_call_act(call, change, &work);
	json_decref(work.files);
	return sk_call_answer_row(call, r, 200, &sk_policy_versions_table, work.key.id);
}

int sk_api_policy_version_show(SkCall *call)
{
	return sk_call_answer_row(
		call, 0, 200, &sk_policy_versions_table, sk_call_text(call, "policyVersion"));
}

/* "20-clinic.rules:3:5: ..." for each error, with the member it stands in. */
static void tell_errors(SkCall *call, const json_t *errors)
{
	SkFaults *faults = call->faults = calloc(1, sizeof(*call->faults));
	const json_t *error;
	size_t i;

	json_array_foreach (errors, i, error) {
		int line = (int)json_integer_value(json_object_get(error, "line"));
		int column = (int)json_integer_value(json_object_get(error, "column"));

		if (faults && line > 0)
			sk_faults_add(faults, "/files", "%s:%d:%d: %s", sk_row_text(error, "file"), line,
				column, sk_row_text(error, "text"));
		else if (faults)
			sk_faults_add(faults, "/files", "%s: %s", sk_row_text(error, "file"),
				sk_row_text(error, "text"));
	}
}

/* An error of the rules is not answered before its places can be told with it. */
static int check(const SkActor *actor, void *userdata)
{
	Work *work = userdata;
	int r = sk_policy_check(actor, &work->key, &work->review);

	return r == SK_POLICY_HAS_ERRORS ? 0 : r;
}

int sk_api_policy_version_check(SkCall *call)
{
	Work work = {.key = key_of(call, "policyVersion")};
	int r = sk_call_act(call, check, &work);

	if (r == 0 && json_array_size(work.review.errors) > 0) {
		tell_errors(call, work.review.errors);
		r = sk_call_refuse(call, SK_POLICY_HAS_ERRORS, NULL);
	} else if (r == 0) {
		r = sk_call_answer(call, 200, json_pack("{s:O}", "warnings", work.review.warnings));
	}
	sk_policy_review_deinit(&work.review);
	return r < 0 ? r : 0;
}

static int publish(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_policy_publish(actor, &work->key);
}

int sk_api_policy_version_publish(SkCall *call)
{
	Work work = {.key = key_of(call, "policyVersion")};
	int r = sk_call_act(call, publish, &work);

	return sk_call_answer_row(call, r, 200, &sk_policy_versions_table, work.key.id);
}

static int withdraw(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_policy_withdraw(actor, &work->key, work->text);
}

int sk_api_policy_version_withdraw(SkCall *call)
{
	Work work = {.key = key_of(call, "policyVersion"), .text = sk_call_body_text(call, "reason")};
	int r = sk_call_act(call, withdraw, &work);

	return sk_call_answer_row(call, r, 200, &sk_policy_versions_table, work.key.id);
}

static int compare(const SkActor *actor, void *userdata)
{
	Work *work = userdata;
	json_auto_t *row = NULL, *other_row = NULL, *files = NULL, *other_files = NULL;
	int r = sk_policy_read_files(actor, work->key.id, &row, &files);

	if (r == 0)
		r = sk_policy_read_files(actor, work->other, &other_row, &other_files);
	if (r < 0)
		return r;
	json_decref(work->diff);
	work->diff = NULL;
	return sk_policy_diff(other_files, files, &work->diff);
}

int sk_api_policy_version_diff(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "policyVersion"), 0}, .other = sk_call_text(call, "since")};
	int r = sk_call_act(call, compare, &work);

	return r < 0 ? r : r > 0 ? 0 : sk_call_answer(call, 200, work.diff);
}

int sk_api_group_list(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")}};

	return sk_call_answer_list(call, &sk_groups_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_group_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_groups_table, sk_call_text(call, "group"));
}

static int create_group(const SkActor *actor, void *userdata)
{
	Work *work = userdata;

	return sk_group_create(actor, work->facility, work->name, work->made);
}

int sk_api_group_create(SkCall *call)
{
	Work work = {
		.facility = sk_call_body_text(call, "facility"), .name = sk_call_body_text(call, "name")};
	int r = sk_call_act(call, create_group, &work);

	return sk_call_answer_row(call, r, 201, &sk_groups_table, work.made);
}

static int rename_group(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_group_rename(actor, &work->key, work->name);
}

int sk_api_group_rename(SkCall *call)
{
	Work work = {.key = key_of(call, "group"), .name = sk_call_body_text(call, "name")};
	int r = sk_call_act(call, rename_group, &work);

	return sk_call_answer_row(call, r, 200, &sk_groups_table, work.key.id);
}

static int assign(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_group_assign(actor, &work->key, &(SkGroupOrder){work->other, work->text});
}

int sk_api_group_assign(SkCall *call)
{
	Work work = {.key = key_of(call, "group"),
		.other = sk_call_body_text(call, "policyVersion"),
		.text = sk_call_body_text(call, "mode")};
	int r = sk_call_act(call, assign, &work);

	return sk_call_answer_row(call, r, 200, &sk_groups_table, work.key.id);
}

static int move(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_terminal_move(actor, &work->key, work->other);
}

int sk_api_terminal_move(SkCall *call)
{
	Work work = {.key = key_of(call, "terminal"), .other = sk_call_body_text(call, "group")};
	int r = sk_call_act(call, move, &work);

	if (r == 0)
		sk_poll_wake(call->server->poll, work.key.id);
	return sk_call_answer_row(call, r, 200, &sk_terminals_table, work.key.id);
}

int sk_api_terminal_policies(SkCall *call)
{
	const SkFilter filters[] = {{"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")},
		{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")},
		{"policy_version_id", SK_FILTER_EQUAL, sk_call_text(call, "policyVersion")}};

	return sk_call_answer_list(call, &sk_terminal_policies_table, filters, SK_ARRAY_SIZE(filters));
}
