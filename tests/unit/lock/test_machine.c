/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock of a session against what it must come to: by hand for each kind of session, and 200 random traces
 * of idling, input, lockers that lie, hang or die, consoles in front and behind, against a model that knows
 * nothing of how it is done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "agent/lock/machine.h"

#define SECOND 1000000ULL
#define IDLE (60 * SECOND)
#define CONFIRM (5 * SECOND)
#define HELD (90 * SECOND)
/* Asked, covered, ended: each may take its time. */
#define SLACK (3 * CONFIRM)
#define TRACES 200
#define STEPS 400

static const LockLimits limits = {.idle = IDLE, .confirm = CONFIRM};

/* A session as it really is: what it does when it is asked, and what can be seen of it. */
typedef struct World {
	LockMachine machine;
	LockLimits limits;
	LockFacts facts;
	bool there;
	bool desktop_locks, cover_comes, dies; /* does it do what it is asked? */
	LockHold hold;			       /* what is answered; LOCK_HOLD_ASKED: nothing is */
	uint64_t last_input;		       /* that somebody really made, at what he saw */
	uint64_t front_since;		       /* what nobody saw could not be covered before */
	LockStep last;
} World;

static void world_begin(World *world, bool can_ask)
{
	*world = (World){
		.limits = limits, .there = true, .desktop_locks = true, .cover_comes = true, .dies = true};
	world->hold = LOCK_HOLD_NONE;
	world->facts =
		(LockFacts){.now = 100 * SECOND, .input = 100 * SECOND, .in_front = true, .can_ask = can_ask};
	world->last_input = world->facts.now;
	lock_begin(&world->machine, world->facts.now);
}

/* One look; what is asked is done at once, as far as this world does it. Return: the news. */
static LockNews look(World *world)
{
	LockNews news = LOCK_NO_NEWS;

	if (!world->there)
		return news;
	world->last = lock_step(&world->machine, &world->limits, &world->facts);
	news = world->last.news;
	if (world->last.action == LOCK_ASK_HOLD)
		world->facts.hold = world->hold;
	if (world->last.action == LOCK_ASK && world->desktop_locks) {
		world->facts.hint = true;
		world->facts.lost = false;
	}
	if (world->last.action == LOCK_COVER && world->cover_comes)
		world->facts.cover = true;
	if (world->last.action == LOCK_END && world->dies)
		world->there = false;
	world->facts.wanted = world->facts.let_in = false;
	return news;
}

/* Time passes, and it is looked when the machine wanted it. Return: the last news on the way. */
static LockNews pass(World *world, uint64_t time)
{
	uint64_t until = world->facts.now + time;
	LockNews news = LOCK_NO_NEWS, now = look(world);

	for (;;) {
		news = now != LOCK_NO_NEWS ? now : news;
		if (!world->there || world->last.next > until)
			break;
		if (world->last.next > world->facts.now)
			world->facts.now = world->last.next;
		now = look(world);
		/* What was done since the look is seen by the next one. */
		if (now == LOCK_NO_NEWS && world->last.action == LOCK_NOTHING &&
			world->last.next <= world->facts.now)
			break;
	}
	world->facts.now = until;
	now = look(world);
	return now != LOCK_NO_NEWS ? now : news;
}

static bool is_safe(const World *world)
{
	return !world->there || world->facts.hint || world->facts.cover;
}

static void test_desktop_locks(void **state)
{
	World world;

	world_begin(&world, true);
	assert_int_equal(pass(&world, IDLE - SECOND), LOCK_NO_NEWS);
	assert_false(is_safe(&world));
	assert_int_equal(pass(&world, 2 * SECOND), LOCK_IS_LOCKED);
	assert_true(world.facts.hint && world.there && !world.facts.cover);
	world.facts.input = world.facts.now += SECOND;
	world.facts.hint = false;
	assert_int_equal(look(&world), LOCK_IS_UNLOCKED);
	assert_int_equal(pass(&world, IDLE - SECOND), LOCK_NO_NEWS);
}

