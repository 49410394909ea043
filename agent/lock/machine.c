/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/machine.h"

/* Who unlocks a desktop touched the PC so shortly before: a password, and the time to look at it. */
#define PRESENT (10 * 1000000ULL)
/* Somebody at a lock that does not open for so long is not there to look at it. */
#define STUCK (60 * 1000000ULL)
#define PAUSE (30 * 1000000ULL)
#define LOOK_AGAIN (20 * 1000000ULL)

void lock_begin(LockMachine *machine, uint64_t now)
{
	*machine = (LockMachine){.state = LOCK_OPEN, .open_since = now};
}

static uint64_t newest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t oldest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Inputs are read before `now` is, so that none lies behind it; a fact that does is worth nothing. */
static uint64_t idle_of(const LockMachine *machine, const LockFacts *facts)
{
	uint64_t base = newest(machine->open_since, facts->input);

	return facts->now > base ? facts->now - base : 0;
}

static LockStep begin_end(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	if (machine->state != LOCK_ASKED && machine->state != LOCK_COVERING)
		machine->due = facts->now;
	machine->state = LOCK_ENDING;
	machine->deadline = facts->now + limits->confirm;
	return (LockStep){.action = LOCK_END,
		.news = LOCK_IS_ENDED,
		.idle = idle_of(machine, facts),
		.next = machine->deadline};
}

static LockStep begin_cover(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	if (limits->no_cover)
		return begin_end(machine, limits, facts);
	uint64_t most = machine->state == LOCK_ASKED ? LOCK_COVER_AFTER_ASKED : LOCK_NEVER;

	machine->state = LOCK_COVERING;
	machine->deadline = facts->now + oldest(limits->confirm, most);
	return (LockStep){.action = LOCK_COVER, .next = machine->deadline};
}

/* It is due: what is done depends on what it is. */
static LockStep begin_lock(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	machine->due = facts->now;
	if (facts->far)
		return begin_end(machine, limits, facts);
	if (facts->can_ask) {
		machine->state = LOCK_ASKED;
		machine->deadline = facts->now + limits->confirm;
		return (LockStep){.action = LOCK_ASK, .next = machine->deadline};
	}
	if (facts->in_front)
		return begin_cover(machine, limits, facts);
	machine->state = LOCK_WAITING;
	return (LockStep){.next = LOCK_NEVER};
}

static bool in_front_of_its_lock(const LockFacts *facts)
{
	return facts->hint && !facts->cover && facts->in_front;
}

/* What was asked of the desktop was not shown in time, or is not shown any more. */
static LockStep when_refused(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	LockStep step = {.next = LOCK_NEVER};
	uint64_t idle = idle_of(machine, facts);

	if (facts->in_front)
		step = begin_cover(machine, limits, facts);
	else
		machine->state = LOCK_WAITING;
	step.news = LOCK_IS_REFUSED;
	step.idle = idle;
	return step;
}

static void note_tries(LockMachine *machine, const LockFacts *facts)
{
	if (!in_front_of_its_lock(facts) || facts->input <= machine->tried)
		return;
	if (machine->tried_since == 0 || facts->input > machine->tried + PAUSE)
		machine->tried_since = facts->input;
	machine->tried = facts->input;
}

static void close_it(LockMachine *machine, const LockFacts *facts)
{
	machine->state = LOCK_CLOSED;
	machine->told_open = false;
	machine->tried_since = 0;
	machine->tried = machine->closed_since = facts->now;
	machine->let_in = 0;
}

static LockStep when_closed(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	LockStep step = {.next = LOCK_NEVER};

	if (machine->state != LOCK_CLOSED) {
		bool asked = machine->state == LOCK_ASKED || machine->state == LOCK_COVERING;

		step.news = LOCK_IS_LOCKED;
		step.idle = idle_of(machine, facts);
		step.took = asked ? facts->now - machine->due : 0;
		close_it(machine, facts);
	}
	if (facts->cover) /* what was tried until now was that */
		close_it(machine, facts);
	machine->by_hint = facts->hint && !facts->cover;
	machine->stuck = false;
	if (facts->let_in && machine->by_hint)
		machine->let_in = facts->now;
	note_tries(machine, facts);
	if (machine->tried_since && machine->tried >= machine->tried_since + STUCK) {
		machine->stuck = true;
		machine->due = facts->now;
		return when_refused(machine, limits, facts);
	}
	if (limits->end && step.news == LOCK_NO_NEWS && idle_of(machine, facts) >= limits->end)
		return begin_end(machine, limits, facts);
	if (limits->end)
		step.next = newest(machine->open_since, facts->input) + limits->end;
	if (in_front_of_its_lock(facts))
		step.next = oldest(step.next, facts->now + LOOK_AGAIN);
	return step;
}

