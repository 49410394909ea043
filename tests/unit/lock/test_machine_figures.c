/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What test_machine.c does not look at, step by step: the figures of the news, when it is looked again, and
 * the second limit. Found by breaking the machine on purpose.
 */
#include "tests/unit/unit.h"

#include "agent/lock/machine.h"

#define SECOND 1000000ULL
#define BEGUN (100 * SECOND)
#define IDLE (60 * SECOND)
#define END (200 * SECOND)
#define CONFIRM (5 * SECOND)

static const LockLimits limits = {.idle = IDLE, .end = END, .confirm = CONFIRM};

/* Touched ten seconds after the sign-in, and then no more. */
#define TOUCHED (BEGUN + 10 * SECOND)

static LockStep look(LockMachine *machine, LockFacts *facts, uint64_t now)
{
	facts->now = now;
	return lock_step(machine, &limits, facts);
}

static LockMachine touched(LockFacts *facts, bool can_ask)
{
	LockMachine machine;

	lock_begin(&machine, BEGUN);
	*facts = (LockFacts){.input = TOUCHED, .in_front = true, .can_ask = can_ask};
	return machine;
}

static void a_cover_is_a_lock(void **state)
{
	LockFacts facts;
	LockMachine machine = touched(&facts, false);
	LockStep step = look(&machine, &facts, TOUCHED + IDLE - 1);

	assert_int_equal(step.action, LOCK_NOTHING);
	assert_int_equal(step.next, TOUCHED + IDLE);
	step = look(&machine, &facts, TOUCHED + IDLE);
	assert_int_equal(step.action, LOCK_COVER);
	facts.cover = true;
	step = look(&machine, &facts, TOUCHED + IDLE + 2 * SECOND);
	assert_int_equal(step.news, LOCK_IS_LOCKED);
	assert_int_equal(step.action, LOCK_NOTHING);
	assert_int_equal(step.idle, IDLE + 2 * SECOND);
	assert_int_equal(step.took, 2 * SECOND);
	/* Then it is quiet until the second limit. */
	assert_int_equal(step.next, TOUCHED + END);
	step = look(&machine, &facts, TOUCHED + IDLE + 20 * CONFIRM);
	assert_int_equal(step.action, LOCK_NOTHING);
	assert_int_equal(step.news, LOCK_NO_NEWS);
	assert_int_equal(step.next, TOUCHED + END);
}

static void a_lock_of_its_user_took_no_time(void **state)
{
	LockFacts facts;
	LockMachine machine = touched(&facts, true);

	facts.hint = true;
	LockStep step = look(&machine, &facts, TOUCHED + 3 * SECOND);

	assert_int_equal(step.news, LOCK_IS_LOCKED);
	assert_int_equal(step.took, 0);
	assert_int_equal(step.idle, 3 * SECOND);
}

/* Neither the desktop nor the console answers: whoever looks at each time that was named sees it ended then.
 */
static void what_does_not_lock_is_ended_within_five_seconds(void **state)
{
	const LockLimits short_confirm = {.idle = IDLE, .confirm = 3 * SECOND};
	LockFacts facts;
	LockMachine machine = touched(&facts, true);
	LockStep step = {.next = TOUCHED + IDLE};

	for (int i = 0; i < 3; i++) {
		facts.now = step.next;
		step = lock_step(&machine, &short_confirm, &facts);
	}
	assert_int_equal(step.action, LOCK_END);
	assert_int_equal(facts.now, TOUCHED + IDLE + 5 * SECOND);
}

/* Nothing was asked before our console: it has the whole time, for a PC that is slow. */
static void a_slow_cover_ends_nothing(void **state)
{
	LockFacts facts;
	LockMachine machine = touched(&facts, false);
	LockStep step = look(&machine, &facts, TOUCHED + IDLE);

	assert_int_equal(step.action, LOCK_COVER);
	assert_int_equal(step.next, TOUCHED + IDLE + CONFIRM);
	step = look(&machine, &facts, TOUCHED + IDLE + CONFIRM - 1);
	assert_int_equal(step.action, LOCK_NOTHING);
	step = look(&machine, &facts, TOUCHED + IDLE + CONFIRM);
	assert_int_equal(step.action, LOCK_END);
}

static void the_second_limit_counts_from_the_last_touch(void **state)
{
	LockFacts facts;
	LockMachine machine = touched(&facts, true);

	facts.hint = true;
	look(&machine, &facts, TOUCHED + IDLE);
	LockStep step = look(&machine, &facts, TOUCHED + END - 1);

	assert_int_equal(step.action, LOCK_NOTHING);
	step = look(&machine, &facts, TOUCHED + END);
	assert_int_equal(step.action, LOCK_END);
	assert_int_equal(step.news, LOCK_IS_ENDED);
	assert_int_equal(step.idle, END);
	/* What is ending ends, whatever its desktop says of itself. */
	step = look(&machine, &facts, TOUCHED + END + CONFIRM);
	assert_int_equal(step.action, LOCK_END);
	assert_int_equal(step.news, LOCK_IS_OPEN);
}

static void without_the_first_limit_there_is_the_second(void **state)
{
	const LockLimits only_end = {.end = END, .confirm = CONFIRM};
	LockFacts facts;
	LockMachine machine = touched(&facts, true);

	facts.now = TOUCHED + IDLE;
	LockStep step = lock_step(&machine, &only_end, &facts);

	assert_int_equal(step.action, LOCK_NOTHING);
	assert_int_equal(step.next, TOUCHED + END);
	facts.now = TOUCHED + END;
	step = lock_step(&machine, &only_end, &facts);
	assert_int_equal(step.action, LOCK_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cover_is_a_lock),
		cmocka_unit_test(a_lock_of_its_user_took_no_time),
		cmocka_unit_test(what_does_not_lock_is_ended_within_five_seconds),
		cmocka_unit_test(a_slow_cover_ends_nothing),
		cmocka_unit_test(the_second_limit_counts_from_the_last_touch),
		cmocka_unit_test(without_the_first_limit_there_is_the_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
