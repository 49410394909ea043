/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a dry run counts, in bounded memory: how many records, devices and terminals, by change and by rule,
 * and which ones. Inside of policy_dry_run*.c.
 */
#include "console/rules/policy_replay.h"

typedef struct SkDryRunCounts SkDryRunCounts;

/* Return: NULL without memory. */
SkDryRunCounts *sk_dry_run_counts_new(void);
void sk_dry_run_counts_free(SkDryRunCounts *counts);
OWN_DEFINE(SkDryRunCounts, sk_dry_run_counts_free)
#define own_dry_run_counts own_(sk_dry_run_counts_freep)

/* A record that was decided again; all is borrowed. */
typedef struct SkDryRunFound {
	const char *terminal;
	int64_t at;
	SkReplayDevice device;
	SkReplayed replayed;
} SkDryRunFound;

/* Return: 0 or -ENOMEM. */
int sk_dry_run_count(SkDryRunCounts *counts, const SkDryRunFound *found);

/* What can be said about all of it: DryRunResult of the contract without `complete` and `coveredFrom`. */
json_t *sk_dry_run_counts_json(SkDryRunCounts *counts);
