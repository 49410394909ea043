/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Policies and their versions: a draft may be changed, is checked, and once published never changes again;
 * then groups of terminals may have it (policy_groups.h). One person drafts, and whoever publishes proves
 * anew who they are.
 */
#include "console/rules/actor.h"
#include "console/rules/policy_check.h"

extern const SkTable sk_policies_table;
extern const SkTable sk_policy_versions_table;

/* Return: as in actor.h; SK_ALREADY_THERE by -EEXIST. */
int sk_policy_create(const SkActor *actor, const char *facility, const char *name, char ret_id[SK_ID_SIZE]);

/* SK_POLICY_IN_USE: terminals have a version of it, or are to have one. */
int sk_policy_retire(const SkActor *actor, const SkRowKey *key);

typedef struct SkPolicyDraft {
	const json_t *files; /* sorted: sk_policy_files_sort() */
	const char *note;    /* NULL: none, or as it was */
} SkPolicyDraft;

/* The next number of the policy. SK_POLICY_IN_USE: the policy is retired. */
int sk_policy_draft(
	const SkActor *actor, const char *policy, const SkPolicyDraft *draft, char ret_id[SK_ID_SIZE]);

/* SK_POLICY_PUBLISHED: only a draft can be changed. It has to be checked again. */
int sk_policy_change(const SkActor *actor, const SkRowKey *key, const SkPolicyDraft *draft);

/*
 * Judges a version. *ret_review is written whenever this returns 0 or SK_POLICY_HAS_ERRORS; a draft without
 * errors counts as checked.
 */
int sk_policy_check(const SkActor *actor, const SkRowKey *key, SkPolicyReview *ret_review);

/* Checked once more, in the same transaction. SK_POLICY_HAS_ERRORS, SK_POLICY_PUBLISHED. */
int sk_policy_publish(const SkActor *actor, const SkRowKey *key);

/* Nobody is to have it from now on. SK_POLICY_IN_USE, SK_POLICY_NOT_PUBLISHED. */
int sk_policy_withdraw(const SkActor *actor, const SkRowKey *key, const char *reason);

/* The files of a version in the scope. *ret_row: the row. References of the caller's. */
int sk_policy_read_files(const SkActor *actor, const char *version, json_t **ret_row, json_t **ret_files);
