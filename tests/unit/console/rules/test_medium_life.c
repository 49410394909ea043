/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves OUT-3, LOSS-1, LOSS-4. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "console/rules/medium_life.h"

/* Where each action leads from each state; "" when it is not possible. Written down apart from the code's
 * table. */
static const char *const life[SK_MEDIUM_STATE_MAX][SK_MEDIUM_ACTION_MAX] = {
	[SK_MEDIUM_PREPARED] =
		{[SK_MEDIUM_STOCK] = "in-stock", [SK_MEDIUM_LOSE] = "lost", [SK_MEDIUM_RETIRE] = "retired"},
	[SK_MEDIUM_IN_STOCK] = {[SK_MEDIUM_REQUEST] = "requested",
		[SK_MEDIUM_LOSE] = "lost",
		[SK_MEDIUM_RETIRE] = "retired"},
	[SK_MEDIUM_REQUESTED] = {[SK_MEDIUM_WITHDRAW] = "in-stock",
		[SK_MEDIUM_APPROVE] = "approved",
		[SK_MEDIUM_LOSE] = "lost"},
	[SK_MEDIUM_APPROVED] =
		{[SK_MEDIUM_WITHDRAW] = "in-stock", [SK_MEDIUM_CARRY_OUT] = "out", [SK_MEDIUM_LOSE] = "lost"},
	[SK_MEDIUM_OUT] = {[SK_MEDIUM_RETURN] = "returned", [SK_MEDIUM_LOSE] = "lost"},
	[SK_MEDIUM_RETURNED] = {[SK_MEDIUM_INSPECT] = "inspected",
		[SK_MEDIUM_LOSE] = "lost",
		[SK_MEDIUM_RETIRE] = "retired"},
	[SK_MEDIUM_INSPECTED] =
		{[SK_MEDIUM_STOCK] = "in-stock", [SK_MEDIUM_LOSE] = "lost", [SK_MEDIUM_RETIRE] = "retired"},
	[SK_MEDIUM_LOST] = {[SK_MEDIUM_REVOKE] = "revoked", [SK_MEDIUM_FIND] = "found"},
	[SK_MEDIUM_REVOKED] = {[SK_MEDIUM_FIND] = "found"},
	[SK_MEDIUM_FOUND] = {[SK_MEDIUM_LOSE] = "lost",
		[SK_MEDIUM_TAKE_BACK] = "returned",
		[SK_MEDIUM_RETIRE] = "retired"},
	[SK_MEDIUM_RETIRED] = {[SK_MEDIUM_ERASE] = "erased", [SK_MEDIUM_DESTROY] = "destroyed"},
};

static void test_every_action_leads_where_it_should(void **state)
{
	for (SkMediumState from = 0; from < SK_MEDIUM_STATE_MAX; from++)
		for (SkMediumAction action = 0; action < SK_MEDIUM_ACTION_MAX; action++) {
			const SkMediumTransition *found = sk_medium_transition(from, action);
			const char *wanted = life[from][action] ? life[from][action] : "";

			assert_string_equal(found ? sk_medium_state_name(found->to) : "", wanted);
		}
}

static void test_a_lost_medium_is_never_usable_without_an_inspection(void **state)
{
	unsigned reached = 1u << SK_MEDIUM_LOST, before = 0;

	/* All that can be reached from "lost" without passing an inspection. */
	while (reached != before) {
		before = reached;
		for (SkMediumState from = 0; from < SK_MEDIUM_STATE_MAX; from++)
			for (SkMediumAction action = 0; action < SK_MEDIUM_ACTION_MAX; action++) {
				const SkMediumTransition *t = sk_medium_transition(from, action);

				if (t && reached & 1u << from && action != SK_MEDIUM_INSPECT)
					reached |= 1u << t->to;
			}
	}
	for (SkMediumState s = 0; s < SK_MEDIUM_STATE_MAX; s++)
		if (sk_medium_state_is_usable(s))
			assert_false(reached & 1u << s);
}

static void test_nothing_leads_out_of_a_final_state(void **state)
{
	for (SkMediumState s = 0; s < SK_MEDIUM_STATE_MAX; s++)
		for (SkMediumAction action = 0; action < SK_MEDIUM_ACTION_MAX; action++)
			if (sk_medium_state_is_final(s))
				assert_null(sk_medium_transition(s, action));
}

static void test_what_the_grave_actions_ask_for(void **state)
{
	assert_int_equal(sk_medium_transition(SK_MEDIUM_LOST, SK_MEDIUM_REVOKE)->asks, SK_LIFE_KEY_GONE);
	assert_true(sk_medium_transition(SK_MEDIUM_FOUND, SK_MEDIUM_TAKE_BACK)->asks & SK_LIFE_KEY_LIVES);
	assert_true(sk_medium_transition(SK_MEDIUM_RETIRED, SK_MEDIUM_DESTROY)->asks & SK_LIFE_SECOND);
	assert_true(sk_medium_transition(SK_MEDIUM_RETIRED, SK_MEDIUM_ERASE)->asks & SK_LIFE_CERTIFICATE);
	assert_true(sk_medium_transition(SK_MEDIUM_OUT, SK_MEDIUM_LOSE)->asks & SK_LIFE_REASON);
	assert_true(sk_medium_transition(SK_MEDIUM_APPROVED, SK_MEDIUM_CARRY_OUT)->asks & SK_LIFE_REQUEST);
}

static void test_words_are_read_as_they_are_written(void **state)
{
	for (int s = 0; s < SK_MEDIUM_STATE_MAX; s++)
		assert_int_equal(sk_medium_state_parse(sk_medium_state_name((SkMediumState)s)), s);
	for (int a = 0; a < SK_MEDIUM_ACTION_MAX; a++)
		assert_int_equal(sk_medium_action_parse(sk_medium_action_name((SkMediumAction)a)), a);
	assert_int_equal(sk_medium_state_parse("In-Stock"), -EINVAL);
	assert_int_equal(sk_medium_action_parse(""), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_action_leads_where_it_should),
		cmocka_unit_test(test_a_lost_medium_is_never_usable_without_an_inspection),
		cmocka_unit_test(test_nothing_leads_out_of_a_final_state),
		cmocka_unit_test(test_what_the_grave_actions_ask_for),
		cmocka_unit_test(test_words_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
