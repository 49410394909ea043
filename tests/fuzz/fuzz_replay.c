/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of agents, decided again under rules that ask about everything. */
#include <stdint.h>
#include <string.h>

#include "console/rules/policy_replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static SkPolicySnapshot *snapshot;

static void ignore(void *data, const SkPolicyDiagnostic *diagnostic)
{
}

static int compile(void)
{
	static const char rules[] =
		"reject name \"Bad\"\nallow with-interface one-of { 03:*:* } if allowed-matches(id "
		"1234:5678)\nallow serial \"A\" if rule-applied\nblock user \"guest\"\nblock group "
		"\"staff\" screen-locked yes\nallow id 0951:* time mon-fri 08:00-18:00\n";
	const SkPolicyReport report = {.report = ignore};
	SkPolicyFile *file = NULL;
	int r = sk_policy_parse(rules, sizeof(rules) - 1, "20-clinic.rules", &report, &file);

	/* Which of these lines the language knows is not what is looked for here. */
	if (r < 0)
		r = sk_policy_parse("allow id 0951:*\nblock\n", 22, "20-clinic.rules", &report, &file);
	return r < 0 ? r : sk_policy_compile(&file, 1, &report, &snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SkReplayed replayed;
	SkReplayDevice device;
	json_t *body = NULL;

	if (!snapshot && compile() < 0)
		__builtin_trap();
	if (sk_replay_read((const char *)data, size, &body) < 0)
		body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(body) && sk_replay_device(body, &device)) {
		if (sk_replay(&(SkReplayRules){snapshot, SK_POLICY_ENFORCE, NULL}, body, &replayed) == 0 &&
			(replayed.change >= SK_REPLAY_CHANGES || !replayed.rule || !replayed.file))
			__builtin_trap();
	}
	json_decref(body);
	return 0;
}
