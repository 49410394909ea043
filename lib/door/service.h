/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The frame of a service that systemd starts when its one client connects: its options, its socket, the jail
 * it must be in before it speaks to anybody, and its end. What happens before the log is open is told on
 * standard error.
 */
#include <stdbool.h>
#include <sys/types.h>

/* An option of its own, beside --client, --client-uid, --listen, --version and --help. */
typedef struct SkServiceOption {
	const char *name;
	const char *value; /* what the usage calls its value; NULL: it has none */
	const char **text; /* where its value goes, borrowed from the arguments */
	bool *given;	   /* without a value: set when it is there */
} SkServiceOption;

#define SK_SERVICE_OPTIONS_MAX 4

typedef struct SkService {
	const char *name;
	const SkServiceOption *options; /* the last has no name; NULL: none */
} SkService;

typedef struct SkServiceEntry {
	int listen_fd; /* as of sk_door_socket(); the caller's */
	uid_t client;
} SkServiceEntry;

/*
 * Reads the arguments, opens the log and the socket, and ignores SIGPIPE.
 * Return: -1 go on; else the status to exit with, and why was told.
 */
int sk_service_begin(const SkService *service, int argc, char **argv, SkServiceEntry *ret);

/* r: of whatever comes before the jail. Return: r, and a failure was logged. */
int sk_service_prepared(int r);

/* r: of entering the jail. Return: r, and a failure was logged under its own message id. */
int sk_service_jailed(int r);

/* r: how it ended. Ends the process at once: everything that counts is on the disk already. */
_Noreturn void sk_service_end(int r);