static void test_input_puts_it_off(void **state)
{
	World world;

	world_begin(&world, true);
	pass(&world, IDLE / 2);
	world.facts.input = world.facts.now;
	assert_int_equal(pass(&world, IDLE - SECOND), LOCK_NO_NEWS);
	assert_int_equal(pass(&world, 2 * SECOND), LOCK_IS_LOCKED);
}

static void test_desktop_does_not_lock(void **state)
{
	World world;

	world_begin(&world, true);
	world.desktop_locks = false;
	pass(&world, IDLE + CONFIRM - SECOND);
	assert_false(is_safe(&world));
	pass(&world, 2 * SECOND);
	assert_true(world.facts.cover && world.there);
}

static void test_nothing_helps(void **state)
{
	World world;
	LockNews news;

	world_begin(&world, true);
	world.desktop_locks = world.cover_comes = false;
	news = pass(&world, IDLE + SLACK);
	assert_false(world.there);
	assert_int_equal(news, LOCK_IS_ENDED);
	world_begin(&world, true);
	world.desktop_locks = world.cover_comes = world.dies = false;
	news = pass(&world, IDLE + SLACK + SECOND);
	assert_int_equal(news, LOCK_IS_OPEN);
	/* Told once, tried again and again. */
	assert_int_equal(pass(&world, 10 * CONFIRM), LOCK_NO_NEWS);
	assert_int_equal(world.last.action == LOCK_END || world.last.next <= world.facts.now + CONFIRM, true);
}

/* Idle, and locked by its desktop. */
static void world_locked(World *world)
{
	world_begin(world, true);
	pass(world, IDLE + SECOND);
	assert_true(world->facts.hint && !world->facts.cover);
}

static void test_locker_goes(void **state)
{
	World world;

	/* It is gone and said nothing; whether somebody is there does not matter. */
	world_locked(&world);
	world.facts.input = world.facts.now;
	world.facts.hint = false;
	world.facts.lost = true;
	assert_int_equal(look(&world), LOCK_IS_REFUSED);
	assert_true(world.facts.cover);
	assert_int_equal(look(&world), LOCK_IS_LOCKED);
	/* The right password at our console: what is left behind of the locker does not lock it again. */
	pass(&world, SECOND);
	world.facts.cover = false;
	assert_int_equal(look(&world), LOCK_IS_UNLOCKED);
	assert_int_equal(pass(&world, IDLE - SECOND), LOCK_NO_NEWS);
	/* It says that it is open, and nobody is there who could have opened it. */
	world_locked(&world);
	pass(&world, 100 * SECOND);
	world.facts.hint = false;
	assert_int_equal(look(&world), LOCK_IS_REFUSED);
	assert_true(world.facts.cover);
	/* Its user locked it and left: he is no more there than that. */
	world_begin(&world, true);
	pass(&world, SECOND);
	world.facts.input = world.facts.now;
	world.facts.hint = true;
	pass(&world, 3 * SECOND);
	world.facts.hint = false;
	assert_int_equal(look(&world), LOCK_IS_REFUSED);
	assert_true(world.facts.cover);
	/* Nobody sees it: covered as soon as somebody does. */
	world_locked(&world);
	world.facts.in_front = world.facts.hint = false;
	world.facts.lost = true;
	assert_int_equal(look(&world), LOCK_IS_REFUSED);
	assert_false(world.facts.cover);
	world.facts.in_front = true;
	look(&world);
	assert_true(world.facts.cover);
}

/* Somebody types, second for second. Return: the seconds until it is covered. */
static unsigned type_until_covered(World *world, unsigned most)
{
	unsigned second = 0;

	for (; second < most && !world->facts.cover; second++) {
		world->facts.input = world->facts.now;
		pass(world, SECOND);
	}
	return second;
}

