/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * core <-> sekisho-lock. Core says by which limits, and hears of each lock; the limits hold on when core is
 * gone.
 */
#include "lib/ipc/proto.h"

enum {
	SK_LOCK_OPTIONS = 0x0701, /* core -> lock: SkLockOptions, at once and whenever they change */
	SK_LOCK_NOW,		  /* core -> lock: SkHead; all sessions, whatever the time -> SK_LOCK_STATE */
	SK_LOCK_USER = 0x0710,	  /* core -> lock: SkLockUser; the sessions of one user, whatever the time */
	SK_LOCK_EVENT = 0x0781,	  /* SkLockEvent */
	SK_LOCK_STATE,		  /* SkLockState: at once, and whenever it changes */
};

typedef struct SkLockOptions {
	SkHead head;
	uint32_t idle_sec;    /* 0: not because of time */
	uint32_t inhibit_sec; /* so much longer while a program keeps the session open */
	uint32_t end_sec;     /* 0: never */
	uint32_t confirm_sec; /* at least 1 */
	uint32_t no_cover;    /* 1: a session that does not lock is ended */
	uint32_t by_console;  /* 1: no desktop is believed: our console covers it */
	uint64_t pass_until;  /* us of CLOCK_BOOTTIME: until then the two limits do not apply here; 0: they do
			       */
	char lockers[1024];   /* paths of programs that are believed besides those known, blanks between */
} SkLockOptions;

typedef struct SkLockUser {
	SkHead head;
	uint32_t uid;
	uint32_t reserved;
} SkLockUser;

enum {
	SK_LOCK_LOCKED = 1,
	SK_LOCK_UNLOCKED,
	SK_LOCK_REFUSED, /* its desktop did not show that it locked: covered, or ended, next */
	SK_LOCK_OPEN,	 /* it stands open */
	SK_LOCK_ENDED,
	SK_LOCK_KIND_MAX_,
};

/* What shows it. */
enum {
	SK_LOCK_BY_NOTHING = 0,
	SK_LOCK_BY_DESKTOP, /* LockedHint of logind */
	SK_LOCK_BY_CONSOLE, /* ours: the kernel shows it, and lets nobody leave it */
	SK_LOCK_BY_MAX_,
};

/* A program that kept a session open, as it calls itself; "": none. Any text its user liked. */
typedef struct SkLockHolder {
	char who[64];
	char why[96];
	char program[32]; /* the kernel's name of it */
} SkLockHolder;

typedef struct SkLockEvent {
	SkHead head;
	uint32_t kind, by;
	uint32_t uid;
	uint32_t failures;  /* wrong passwords at our console before it was unlocked */
	uint64_t idle_msec; /* how long it stood open without a sign of its user */
	uint64_t took_msec; /* from the asking until it was shown */
	char session[64];
	char user[64];
	char type[16]; /* "x11", "wayland", "tty" */
	SkLockHolder holder;
} SkLockEvent;

/* The session that is in front of the seat. */
enum {
	SK_LOCK_FRONT_NOBODY = 0, /* there is none, or only a greeter */
	SK_LOCK_FRONT_OPEN,
	SK_LOCK_FRONT_LOCKED,  /* by its desktop */
	SK_LOCK_FRONT_COVERED, /* by our console */
	SK_LOCK_FRONT_MAX_,
};

/* All sessions at once. The cookie: of the last SK_LOCK_NOW with one, after which this was looked at; 0:
 * there was none.
 */
typedef struct SkLockState {
	SkHead head;
	uint32_t front;	   /* SK_LOCK_FRONT_* */
	uint32_t open;	   /* sessions at this PC that are not locked */
	uint32_t standing; /* sessions that can neither be locked nor ended */
	uint32_t reserved;
	char user[64]; /* of one that stands; else empty */
} SkLockState;
