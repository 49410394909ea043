/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves OUT-4. */
#include "tests/unit/unit.h"

#include "console/rules/approval.h"
#include "lib/base/str.h"

static const char *const none[] = {NULL};
static const char *const managers[] = {"managers", NULL};
static const SkApprovalRule one_step = {.steps = {{"", 1}}, .n_steps = 1};
static const SkApprovalRule two_steps = {.steps = {{"", 2}, {"managers", 1}}, .n_steps = 2};
static const SkApprovalRule alone = {.steps = {{"", 1}}, .n_steps = 1, .single = true};

static SkApprover person(const char *name, const char *const *groups)
{
	return (SkApprover){.person = name, .is_approver = true, .groups = groups};
}

static SkApprovalVerdict may(
	const SkApprovalRule *rule, const SkApprovalDecision *made, size_t n, SkApprover who)
{
	return sk_approval_may(rule, "asker", made, n, &who);
}

static void test_somebody_else_approves(void **state)
{
	const SkApprovalDecision made[] = {{"boss", 0, true}};
	SkApprover clerk = person("clerk", none);

	assert_int_equal(may(&one_step, NULL, 0, person("boss", none)), SK_APPROVAL_MAY);
	assert_int_equal(may(&one_step, NULL, 0, person("asker", none)), SK_APPROVAL_OWN_REQUEST);
	clerk.is_approver = false;
	assert_int_equal(may(&one_step, NULL, 0, clerk), SK_APPROVAL_NOT_APPROVER);
	assert_int_equal(sk_approval_status(&one_step, NULL, 0).state, SK_APPROVAL_WAITING);
	assert_int_equal(sk_approval_status(&one_step, made, 1).state, SK_APPROVAL_APPROVED);
	assert_int_equal(may(&one_step, made, 1, person("other", none)), SK_APPROVAL_DECIDED);
}

static void test_one_refusal_refuses(void **state)
{
	const SkApprovalDecision made[] = {{"a", 0, true}, {"b", 0, false}};

	assert_int_equal(sk_approval_status(&two_steps, made, 2).state, SK_APPROVAL_REFUSED);
	assert_int_equal(may(&two_steps, made, 2, person("c", managers)), SK_APPROVAL_DECIDED);
}

static void test_two_steps_need_different_people(void **state)
{
	const SkApprovalDecision made[] = {{"a", 0, true}, {"b", 0, true}, {"m", 1, true}};
	SkApprovalStatus status = sk_approval_status(&two_steps, made, 1);

	assert_int_equal(status.step, 0);
	assert_int_equal(status.missing, 1);
	assert_int_equal(may(&two_steps, made, 1, person("a", none)), SK_APPROVAL_TWICE);
	status = sk_approval_status(&two_steps, made, 2);
	assert_int_equal(status.step, 1);
	assert_int_equal(may(&two_steps, made, 2, person("c", none)), SK_APPROVAL_OTHER_GROUP);
	/* A manager who took part in the first step is not another person. */
	assert_int_equal(may(&two_steps, made, 2, person("a", managers)), SK_APPROVAL_TWICE);
	assert_int_equal(may(&two_steps, made, 2, person("asker", managers)), SK_APPROVAL_OWN_REQUEST);
	assert_int_equal(may(&two_steps, made, 2, person("m", managers)), SK_APPROVAL_MAY);
	assert_int_equal(sk_approval_status(&two_steps, made, 3).state, SK_APPROVAL_APPROVED);
}

static void test_a_single_person_decides_with_a_second_factor(void **state)
{
	SkApprover asker = person("asker", none);

	assert_int_equal(may(&alone, NULL, 0, asker), SK_APPROVAL_SECOND_FACTOR);
	asker.fresh_second_factor = true;
	assert_int_equal(may(&alone, NULL, 0, asker), SK_APPROVAL_MAY_ALONE);
	assert_int_equal(may(&one_step, NULL, 0, asker), SK_APPROVAL_OWN_REQUEST);
	/* Whoever else is there decides as everywhere. */
	assert_int_equal(may(&alone, NULL, 0, person("visitor", none)), SK_APPROVAL_MAY);
}

static void test_rules_that_nobody_can_meet_are_refused(void **state)
{
	const SkApprovalRule bad[] = {{.n_steps = 0}, {.steps = {{"", 0}}, .n_steps = 1},
		{.steps = {{"", 1}, {"", 1}}, .n_steps = 3}, {.steps = {{"", 99}}, .n_steps = 1},
		{.steps = {{"", 1}, {"", 1}}, .n_steps = 2, .single = true},
		{.steps = {{"", 2}}, .n_steps = 1, .single = true}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		assert_false(sk_approval_rule_check(&bad[i]));
	assert_true(sk_approval_rule_check(&one_step));
	assert_true(sk_approval_rule_check(&two_steps));
	assert_true(sk_approval_rule_check(&alone));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_somebody_else_approves),
		cmocka_unit_test(test_one_refusal_refuses),
		cmocka_unit_test(test_two_steps_need_different_people),
		cmocka_unit_test(test_a_single_person_decides_with_a_second_factor),
		cmocka_unit_test(test_rules_that_nobody_can_meet_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
