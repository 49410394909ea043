/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The jail that a process enters before its first hostile byte. One call, in this order: resource limits, no
 * descriptors but those kept, user and group, capabilities, no_new_privs, Landlock, seccomp allow-list. A
 * step that fails is returned, and the caller exits: no process runs with half a jail.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* What Landlock allows beneath a path. */
typedef enum SkJailAccess {
	SK_JAIL_READ,	     /* read files, list directories */
	SK_JAIL_WRITE,	     /* and create, change, remove */
	SK_JAIL_WRITE_FILES, /* and change what is there, but create and remove nothing */
	SK_JAIL_RUN,	     /* read and execute: programs and the libraries they load */
} SkJailAccess;

typedef struct SkJailPath {
	const char *path; /* NULL ends the list; a path that does not exist is passed over */
	SkJailAccess access;
} SkJailPath;

typedef struct SkJailLimit {
	int resource; /* RLIMIT_*; -1 ends the list */
	rlim_t value;
} SkJailLimit;

/* One allowed system call, with the reason why it is needed written beside it in the process's jail.c. */
typedef struct SkJailCall {
	const char
		*name; /* as libseccomp names it; NULL ends the list; unknown on this machine: passed over */
	/* When has_argument: allowed only if (argument & mask) == value. */
	unsigned has_argument, argument;
	uint64_t mask, value;
	/* When not 0: never made, but answered with this errno instead of ending the process. For libraries
	 * that try a path and go on without it. */
	int refuse;
} SkJailCall;

#define SK_JAIL_CALL(name_)                                                                                  \
	{                                                                                                    \
		.name = name_                                                                                \
	}
#define SK_JAIL_CALL_IF(name_, argument_, mask_, value_)                                                     \
	{                                                                                                    \
		.name = name_, .has_argument = 1, .argument = argument_, .mask = mask_, .value = value_      \
	}

#define SK_JAIL_CALL_REFUSE(name_, errno_)                                                                   \
	{                                                                                                    \
		.name = name_, .refuse = errno_                                                              \
	}

typedef struct SkJail {
	const char *name; /* for messages */
	uid_t uid;	  /* (uid_t)-1: stay */
	gid_t gid;
	const int *capabilities;   /* CAP_* that stay, ended by -1; NULL: none */
	const SkJailLimit *limits; /* may be NULL */
	const SkJailPath
		*paths; /* Landlock; NULL: not used (a process that mounts cannot use it); empty: no files */
	unsigned reads_anywhere; /* Landlock is asked about changes only, not about reading */
	unsigned loops;		 /* runs an event loop: sk_jail_calls_loop too */
	unsigned resolves;	 /* finds servers by name: sk_jail_calls_network too */
	const SkJailCall *calls; /* NULL: no seccomp filter */
} SkJail;

/*
 * Return: 0 or negative errno. A kernel without Landlock (before 5.13) is accepted: seccomp and the unit's
 * own sandbox stay; everything else that is missing is an error. A call that is not allowed afterwards ends
 * the process with status 159 and a line on standard error that names it.
 */
int sk_jail_enter(const SkJail *jail);

/* What every process of ours needs to live: memory, clocks, signals, exit. Joined to SkJail.calls by
 * sk_jail_enter(). */
extern const SkJailCall sk_jail_calls_basic[];

/* What an event loop (sd-event) needs that speaks over local sockets with siblings, systemd and the journal,
 * and no more than each of ours needs. */
extern const SkJailCall sk_jail_calls_loop[];

/* What it takes to find servers by name (glibc's resolver, in a thread of libcurl's) and to speak with them.
 */
extern const SkJailCall sk_jail_calls_network[];
