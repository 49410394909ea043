/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Giving a version to groups of terminals by stages. Who comes in which stage is written down at the start;
 * a stage has its time, and the next one comes only while the terminals that have the version are well:
 * refusals of the policy itself, of devices that were allowed before, and terminals that fell silent are
 * counted against limits, and above one of them the roll-out stops by itself. Everything is in rows that
 * change in one transaction each, so whoever is killed leaves a state that the next one goes on from.
 */
#include "console/rules/actor.h"

extern const SkTable sk_rollouts_table;
extern const SkTable sk_rollout_terminals_table;

/*
 * fields: {facility, policyVersion, mode?, groups, stages, stopAt?} as the contract has it. The first stage
 * gets it at once. SK_POLICY_NOT_PUBLISHED, SK_GROUP_IN_ROLLOUT, SK_ROLLOUT_WRONG, SK_NOT_FOUND.
 */
int sk_rollout_start(const SkActor *actor, const json_t *fields, char ret_id[SK_ID_SIZE]);

/* SK_ROLLOUT_NOT_POSSIBLE in another state than theirs. */
int sk_rollout_pause(const SkActor *actor, const SkRowKey *key, const char *reason);
int sk_rollout_resume(const SkActor *actor, const SkRowKey *key, const char *reason);

/* The version before, as a newer document that says so, for everybody who was given the new one. */
int sk_rollout_back(const SkActor *actor, const SkRowKey *key, const char *reason);

/* Ids of those that a step may have something to do for. *ret_ids: an array, the caller's. */
int sk_rollout_running(SkDb *db, json_t **ret_ids);

/* One look at one of them, as the console itself. Return: as in actor.h. */
int sk_rollout_step(const SkActor *actor, const char *rollout);
