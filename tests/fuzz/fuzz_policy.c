/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rule files: parse, compile, lint, and decide on a few devices. What was accepted must give the same answer
 * when it is asked rule by rule as through the index.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *data, const SkPolicyDiagnostic *diagnostic)
{
	size_t *n = data;

	*n += strlen(diagnostic->text) > 0;
}

static size_t walk(
	const SkPolicySnapshot *snapshot, const SkPolicyDevice *device, const SkPolicyContext *context)
{
	for (size_t i = 0; i < snapshot->n_rules; i++) {
		SkMatchArguments arguments = {device, context, i, SK_POLICY_FOREVER};
		SkMatch match = sk_rule_match(&snapshot->rules[i], &arguments, NULL);

		if (match == SK_MATCH_YES ||
			(match == SK_MATCH_MAYBE && snapshot->rules[i].target == SK_POLICY_ALLOW))
			return i;
	}
	return SK_POLICY_NO_RULE;
}

static void decide(const SkPolicySnapshot *snapshot, const char *text)
{
	own_policy_description SkPolicyDescription *description = NULL;
	SkPolicyContext context = {.now = {1, 43200}, .user = "sato"};
	const SkPolicyDevice *device;
	SkPolicyVerdict verdict;
	char reason[512];

	if (sk_policy_describe(text, strlen(text), (SkPolicySource){"device", 1}, NULL, &description) < 0)
		abort();
	device = sk_policy_description_device(description);
	sk_policy_evaluate(snapshot, device, &context, &verdict);
	if (verdict.rule != walk(snapshot, device, &context))
		abort();
	sk_policy_verdict_reason(&verdict, reason, sizeof(reason));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own_policy_file SkPolicyFile *file = NULL;
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	SkPolicyContext context = {.mode = SK_POLICY_ENFORCE};
	size_t told = 0;
	SkPolicyReport report = {count, &told};

	if (sk_policy_parse((const char *)data, size, "fuzz.rules", &report, &file) < 0) {
		/* nobody can mend a file that is refused without a word */
		if (!told)
			abort();
		return 0;
	}
	if (sk_policy_compile(&file, 1, &report, &snapshot) < 0)
		return 0;
	sk_policy_lint(snapshot, &context, &report);
	decide(snapshot, "1234:5678 serial \"1\" name \"x\" hash \"h\" via-port \"1-1\" with-interface { "
			 "03:01:01 08:06:50 }");
	decide(snapshot, "1d6b:0002 serial \"\" with-interface 09:00:00 with-connect-type \"\"");
	decide(snapshot, "bus sd registered yes");
	return 0;
}
