/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * When a session is locked, and what is done when it does not lock: a pure function of facts and time,
 * without a clock, a bus or a file of its own. One machine a session.
 *
 * The desktop is asked, and has to show that it did it. What does not show it (or has no lock, like a text
 * console) is covered by the console of ours, which the kernel itself shows to be there. So is what opens
 * again without anybody there, and what does not open to somebody who tries for long. What cannot be covered
 * is ended; what stays is told to stand open, and covered as soon as that is possible.
 */
#include <stdbool.h>
#include <stdint.h>

/* Times are microseconds of CLOCK_BOOTTIME, which nobody can set and which goes on while the PC sleeps. */
#define LOCK_NEVER UINT64_MAX

/* Our console comes to the front in a fraction of a second, or not at all: where X was stopped, it does not
 * let go of the screen. Where a desktop was asked before, it has this time: with the 3 s in which that has to
 * answer, whatever does not lock is ended 5 s after its time. Else it has LockLimits.confirm, for who ends a
 * session of a PC that is merely slow takes somebody's work. */
#define LOCK_COVER_AFTER_ASKED 2000000ULL

typedef struct LockLimits {
	uint64_t idle;	  /* 0: not because of time */
	uint64_t held;	  /* so much longer while a program keeps it open; 0: none can */
	uint64_t end;	  /* the session is ended, locked or not; 0: never */
	uint64_t confirm; /* for each step */
	bool no_cover;	  /* end it instead of covering it */
} LockLimits;

/* Does a program keep the session open, as players and slide shows do? */
typedef enum LockHold {
	LOCK_HOLD_UNKNOWN,
	LOCK_HOLD_ASKED,
	LOCK_HOLD_NONE,
	LOCK_HOLD_SOME,
} LockHold;

typedef struct LockFacts {
	uint64_t now;
	uint64_t input; /* the last sign of its user; of a session in the background, from when it was in
			   front */
	bool hint;	/* a locker says that it is locked, and lives */
	bool lost;	/* one said so, and is gone without having said anything else */
	bool cover;	/* our console is in front, and cannot be left */
	bool in_front;	/* somebody sees it */
	bool can_ask;	/* it is a desktop, not a text console */
	bool far;	/* signed in over the network: there is no screen to lock */
	bool stays;	/* nobody can end it */
	bool wanted;	/* lock now, whatever the time */
	bool let_in;	/* its user has just given his password elsewhere */
	LockHold hold;	/* since the last sign of its user */
} LockFacts;

typedef enum LockAction {
	LOCK_NOTHING,
	LOCK_ASK_HOLD, /* is there a program that keeps it open? */
	LOCK_ASK,      /* the desktop */
	LOCK_COVER,    /* by our console */
	LOCK_END,      /* the session */
} LockAction;

typedef enum LockNews {
	LOCK_NO_NEWS,
	LOCK_IS_LOCKED,
	LOCK_IS_UNLOCKED,
	LOCK_IS_REFUSED, /* the desktop did not show that it locked */
	LOCK_IS_OPEN,	 /* nothing helped: it stands open */
	LOCK_IS_ENDED,	 /* it was told to end */
} LockNews;

typedef enum LockState {
	LOCK_OPEN,
	LOCK_ASKED,
	LOCK_WAITING, /* is due, and nobody sees it: covered as soon as somebody does */
	LOCK_COVERING,
	LOCK_CLOSED,
	LOCK_ENDING,
} LockState;

typedef struct LockMachine {
	LockState state;
	uint64_t open_since;   /* the last unlock, or the beginning */
	uint64_t closed_since; /* the last lock */
	uint64_t due;	       /* when it was asked to lock, or ended */
	uint64_t deadline;     /* of the step that is going on */
	bool told_open;
	bool by_hint;	      /* it was the desktop's lock that closed it */
	bool stuck;	      /* somebody tries to get in, and the desktop's lock does not let him */
	uint64_t tried_since; /* somebody does, without a pause */
	uint64_t tried;	      /* the last sign of it */
	uint64_t let_in;      /* its user gave his password elsewhere, and the desktop's lock has yet to go */
} LockMachine;

typedef struct LockStep {
	LockAction action;
	LockNews news;
	uint64_t idle; /* how long it stood open without a sign of its user, when news says something of it */
	uint64_t took; /* from the asking to the lock */
	uint64_t next; /* look again then at the latest, or LOCK_NEVER: when facts change */
} LockStep;

void lock_begin(LockMachine *machine, uint64_t now);
LockStep lock_step(LockMachine *machine, const LockLimits *limits, const LockFacts *facts);
