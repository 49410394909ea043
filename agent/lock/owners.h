/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who works on which console of the kernel, by what the kernel says of processes: whose terminal it is. What
 * waits there for somebody to sign in is nobody.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define OWNERS_VT_MAX 63 /* MAX_NR_CONSOLES of the kernel */

typedef struct Owner {
	pid_t pid; /* the first of its processes there; 0: nobody */
	uid_t uid; /* who started it, whatever rights it has */
} Owner;

typedef struct OwnerStat {
	pid_t pid, parent, leader;
	unsigned vt;	  /* the console of the kernel that is its terminal; 0: none */
	int pts;	  /* its terminal is /dev/pts/N; -1: it is not */
	uint64_t started; /* less is earlier */
} OwnerStat;

/* A line of /proc/PID/stat, whose second word is any text that the program likes. Return: false: it is none.
 */
bool owners_parse_stat(const char *text, OwnerStat *stat);

/* Was a there before b, as the kernel counts? */
bool owners_is_earlier(const OwnerStat *a, const OwnerStat *b);

/* When the terminals of a session from afar were typed at last: seconds of the wall clock; 0: it has none.
 * logind does not know them: sshd makes the terminal after it told of the session. */
int64_t owners_typed_at(const char *session);

/* All processes are looked at. owners: one for each number. Return: 0 or negative errno. */
int owners_read(Owner owners[OWNERS_VT_MAX + 1]);

/* A program of root's that has this console open without having it as its terminal, as an X server that a
 * service started. Return: 0, also when there is none (pid 0), or negative errno. */
int owners_find_open(unsigned vt, Owner *owner);
