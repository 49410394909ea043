/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One side of policy_differential.py; policy_peer.cpp is the other. Reads lines and answers each with one:
 *
 *	X		forget all rules			"ok"
 *	R rule		parse and, when it is good, append	"ok" or "no"
 *	D description	the first matching rule		its number from 1, 0 for none; "no" when it is
 * malformed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

static char *rules;
static size_t rules_size;

static bool append(const char *line, size_t size)
{
	own_policy_file SkPolicyFile *file = NULL;
	char *grown;

	if (sk_policy_parse(line, size, "line.rules", NULL, &file) < 0)
		return false;
	grown = realloc(rules, rules_size + size + 1);
	if (!grown)
		abort();
	rules = grown;
	memcpy(rules + rules_size, line, size);
	rules[rules_size + size] = '\n';
	rules_size += size + 1;
	return true;
}

/* What is certain either way must not depend on the dice. */
static double dice(void *data)
{
	(void)data;
	return 0.5;
}

static void decide(const char *text, size_t size)
{
	own_policy_description SkPolicyDescription *description = NULL;
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	SkPolicyFile *file = NULL;
	SkPolicyContext context = {.now = {.weekday = 1, .day_second = 12 * 3600}, .callbacks.random = dice};
	SkPolicyVerdict verdict;

	if (sk_policy_describe(text, size, (SkPolicySource){"device", 1}, NULL, &description) < 0) {
		puts("no");
		return;
	}
	if (sk_policy_parse(rules ? rules : "", rules_size, "all.rules", NULL, &file) < 0 ||
		sk_policy_compile(&file, 1, NULL, &snapshot) < 0)
		abort();
	sk_policy_evaluate(snapshot, sk_policy_description_device(description), &context, &verdict);
	printf("%zu\n", verdict.rule == SK_POLICY_NO_RULE ? 0 : verdict.rule + 1);
}

int main(void)
{
	own_free char *line = NULL;
	size_t room = 0;
	ssize_t size;

	while ((size = getline(&line, &room, stdin)) > 1) {
		const char *text = line + 2;
		size_t length = (size_t)size - 3;

		if (line[0] == 'X')
			rules_size = 0;
		if (line[0] == 'D')
			decide(text, length);
		else
			puts(line[0] == 'X' || append(text, length) ? "ok" : "no");
	}
	free(rules);
	return 0;
}