static void test_lock_does_not_open(void **state)
{
	World world;

	world_locked(&world);
	unsigned seconds = type_until_covered(&world, 300);

	assert_in_range(seconds, 60, 90);
	assert_true(world.facts.cover);
	/* Back at the desktop's lock, which gets another minute. */
	world.facts.cover = false;
	look(&world);
	assert_int_equal(world.machine.state, LOCK_CLOSED);
	assert_in_range(type_until_covered(&world, 300), 60, 90);
	/* A touch now and then is nobody who wants in. */
	world_locked(&world);
	for (unsigned i = 0; i < 20; i++) {
		world.facts.input = world.facts.now;
		pass(&world, 45 * SECOND);
		assert_false(world.facts.cover);
	}
}

static void test_program_keeps_it_open(void **state)
{
	World world;

	/* Nobody is asked where no program may. */
	world_begin(&world, true);
	world.hold = LOCK_HOLD_SOME;
	assert_int_equal(pass(&world, IDLE), LOCK_IS_LOCKED);
	assert_int_equal(world.facts.hold, LOCK_HOLD_UNKNOWN);
	/* For its budget, and by nobody who is not asked. */
	world_begin(&world, true);
	world.limits.held = HELD;
	world.hold = LOCK_HOLD_SOME;
	pass(&world, IDLE - SECOND);
	assert_int_equal(world.facts.hold, LOCK_HOLD_UNKNOWN);
	assert_int_equal(pass(&world, HELD), LOCK_NO_NEWS);
	assert_int_equal(pass(&world, 2 * SECOND), LOCK_IS_LOCKED);
	/* It ends before its budget does: at once. */
	world_begin(&world, true);
	world.limits.held = HELD;
	world.hold = LOCK_HOLD_SOME;
	assert_int_equal(pass(&world, IDLE + SECOND), LOCK_NO_NEWS);
	world.facts.hold = LOCK_HOLD_NONE;
	assert_int_equal(pass(&world, 0), LOCK_IS_LOCKED);
	/* No answer is waited for without an end. */
	world_begin(&world, true);
	world.limits.held = HELD;
	world.hold = LOCK_HOLD_ASKED;
	assert_int_equal(pass(&world, IDLE + CONFIRM - SECOND), LOCK_NO_NEWS);
	assert_int_equal(pass(&world, 2 * SECOND), LOCK_IS_LOCKED);
}

/* What goes before the budget. */
static void test_program_keeps_nothing_open(void **state)
{
	World world;

	world_begin(&world, true);
	world.limits.held = HELD;
	world.hold = LOCK_HOLD_SOME;
	pass(&world, IDLE + SECOND);
	world.facts.wanted = true;
	assert_int_equal(pass(&world, 0), LOCK_IS_LOCKED);
	world_begin(&world, true);
	world.limits.held = HELD;
	world.limits.end = IDLE + HELD / 2;
	world.hold = LOCK_HOLD_SOME;
	assert_int_equal(pass(&world, IDLE + HELD / 2), LOCK_IS_ENDED);
	world_begin(&world, false);
	world.limits.held = HELD;
	world.hold = LOCK_HOLD_SOME;
	world.facts.far = true;
	assert_int_equal(pass(&world, IDLE), LOCK_IS_ENDED);
}

static void test_text_console(void **state)
{
	World world;

	world_begin(&world, false);
	pass(&world, IDLE);
	assert_true(world.facts.cover);
	/* Nobody sees it: covered as soon as somebody does. */
	world_begin(&world, false);
	world.facts.in_front = false;
	pass(&world, 2 * IDLE);
	assert_false(world.facts.cover);
	world.facts.in_front = true;
	look(&world);
	assert_true(world.facts.cover);
}

