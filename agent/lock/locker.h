/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who says that a session is locked. Any program of its user's may set logind's LockedHint, so the call
 * itself is watched on the bus: it counts when it comes from a program that locks, and for as long as that
 * program lives. Nothing else on the bus wakes us.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct Lock Lock;
typedef struct Seen Seen;

typedef enum LockerWord {
	LOCKER_SILENT, /* no locker said that it is locked */
	LOCKER_LOCKED,
	LOCKER_LOST, /* one did, and is gone without having said that it is open again */
} LockerWord;

typedef struct Locker {
	Lock *lock; /* whose session it is; userdata of the sources below */
	Seen *session;
	LockerWord word;
	char name[32]; /* on the bus; "": nobody's */
	pid_t pid;
	unsigned tries;		/* to find what it started */
	sd_event_source *life;	/* of its process */
	sd_event_source *below; /* of the locker it started */
	sd_event_source *later;
	sd_bus_track *track; /* of its name */
} Locker;

/* Listens. Where that is refused no desktop is believed, and our console covers it. */
void locker_open(Lock *lock);
void locker_close(Lock *lock);

/* The session is gone, or its lock is over. */
void locker_forget(Seen *session);

/* A locker says that it is locked, logind agrees, and the policy believes desktops. */
bool locker_locked(const Seen *session);

/* Some program of the session would say that it locked, if it were asked to. Looks at all processes. */
bool locker_can_tell(Lock *lock, const Seen *session);

/* A program that says so itself. type: of the session, by logind's word; others: more paths, blanks between.
 */
bool locker_tells(const char *path, const char *type, const char *others);

/* A program that locks by itself; others: more paths, blanks between. */
bool locker_is_known(const char *path, const char *others);

/* A program that says "locked" whatever it starts: what it started has to be a locker. */
bool locker_only_starts(const char *path);