/* It is due by time: does a program keep it open, for as long as it may? The end of the budget does not move
 * with the programs: it counts from the last sign of the user. */
static bool is_held(
	LockMachine *machine, const LockLimits *limits, const LockFacts *facts, LockStep *ret_step)
{
	uint64_t until = newest(machine->open_since, facts->input) + limits->idle + limits->held;

	if (facts->wanted || facts->far || facts->now >= until || facts->hold == LOCK_HOLD_NONE)
		return false;
	if (facts->hold == LOCK_HOLD_SOME) {
		*ret_step = (LockStep){.next = until};
		return true;
	}
	if (facts->hold == LOCK_HOLD_UNKNOWN)
		machine->deadline = facts->now + limits->confirm;
	*ret_step = (LockStep){.action = facts->hold == LOCK_HOLD_UNKNOWN ? LOCK_ASK_HOLD : LOCK_NOTHING,
		.next = machine->deadline};
	return facts->now < machine->deadline;
}

static LockStep when_open(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	uint64_t base = newest(machine->open_since, facts->input), idle = idle_of(machine, facts);
	LockStep step = {.next = LOCK_NEVER};

	if (limits->end && idle >= limits->end)
		return begin_end(machine, limits, facts);
	if (facts->wanted || (limits->idle && idle >= limits->idle)) {
		if (!is_held(machine, limits, facts, &step))
			return begin_lock(machine, limits, facts);
	} else if (limits->idle)
		step.next = base + limits->idle;
	if (limits->end)
		step.next = oldest(step.next, base + limits->end);
	return step;
}

/* A lock of the desktop's that goes away is an unlocking only when somebody is there who touched the PC after
 * it was locked, or was let in elsewhere and the desktop is slow to follow: open it counts from then on. */
static LockStep when_reopened(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	bool alone = facts->now > facts->input + PRESENT || facts->input <= machine->closed_since,
	     follows = machine->let_in && facts->now <= machine->let_in + STUCK;

	if (machine->by_hint && (facts->lost || (alone && !follows))) {
		machine->due = facts->now;
		return when_refused(machine, limits, facts);
	}
	lock_begin(machine, machine->by_hint && alone ? machine->let_in : facts->now);
	LockStep step = when_open(machine, limits, facts);

	if (step.news == LOCK_NO_NEWS)
		step.news = LOCK_IS_UNLOCKED;
	return step;
}

/* Once for each time. */
static void say_open(LockMachine *machine, const LockFacts *facts, LockStep *step)
{
	if (machine->told_open)
		return;
	machine->told_open = true;
	step->news = LOCK_IS_OPEN;
	step->idle = idle_of(machine, facts);
}

/* It was told to end, and is still there. */
static LockStep when_undead(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	LockStep step = {.action = LOCK_END, .next = facts->now + limits->confirm};

	machine->deadline = step.next;
	say_open(machine, facts, &step);
	return step;
}

/* It can neither be covered nor ended: it stands open until it can be covered, or its user is back. */
static LockStep when_stays(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	LockStep step = {.next = LOCK_NEVER};

	if (!facts->in_front) {
		machine->state = LOCK_WAITING;
		machine->told_open = false;
		return step;
	}
	if (machine->told_open && idle_of(machine, facts) < limits->idle) {
		lock_begin(machine, facts->now);
		return when_open(machine, limits, facts);
	}
	machine->deadline = facts->now + LOOK_AGAIN;
	step = (LockStep){.action = LOCK_COVER, .next = machine->deadline};
	say_open(machine, facts, &step);
	return step;
}

LockStep lock_step(LockMachine *machine, const LockLimits *limits, const LockFacts *facts)
{
	bool closed = facts->cover || (facts->hint && !machine->stuck),
	     late = facts->now >= machine->deadline;

	/* What is ending ends, whatever it says of itself. */
	if (machine->state == LOCK_ENDING)
		return late ? when_undead(machine, limits, facts) : (LockStep){.next = machine->deadline};
	if (closed)
		return when_closed(machine, limits, facts);
	if (machine->state == LOCK_CLOSED)
		return when_reopened(machine, limits, facts);
	if (facts->let_in && !facts->wanted)
		lock_begin(machine, facts->now);
	if (machine->state == LOCK_OPEN)
		return when_open(machine, limits, facts);
	if (machine->state == LOCK_WAITING)
		return facts->in_front ? begin_cover(machine, limits, facts) : (LockStep){.next = LOCK_NEVER};
	if (!late)
		return (LockStep){.next = machine->deadline};
	if (machine->state == LOCK_ASKED)
		return when_refused(machine, limits, facts);
	return facts->stays ? when_stays(machine, limits, facts) : begin_end(machine, limits, facts);
}
