/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a version of a policy would have done with the records of the last days: which devices on which
 * terminals would have been refused, by which rule. Records are read by pages, newest first, outside of any
 * transaction, for as long as the order says; how far that came is part of the answer.
 */
#include "console/rules/actor.h"
#include "console/rules/policy_check.h"
#include "policy/policy.h"

extern const SkTable sk_dry_runs_table;

typedef struct SkDryRunOrder {
	const char *facility;
	const char *group;   /* only its terminals; NULL: all of the facility */
	const char *mode;    /* "learning", "warning", "enforcing": of files that state none */
	int64_t from, until; /* ms since 1970 */
	int64_t work_ms;
	const SkPolicyTried *tried; /* of the version's settings; NULL: it has none */
} SkDryRunOrder;

/* *ret_result: DryRunResult of the contract, the caller's. Return: 0 or negative errno. */
int sk_dry_run(SkDb *db, const SkPolicySnapshot *snapshot, const SkDryRunOrder *order, json_t **ret_result);

/* Keeps a result. version: of the order's facility. Return: as in actor.h. */
int sk_dry_run_store(const SkActor *actor, const char *version, const SkDryRunOrder *order,
	const json_t *result, char ret_id[SK_ID_SIZE]);
