/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The text of a policy: rules files and settings, as one. They are judged by the libraries that the agents
 * judge them with, so that what passes here is not refused there. No database.
 */
#include <jansson.h>

#include "lib/base/own.h"
#include "policy/policy.h"

#define SK_POLICY_SETTINGS_FILE "sekisho.conf"
#define SK_POLICY_FILES_MAX 200
/* Of all files. An envelope of 16 MiB has room for it, as base64. */
#define SK_POLICY_SIZE_MAX (8u << 20)

/*
 * given: [{name, text}] as somebody sent it. *ret_files: the same in the order in which the agents evaluate
 * them. Return: 0; -EINVAL and *ret_why: a name is none, or is there twice; -E2BIG; -ENOMEM.
 */
int sk_policy_files_sort(const json_t *given, json_t **ret_files, const char **ret_why);

/* The text of a file; NULL when it is not there. */
const char *sk_policy_file_text(const json_t *files, const char *name);

typedef struct SkPolicyReview {
	json_t *errors, *warnings; /* [{file, line, column, text}], a reference of the caller's each */
} SkPolicyReview;

void sk_policy_review_deinit(SkPolicyReview *review);
#define own_policy_review own_(sk_policy_review_deinit)

/*
 * Everything that the agents would refuse, and what they would remark. ret_snapshot may be NULL; else the
 * compiled rules, NULL when there are errors. Return: 0 also with errors; -ENOMEM.
 */
int sk_policy_review(const json_t *files, SkPolicyReview *ret_review, SkPolicySnapshot **ret_snapshot);

/* What of the settings of a version a dry run can try, and the names of those that it cannot. */
typedef struct SkPolicyTried {
	bool has_types;
	uint32_t types;	 /* [Scan] RefuseTypes */
	json_t *untried; /* ["Scan/MaxFileSize"], a reference of the caller's */
} SkPolicyTried;

void sk_policy_tried_deinit(SkPolicyTried *tried);
#define own_policy_tried own_(sk_policy_tried_deinit)

/* Of a version that was reviewed. Return: 0, -EINVAL, -ENOMEM. */
int sk_policy_tried(const json_t *files, SkPolicyTried *ret_tried);

/* Only the rules, of a version that was reviewed. Return: 0, -EINVAL, -ENOMEM. */
int sk_policy_compile_files(const json_t *files, SkPolicySnapshot **ret_snapshot);
