/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Inside of policy_rollout*.c. */
#include "console/rules/policy_rollout.h"

/* What is counted of the terminals that have the version. */
typedef struct RolloutHealth {
	int64_t given;	  /* terminals */
	int64_t failed;	  /* refused the policy */
	int64_t refusing; /* refused a device that was allowed before */
	int64_t silent;
	int64_t awaited; /* in contact, and have not answered yet */
} RolloutHealth;

/* Brings rows up to what terminals have said since, and counts. row: of sk_rollouts_table. */
int rollout_look(const SkActor *actor, const json_t *row, RolloutHealth *ret_health);

/* Words for people when it is not well. Return: true when it is. */
bool rollout_is_well(const json_t *row, const RolloutHealth *health, char why[400]);

/* The next stage, or the end. */
int rollout_advance(const SkActor *actor, const char *rollout);

/* Who comes when. Return: 0; SK_ROLLOUT_WRONG; others. */
int rollout_assign_stages(
	const SkActor *actor, const char *rollout, const json_t *fields, int64_t *ret_count);

int rollout_record(const SkActor *actor, const json_t *row, const char *kind, json_t *body);