static void test_far_and_policy(void **state)
{
	World world;

	world_begin(&world, false);
	world.facts.far = true;
	world.facts.in_front = false;
	pass(&world, IDLE);
	assert_false(world.there);
	world_begin(&world, false);
	world.limits.no_cover = true;
	pass(&world, IDLE);
	assert_false(world.there || world.facts.cover);
	world_begin(&world, true);
	world.limits.end = 3 * IDLE;
	pass(&world, 2 * IDLE);
	assert_true(world.there && world.facts.hint);
	pass(&world, IDLE);
	assert_false(world.there);
	world_begin(&world, true);
	world.limits.idle = 0;
	pass(&world, 100 * IDLE);
	assert_false(is_safe(&world));
	world.facts.wanted = true;
	pass(&world, 0);
	assert_true(is_safe(&world));
}

/* A console that logind does not know: nobody can end it. */
static void test_stays(void **state)
{
	World world;

	world_begin(&world, false);
	world.facts.stays = true;
	assert_int_equal(pass(&world, IDLE + SECOND), LOCK_IS_LOCKED);
	assert_true(world.facts.cover);
	/* It does not let go of the screen: told once, and tried again. */
	world_begin(&world, false);
	world.facts.stays = true;
	world.cover_comes = false;
	assert_int_equal(pass(&world, IDLE + 5 * SECOND), LOCK_IS_OPEN);
	assert_true(world.there);
	assert_int_equal(pass(&world, 10 * CONFIRM), LOCK_NO_NEWS);
	world.cover_comes = true;
	assert_int_equal(pass(&world, 20 * SECOND), LOCK_IS_LOCKED);
	assert_false(world.machine.told_open);
	/* Its user is back: it does not stand open without him. */
	world_begin(&world, false);
	world.facts.stays = true;
	world.cover_comes = false;
	pass(&world, IDLE + 5 * SECOND);
	assert_true(world.machine.told_open);
	world.facts.input = world.facts.now;
	pass(&world, 20 * SECOND);
	assert_false(world.machine.told_open);
	assert_int_equal(pass(&world, IDLE + 5 * SECOND), LOCK_IS_OPEN);
	/* Nobody sees it. */
	world.facts.in_front = false;
	assert_int_equal(pass(&world, 20 * SECOND), LOCK_NO_NEWS);
	assert_false(world.machine.told_open);
	world.facts.in_front = world.cover_comes = true;
	look(&world);
	assert_true(world.facts.cover);
}

static unsigned dice(unsigned sides)
{
	return (unsigned)random() % sides;
}

/* By the sign-in screen of a display manager: one password is enough. */
static void test_let_in_elsewhere(void **state)
{
	World world;

	world_begin(&world, false);
	world.facts.in_front = false;
	assert_int_equal(pass(&world, IDLE + SECOND), LOCK_NO_NEWS);
	assert_int_equal(world.machine.state, LOCK_WAITING);
	world.facts.let_in = true;
	(void)look(&world);
	world.facts.let_in = false;
	world.facts.in_front = true;
	(void)look(&world);
	assert_int_equal(world.machine.state, LOCK_OPEN);
	assert_false(world.facts.cover);
	/* From then on it is a session as any other. */
	assert_int_equal(pass(&world, IDLE + SECOND), LOCK_IS_LOCKED);
	/* Our console asks for itself. */
	world.facts.let_in = true;
	(void)look(&world);
	assert_int_equal(world.machine.state, LOCK_CLOSED);
}

/* By our console, in front of a desktop's lock that takes long to go: one password is enough, for a minute.
 */
static void test_let_in_and_follows(void **state)
{
	for (unsigned late = 0; late < 2; late++) {
		World world;

		world_begin(&world, true);
		assert_int_equal(pass(&world, IDLE), LOCK_IS_LOCKED);
		assert_true(world.facts.hint);
		world.facts.let_in = true;
		(void)look(&world);
		assert_int_equal(world.machine.state, LOCK_CLOSED);
		world.facts.in_front = false; /* nobody tries */
		pass(&world, late ? 61 * SECOND : 15 * SECOND);
		world.facts.in_front = true;
		world.facts.hint = false;
		assert_int_equal(look(&world), late ? LOCK_IS_REFUSED : LOCK_IS_UNLOCKED);
		/* Nobody has touched it since the password: the limit counts from there. */
		if (!late)
			assert_int_equal(pass(&world, IDLE - 14 * SECOND), LOCK_IS_LOCKED);
	}
}

