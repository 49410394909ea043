/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-lock: sees that no session stands open without its user. The limits come from core and hold on
 * without it; the decision is machine.h, what it is decided on comes from logind (sessions.h) and from the
 * input devices (activity.h), and what is done is a call to logind or a console of our own (vt.h, unlock.h).
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <systemd/sd-login.h>

#include "agent/lock/activity.h"
#include "agent/lock/inhibit.h"
#include "agent/lock/locker.h"
#include "agent/lock/machine.h"
#include "agent/lock/vt.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/proto_lock.h"

#define LOCK_SESSIONS_MAX 64
#define LOCK_UNTOLD_MAX 64

typedef struct Seen {
	char id[64]; /* "": free */
	char user[64];
	char type[16];
	char tty[64]; /* of a session from afar */
	uid_t uid;
	bool here; /* the list had it just now */
	bool far, in_front, can_ask;
	bool hint, ended;
	bool wanted;	       /* this one is to be locked now */
	bool let_in;	       /* its user has just given his password elsewhere */
	uint64_t input;	       /* the last sign of its user */
	LockHold hold;	       /* since then */
	Holder holder;	       /* since then; "": there was none */
	Locker locker;	       /* who said that it is locked */
	unsigned vt;	       /* it is at this console, and logind does not know it (front.h); 0: it does */
	bool nameless;	       /* whose password would open it is not known */
	pid_t owner;	       /* who works there; 0: not known */
	sd_event_source *life; /* of the owner */
	int64_t touched;       /* when its terminal was touched last, by the terminal's own clock */
	LockMachine machine;
} Seen;

typedef struct Lock {
	sd_event *event;
	sd_bus *bus;
	sd_bus *calls; /* of lockers to logind, as they go by */
	sd_bus_slot *changed;
	sd_login_monitor *logins;
	sd_event_source *timer;
	Activity *activity;
	const char *directory; /* /run/sekisho/lock */
	LockLimits limits;
	uint64_t pass_until; /* the limits do not apply here until then */
	bool by_console;     /* no desktop is believed */
	char lockers[1024];  /* programs that are, besides those known; blanks between */
	bool wanted;	     /* lock now */
	bool deserted;	     /* a desktop that we ended or covered is gone, and its screen is nobody's */
	Seen sessions[LOCK_SESSIONS_MAX];

	unsigned front;	       /* the console in front, when it was looked at; 0: none */
	bool front_known;      /* it was somebody's then, and we hear when that changes */
	uint64_t front_since;  /* it is in front */
	uint64_t front_looked; /* who is there */

	Vt vt;
	sd_event_source *vt_io; /* another console is in front */
	bool clear;		/* and no monitor shows anything else */
	sd_event_source *lit;	/* one does: it is looked at again */
	sd_event_source *asker; /* the child that asks for the password */
	sd_event_source *again; /* it is started again */
	uint32_t failures;

	uid_t core_uid;
	SkChan *core;
	SkLockEvent untold[LOCK_UNTOLD_MAX]; /* while there is no core; the oldest first */
	size_t n_untold;
	sd_event_source *core_io;
	uint64_t order;	  /* cookie of the last SK_LOCK_NOW that had one */
	SkLockState told; /* to this core; size 0: nothing yet */
} Lock;

uint64_t lock_now(void);

/* Something changed: every session is judged anew. */
void lock_look(Lock *lock);
