/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A PostgreSQL server of the test's own: a new cluster in a directory of its own, reached by a unix socket
 * there, run by an unprivileged user. The system's clusters are not touched. Every function ends the test
 * program when it cannot do what it says.
 */
#include <stdbool.h>
#include <sys/types.h>

typedef struct PgServer {
	char directory[64];
	char url[256]; /* for sk_db_open() */
	pid_t pid;     /* 0: not running */
} PgServer;

/* Is there a PostgreSQL on this machine or in build/peers? */
bool pg_server_is_there(void);

/* options: more of "-c name=value", or NULL-terminated nothing. fsync is off unless a test asks for it. */
void pg_server_start(PgServer *server, const char *const *options);

/* Another server that follows the first one and may replace it (pg_server_promote()); it has its own
 * directory. */
void pg_server_follow(PgServer *standby, const PgServer *primary, const char *const *options);
/* Waits until what the primary acknowledges is on another server, too. */
void pg_server_await_follower(const PgServer *primary);
/* It is the primary from now on. */
void pg_server_promote(const PgServer *standby);

/* Ends it with a signal: SIGTERM waits for clients, SIGINT does not, SIGQUIT is a crash. */
void pg_server_stop(PgServer *server, int signal);

/* On the same cluster again. */
void pg_server_restart(PgServer *server, const char *const *options);

/* The server ends with the thread that started it (PR_SET_PDEATHSIG). */

/* Stops it and removes the directory. */
void pg_server_free(PgServer *server);
