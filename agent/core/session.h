/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who sits at the PC: the active session of seat0, as logind tells it, and whether its screen is locked.
 * While none is active it is the one that was, until it ends.
 */
#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <systemd/sd-login.h>

typedef struct Core Core;

#define SESSION_GROUPS_MAX 64

typedef struct Session {
	bool present;
	uid_t uid;
	gid_t gid;
	char user[64];
	char id[64];
	bool hinted;			  /* its desktop says that it is locked */
	bool shut;			  /* sekisho-lock says that the seat is locked */
	bool away;			  /* still signed in, but what is in front is no session */
	bool locked;			  /* one of the three */
	char *groups[SESSION_GROUPS_MAX]; /* names, ended by NULL */
	sd_login_monitor *monitor;
	sd_event_source *io;
	sd_bus_slot *lock_watch;
} Session;

/* Begins to watch. A machine without logind has no session. Return: 0 or negative errno. */
int session_open(Core *core);
void session_close(Core *core);

/* sekisho-lock said so; false also when it is gone for good. */
void session_set_shut(Core *core, bool shut);
