/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a clinic lets its requests be approved. */
#include <errno.h>

#include "api_handlers.h"
#include "console/rules/approval_setup.h"
#include "console/server/act.h"
#include "lib/base/str.h"

static int add_people(SkDb *db, json_t *group)
{
	json_t *people = NULL;
	int r = sk_approval_group_people(db, sk_row_text(group, "id"), &people);

	return r < 0 ? r : json_object_set_new(group, "people", people) < 0 ? -ENOMEM : 0;
}

int sk_api_approval_group_list(SkCall *call)
{
	const SkFilter of_facility = {"facility_id", SK_FILTER_EQUAL, sk_call_text(call, "ofFacility")};

	return sk_call_answer_list_with(call, &sk_approval_groups_table, &of_facility, add_people);
}

typedef struct Setting {
	SkRowKey key;
	const char *name;
	const json_t *people;
	SkApprovalSetting rule;
	json_t *read;
	char made[SK_ID_SIZE];
} Setting;

static int answer_group(SkCall *call, int r, unsigned status, const char *id)
{
	json_auto_t *group = NULL;

	if (r == 0)
		r = sk_table_read(call->db, &sk_approval_groups_table, &call->caller.scope, id, &group);
	if (r == 0)
		r = add_people(call->db, group);
	return r < 0 ? r : r > 0 ? 0 : sk_call_answer(call, status, json_incref(group));
}

static int create(const SkActor *actor, void *userdata)
{
	Setting *setting = userdata;

	return sk_approval_group_create(actor, setting->key.id, setting->name, setting->made);
}

int sk_api_approval_group_create(SkCall *call)
{
	Setting setting = {
		.key = {sk_call_body_text(call, "facility"), 0}, .name = sk_call_body_text(call, "name")};

	return answer_group(call, sk_call_act(call, create, &setting), 201, setting.made);
}

static int set_people(const SkActor *actor, void *userdata)
{
	const Setting *setting = userdata;

	return sk_approval_group_set(actor, &setting->key, setting->people);
}

int sk_api_approval_group_set(SkCall *call)
{
	Setting setting = {.key = {sk_call_text(call, "approvalGroup"), sk_call_body_int(call, "version")},
		.people = json_object_get(call->body, "people")};

	return answer_group(call, sk_call_act(call, set_people, &setting), 200, setting.key.id);
}

static int read_rule(const SkActor *actor, void *userdata)
{
	Setting *setting = userdata;

	json_decref(setting->read);
	setting->read = NULL;
	return sk_approval_rule_read(actor, setting->key.id, &setting->read);
}

int sk_api_approval_rule_show(SkCall *call)
{
	Setting setting = {.key = {sk_call_text(call, "facility"), 0}};
	int r = sk_call_act(call, read_rule, &setting);

	return r < 0 ? r : r > 0 ? 0 : sk_call_answer(call, 200, setting.read);
}

static int set_rule(const SkActor *actor, void *userdata)
{
	Setting *setting = userdata;
	int r = sk_approval_rule_set(actor, &setting->rule);

	return r != 0 ? r : read_rule(actor, setting);
}

int sk_api_approval_rule_set(SkCall *call)
{
	Setting setting = {.key = {sk_call_text(call, "facility"), 0}};
	int r;

	setting.rule = (SkApprovalSetting){
		.facility = {sk_call_text(call, "facility"), sk_call_body_int(call, "version")},
		.single = json_is_true(json_object_get(call->body, "single")),
		.steps = json_object_get(call->body, "steps")};
	r = sk_call_act(call, set_rule, &setting);
	if (r == 0)
		return sk_call_answer(call, 200, setting.read);
	json_decref(setting.read);
	return r < 0 ? r : 0;
}
