/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Groups of terminals: each has a version of a policy and a mode (learn, warn, enforce), and each of its
 * terminals gets both as one signed document (policy_document.h). What a terminal is to have is a row of
 * terminal_policies; writing it raises the terminal's revision in the same transaction, so its long poll
 * hears of it at once.
 */
#include "console/rules/actor.h"

extern const SkTable sk_groups_table;
extern const SkTable sk_terminal_policies_table;

/* -EEXIST: the facility has a group of that name. */
int sk_group_create(const SkActor *actor, const char *facility, const char *name, char ret_id[SK_ID_SIZE]);
int sk_group_rename(const SkActor *actor, const SkRowKey *key, const char *name);

typedef struct SkGroupOrder {
	const char *policy_version; /* published; NULL: as it is */
	const char *mode;	    /* "learning", "warning", "enforcing"; NULL: as it is */
} SkGroupOrder;

/*
 * All terminals of the group are to have it, at once. SK_POLICY_NOT_PUBLISHED; SK_GROUP_IN_ROLLOUT: a
 * roll-out decides about the group now; SK_NOT_FOUND.
 */
int sk_group_assign(const SkActor *actor, const SkRowKey *key, const SkGroupOrder *order);

/* Into another group of the same facility. SK_GROUP_IN_ROLLOUT: of either. */
int sk_terminal_move(const SkActor *actor, const SkRowKey *key, const char *group);

/* A terminal is to have what its group has: after its enrolment. */
int sk_policy_give_terminal(const SkActor *actor, const char *terminal);

/* The terminals of a stage of a roll-out are to have its version, or again what they had before it. */
int sk_policy_give_stage(const SkActor *actor, const char *rollout, int64_t stage);
int sk_policy_give_back(const SkActor *actor, const char *rollout);

/* What a group has now; "" for none. */
typedef struct SkGroupPolicy {
	char policy_version[SK_ID_SIZE], facility[SK_ID_SIZE], mode[16];
} SkGroupPolicy;

int sk_group_read(const SkActor *actor, const char *group, SkGroupPolicy *ret_policy);
/* Writes it down as what the group has from now on; gives nothing to terminals. */
int sk_group_set(const SkActor *actor, const char *group, const SkGroupPolicy *policy);

/* A roll-out that has not ended decides about it. Return: 1, 0, or an error. */
int sk_group_is_in_rollout(const SkActor *actor, const char *group);
