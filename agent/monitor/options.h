/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The command line, and the two things that are done without starting the service.
 */
#include <sys/types.h>

typedef struct Options {
	const char *probe;	   /* program */
	const char *also_writable; /* for tests, or NULL */
	const char *run_directory, *conf_directory;
	int listen_fd;
	uid_t core_uid, probe_uid;
	gid_t probe_gid;
} Options;

/* Return: OPTIONS_RUN: run the service with *ret_options; otherwise the exit status. */
#define OPTIONS_RUN (-1)
int options_parse(int argc, char **argv, Options *ret_options);
