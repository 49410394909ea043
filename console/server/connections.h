/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The connections of a listener and how long each may stay in its phase. libmicrohttpd's own time-out begins
 * anew with each byte, so a sender of one byte a second would hold a connection for ever; here the time
 * belongs to the phase. For any thread.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "console/store/id.h"
#include "lib/base/own.h"

typedef struct SkConnection {
	int fd;
	_Atomic int64_t deadline;	/* ms of the monotonic clock; 0: none */
	void *handle, *session, *owner; /* libmicrohttpd's, GnuTLS's, the listener */
	bool shaking;			/* the handshake is not over */
	atomic_bool held;		/* the handshake waits for the other side */
	/* Of its certificate, once it was looked at; for the connection's thread. */
	char terminal[SK_ID_SIZE];
	int64_t terminal_until; /* ms since 1970 */
	struct SkConnection *prev, *next;
} SkConnection;

typedef struct SkConnections SkConnections;

/* Return: 0 or -ENOMEM. */
int sk_connections_new(SkConnections **ret_connections);
void sk_connections_free(SkConnections *connections);

/* NULL without memory. */
SkConnection *sk_connections_add(SkConnections *connections, int fd, int64_t deadline);
void sk_connections_remove(SkConnections *connections, SkConnection *connection);

/* Shuts down what is over its time; called once a second. Return: how many. */
unsigned sk_connections_tick(SkConnections *connections, int64_t now);

/* Those that are held, at most max. Return: how many. */
size_t sk_connections_held(SkConnections *connections, SkConnection **ret_held, size_t max);

int64_t sk_monotonic_ms(void);
int64_t sk_monotonic_us(void);