/* The desktop is unlocked by its user, or its locker ends in one of three ways. */
static void leave_lock(World *world)
{
	unsigned how = dice(6);

	if (!world->facts.hint || how > 3)
		return;
	world->facts.hint = false;
	if (how == 0 && world->facts.in_front)
		world->facts.input = world->last_input = world->facts.now;
	if (how == 1)
		world->facts.lost = true; /* known by its process */
}

/* Somebody at the PC, and things that go wrong. */
static void happen(World *world)
{
	switch (dice(10)) {
	case 0:
	case 1:
	case 2:
		/* Input counts for what is in front. Behind a lock it is the lock's. */
		if (world->facts.in_front) {
			world->facts.input = world->last_input = world->facts.now;
			world->facts.hold = LOCK_HOLD_UNKNOWN;
		}
		break;
	case 3:
		leave_lock(world);
		break;
	case 4:
		world->facts.cover = world->facts.cover && dice(2);
		if (!world->facts.cover)
			world->last_input = world->facts.now;
		break;
	case 5:
		world->desktop_locks = dice(2);
		break;
	case 6:
		world->cover_comes = dice(4) > 0;
		break;
	case 7:
		/* Our console lets nobody leave it. */
		if (!world->facts.cover) {
			world->facts.in_front = !world->facts.in_front;
			world->front_since = world->facts.now;
		}
		break;
	case 8:
		world->facts.wanted = dice(8) == 0;
		if (!world->facts.in_front && dice(2)) {
			world->facts.let_in = true;
			world->last_input = world->facts.now;
		}
		break;
	default:
		world->hold = LOCK_HOLD_ASKED + dice(3);
		if (world->facts.hold == LOCK_HOLD_SOME && dice(2))
			world->facts.hold = LOCK_HOLD_NONE; /* the film is over */
		break;
	}
}

/* The one law: nobody finds it open who comes later than the limit, what a program may add to it, and what
 * locking may take. */
static void check_law(const World *world, unsigned trace)
{
	uint64_t since = world->last_input, due = since + IDLE + world->limits.held;

	if (due < world->front_since)
		due = world->front_since;
	if (is_safe(world) || !world->facts.in_front || world->facts.now <= due + SLACK + SECOND)
		return;
	print_message("trace %u: open for %llu s\n", trace,
		(unsigned long long)((world->facts.now - since) / SECOND));
	fail();
}

static void test_random_traces(void **state)
{
	for (unsigned trace = 0; trace < TRACES; trace++) {
		World world;

		srandom(trace);
		world_begin(&world, dice(2));
		world.limits.held = dice(2) * HELD;
		for (unsigned step = 0; step < STEPS && world.there; step++) {
			happen(&world);
			pass(&world, dice(40) * SECOND);
			check_law(&world, trace);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_desktop_locks),
		cmocka_unit_test(test_input_puts_it_off), cmocka_unit_test(test_desktop_does_not_lock),
		cmocka_unit_test(test_nothing_helps), cmocka_unit_test(test_text_console),
		cmocka_unit_test(test_far_and_policy), cmocka_unit_test(test_program_keeps_it_open),
		cmocka_unit_test(test_program_keeps_nothing_open), cmocka_unit_test(test_locker_goes),
		cmocka_unit_test(test_lock_does_not_open), cmocka_unit_test(test_stays),
		cmocka_unit_test(test_let_in_elsewhere), cmocka_unit_test(test_let_in_and_follows),
		cmocka_unit_test(test_random_traces)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
