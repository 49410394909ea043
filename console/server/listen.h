/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A listener: a socket, TLS 1.3, a pool of threads. Requests go to http.c.
 */
#include "console/api/api.h"
#include "console/server/connections.h"
#include "console/server/proxy.h"
#include "console/server/server.h"

typedef struct SkListener SkListener;

/* The server's certificate is the one in force (certificate.h). authority: PEM, borrowed while the listener
 * lives; NULL: no certificate is asked of clients. */
typedef struct SkListenOptions {
	SkApiAudience audience; /* SK_API_PEOPLE or SK_API_AGENT */
	int fd;			/* a listening socket; taken over */
	const char *authority;
	const SkProxies *proxies; /* borrowed while it lives */
	unsigned threads, connections, connections_per_address;
} SkListenOptions;

/* Return: 0, -EINVAL (the authority is no good), -ENOMEM, others of the system. */
int sk_listener_new(SkServer *server, const SkListenOptions *options, SkListener **ret_listener);
/* No new connections; those that are there go on. */
void sk_listener_quiesce(SkListener *listener);
/* Ends all connections and threads. */
void sk_listener_free(SkListener *listener);

SkServer *sk_listener_server(SkListener *listener);
SkApiAudience sk_listener_audience(const SkListener *listener);
SkConnections *sk_listener_connections(SkListener *listener);

/* A listening socket on all addresses. Return: descriptor or negative errno. */
int sk_listen_at(uint16_t port);
