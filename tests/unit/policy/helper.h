/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What the tests of policy/ share: rules and devices from strings, diagnostics into a buffer. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "policy/policy.h"

typedef struct Told {
	size_t n;
	char text[4096];
} Told;

static inline void tell(void *data, const SkPolicyDiagnostic *diagnostic)
{
	Told *told = data;
	size_t used = strlen(told->text);

	told->n++;
	snprintf(told->text + used, sizeof(told->text) - used, "%s:%u:%u: %s%s\n", diagnostic->file,
		diagnostic->line, diagnostic->column,
		diagnostic->severity == SK_POLICY_WARNING ? "warning: " : "", diagnostic->text);
}

static inline int try_rules(const char *text, size_t size, Told *told, SkPolicySnapshot **ret_snapshot)
{
	SkPolicyReport report = {tell, told};
	own_policy_file SkPolicyFile *file = NULL;
	int r = sk_policy_parse(text, size, "dir/test.rules", &report, &file);

	return r < 0 ? r : sk_policy_compile(&file, 1, &report, ret_snapshot);
}

static inline SkPolicySnapshot *rules(const char *text)
{
	SkPolicySnapshot *snapshot = NULL;
	Told told = {0};
	int r = try_rules(text, strlen(text), &told, &snapshot);

	if (r < 0)
		print_error("%s", told.text);
	assert_int_equal(r, 0);
	return snapshot;
}

static inline SkPolicyDescription *device(const char *text)
{
	SkPolicyDescription *description = NULL;
	Told told = {0};
	SkPolicyReport report = {tell, &told};

	if (sk_policy_describe(text, strlen(text), (SkPolicySource){"device", 1}, &report, &description) < 0)
		fail_msg("%s", told.text);
	return description;
}

/* Monday noon, enforce, nobody signed in. */
static inline SkPolicyContext at_noon(void)
{
	return (SkPolicyContext){.now = {1, 12 * 3600}, .mode = SK_POLICY_ENFORCE};
}

/* The snapshot must outlive the use of the verdict's pointers. */
static inline SkPolicyVerdict decide(
	const SkPolicySnapshot *snapshot, const char *text, const SkPolicyContext *context)
{
	own_policy_description SkPolicyDescription *description = device(text);
	SkPolicyVerdict verdict;

	sk_policy_evaluate(snapshot, sk_policy_description_device(description), context, &verdict);
	return verdict;
}

static inline uint32_t line_of(const char *text, const char *description)
{
	own_policy_snapshot SkPolicySnapshot *snapshot = rules(text);
	SkPolicyContext context = at_noon();

	return decide(snapshot, description, &context).line;
}
