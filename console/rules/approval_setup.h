/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * How a clinic lets its requests be approved: the rule (approval.h), and the groups of approvers that its
 * steps name. A rule that nobody could ever meet is refused. A request keeps the rule of its time.
 */
#include "console/rules/actor.h"

extern const SkTable sk_approval_groups_table;

/* Return: as in actor.h; SK_NOT_FOUND the facility; SK_ALREADY_THERE. */
int sk_approval_group_create(
	const SkActor *actor, const char *facility, const char *name, char ret_id[SK_ID_SIZE]);

/* people: ids, instead of those before. Return: as in actor.h; SK_NOT_FOUND one of them has no role there;
 * SK_REQUEST_INVALID the clinic's rule needs more. */
int sk_approval_group_set(const SkActor *actor, const SkRowKey *key, const json_t *people);

/* The ids of the people in a group, as an array. */
int sk_approval_group_people(SkDb *db, const char *group, json_t **ret_people);

/* {single, steps: [{group, needed}], version}: the version is the facility's. Return: as in actor.h. */
int sk_approval_rule_read(const SkActor *actor, const char *facility, json_t **ret_rule);

typedef struct SkApprovalSetting {
	SkRowKey facility;
	bool single;
	const json_t *steps; /* none: any approver, once */
} SkApprovalSetting;

/* Return: as in actor.h; SK_REQUEST_INVALID a step that nobody could meet. */
int sk_approval_rule_set(const SkActor *actor, const SkApprovalSetting *setting);
