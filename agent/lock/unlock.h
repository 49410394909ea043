/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Asks at our console for the password of the one who is locked out: a child with nothing but that console,
 * which tells by its exit what PAM (service "sekisho-lock") said. Nobody but root can end it or look into it,
 * not even that user.
 */
#include <sys/types.h>

/* How it exits. Anything else: it was ended, and nobody was asked. */
#define UNLOCK_RIGHT 0
#define UNLOCK_WRONG 1

typedef struct UnlockAsk {
	int console_fd;
	const char *user;
	const char *console; /* "/dev/tty9" */
} UnlockAsk;

/* Asks once. Return: its process, or negative errno. */
pid_t unlock_start(const UnlockAsk *ask);
