/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A jail for a program that is not ours and wants more than it may have: some of its system calls stop, and a
 * process outside decides what comes back, without the program ever holding the privilege (seccomp user
 * notification, Linux 5.14 for descriptors).
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/jail/jail.h"

/*
 * Confines the calling thread for good. Calls that are not listed fail with EPERM; those in `asked` (names,
 * ended by NULL) wait for an answer, and fail with ENOSYS once the listener is closed. Adds
 * sk_jail_calls_basic. Needs no_new_privs. Return: 0 and the listener, or negative errno.
 */
int sk_ask_apply(const SkJailCall *calls, const char *const *asked, int *ret_listener);

typedef struct SkAsk {
	uint64_t id;
	pid_t pid;
	const char *name; /* of the call: one of those known to sk_ask_receive() */
	uint64_t arguments[6];
} SkAsk;

/* Waits for the next question. names: as given to sk_ask_apply(). Return: 0; -ENOENT the asker is gone; other
 * negative errno. */
int sk_ask_receive(int listener, const char *const *names, SkAsk *ret_ask);

/* Four answers: a value (negative: errno), the call is made after all, a descriptor (duplicated), and none at
 * all by closing the listener. Return: 0; -ENOENT the asker is gone; other negative errno. */
int sk_ask_answer(int listener, const SkAsk *ask, int value);
int sk_ask_continue(int listener, const SkAsk *ask);
int sk_ask_give_fd(int listener, const SkAsk *ask, int fd);

/* Text in the asker's memory: needs the same user. It may change afterwards, so it must not decide about
 * rights that the asker lacks. Return: 0 or negative errno. */
int sk_ask_read_text(int listener, const SkAsk *ask, uint64_t address, char *text, size_t size);
