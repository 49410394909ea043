/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/policy/helper.h"

/* The index must answer as a plain walk over all rules does, whatever the rules look like. */

#include <stdlib.h>

#include "policy/rule.h"

typedef struct Random {
	uint64_t state;
} Random;

static uint32_t next(Random *random, uint32_t below)
{
	/* the constants of Knuth's MMIX generator */
	random->state = random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random->state >> 33) % below;
}

static void add_attribute(Random *random, char *text, size_t size, unsigned kind)
{
	static const char *const names[] = {"serial", "name", "hash", "parent-hash", "via-port"};
	static const char *const ops[] = {"", "one-of ", "none-of ", "all-of ", "match-all "};
	size_t used = strlen(text);

	if (kind < SK_ARRAY_SIZE(names))
		snprintf(text + used, size - used, " %s %s{ \"%u\" \"%u\" }", names[kind],
			ops[next(random, 5)], next(random, 4), next(random, 4));
	else if (kind == 5)
		snprintf(text + used, size - used, " with-interface %s{ 0%u:*:* 03:0%u:* }",
			ops[next(random, 5)], next(random, 4), next(random, 3));
	else if (kind == 6)
		snprintf(text + used, size - used, " %s \"%u\"", names[next(random, 1)], next(random, 6));
	else
		snprintf(text + used, size - used, " registered %s", next(random, 2) ? "yes" : "no");
}

static void make_rules(Random *random, char *text, size_t size, unsigned n)
{
	*text = 0;
	for (unsigned i = 0; i < n; i++) {
		static const char *const targets[] = {"allow", "block", "reject"};
		unsigned kinds = next(random, 256) & next(random, 256);

		strcat(text, targets[next(random, 3)]);
		if (next(random, 2))
			snprintf(text + strlen(text), size - strlen(text), " 000%u:%s", next(random, 4),
				next(random, 2) ? "*" : "0001");
		if (kinds & 1)
			kinds &= ~(1u << 6);
		for (unsigned kind = 0; kind < 8; kind++)
			if (kinds & 1u << kind || !kinds)
				add_attribute(random, text, size, kinds ? kind : next(random, 6)),
					kinds |= 256;
		strcat(text, "\n");
	}
}

static SkPolicyDescription *make_device(Random *random)
{
	char text[400];

	snprintf(text, sizeof(text),
		"000%u:0001 serial \"%u\" name \"%u\" hash \"%u\" parent-hash \"%u\" via-port \"%u\" "
		"with-interface { 0%u:01:01 03:0%u:00 }%s",
		next(random, 4), next(random, 5), next(random, 5), next(random, 5), next(random, 5),
		next(random, 5), next(random, 4), next(random, 3), next(random, 3) ? "" : " registered yes");
	return device(text);
}

static size_t walk(const SkPolicySnapshot *snapshot, const SkPolicyDevice *device_,
	const SkPolicyContext *context, bool *ret_pending)
{
	*ret_pending = false;
	for (size_t i = 0; i < snapshot->n_rules; i++) {
		SkMatchArguments arguments = {device_, context, i, SK_POLICY_FOREVER};
		SkMatch match = sk_rule_match(&snapshot->rules[i], &arguments, NULL);

		*ret_pending |= match == SK_MATCH_MAYBE;
		if (match == SK_MATCH_YES ||
			(match == SK_MATCH_MAYBE && snapshot->rules[i].target == SK_POLICY_ALLOW))
			return i;
	}
	return SK_POLICY_NO_RULE;
}

static void the_index_answers_as_a_walk_does(void **state)
{
	static const unsigned sizes[] = {1, 4, 5, 20, 200};
	char *text = calloc(1, 200000);
	SkPolicyContext context = at_noon();
	Random random = {1};
	size_t matched = 0, asked = 0;

	for (unsigned round = 0; round < 120; round++) {
		own_policy_snapshot SkPolicySnapshot *snapshot = NULL;

		make_rules(&random, text, 200000, sizes[round % SK_ARRAY_SIZE(sizes)]);
		snapshot = rules(text);
		for (unsigned i = 0; i < 40; i++) {
			own_policy_description SkPolicyDescription *description = make_device(&random);
			const SkPolicyDevice *one = sk_policy_description_device(description);
			SkPolicyVerdict verdict;
			bool pending;
			size_t expected = walk(snapshot, one, &context, &pending);

			sk_policy_evaluate(snapshot, one, &context, &verdict);
			assert_int_equal(verdict.rule, expected);
			assert_int_equal(verdict.medium_pending, pending);
			matched += expected != SK_POLICY_NO_RULE;
			asked++;
		}
	}
	assert_true(matched > asked / 10 && matched < asked);
	free(text);
}

static void devices_with_very_many_values_are_decided_too(void **state)
{
	own_policy_snapshot SkPolicySnapshot *snapshot =
		rules("block serial \"1\"\nblock serial \"2\"\nblock serial \"3\"\nblock serial \"4\"\nblock "
		      "serial \"5\"\n"
		      "allow with-interface one-of { 05:*:* }\nallow with-interface one-of { ff:fe:fd }");
	SkPolicyInterface interfaces[255];
	SkPolicyDevice many = {.interfaces = interfaces, .n_interfaces = SK_ARRAY_SIZE(interfaces)};
	SkPolicyContext context = at_noon();
	SkPolicyVerdict verdict;

	for (unsigned i = 0; i < SK_ARRAY_SIZE(interfaces); i++)
		interfaces[i] = (SkPolicyInterface){6, (uint8_t)i, 0, 0};
	interfaces[254] = (SkPolicyInterface){0xFF, 0xFE, 0xFD, 0};
	sk_policy_evaluate(snapshot, &many, &context, &verdict);
	assert_int_equal(verdict.line, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_index_answers_as_a_walk_does),
		cmocka_unit_test(devices_with_very_many_values_are_decided_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
