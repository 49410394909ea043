/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The rules in force: read from the rules directory, compiled by the policy library, replaced as a whole or
 * not at all.
 */
#include <jansson.h>

#include "policy/policy.h"

typedef struct Core Core;
typedef struct Rules Rules;

/*
 * Reads *.rules of the directory of the settings in order of their names. When anything is wrong the snapshot
 * in force stays, and the errors (`file:line:column: text`, one a line) are recorded and returned for the
 * caller to free. At the first start there may be none in force: then everything is refused but what is built
 * in. Return: 0, -EINVAL the rules are wrong, other errno.
 */
int rules_load(Core *core, char **ret_errors);
void rules_close(Core *core);

/* Never NULL; without rules in force a snapshot without rules (default: block). */
const SkPolicySnapshot *rules_snapshot(const Core *core);

/* Evaluates now, with the session that is there and with the memory that conditions ask for. */
void rules_evaluate(
	Core *core, const SkPolicyDevice *device, SkPolicyTruth screen_locked, SkPolicyVerdict *ret_verdict);

/* The same moment, told rule by rule. */
int rules_explain(Core *core, const SkPolicyDevice *device, FILE *out);

/*
 * What is asked beside the device: for records, so that a decision can be made again somewhere else. A
 * reference of the caller's.
 */
json_t *rules_moment_to_json(Core *core);

/* How many things sk_policy_lint() says about them. */
size_t rules_warnings(const Core *core);

/* How many rules are in force, and how often they were replaced since the start. */
size_t rules_count(const Core *core);
unsigned rules_generation(const Core *core);
