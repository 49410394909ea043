/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * In front of a listener's threads: one thread that accepts, reads what a load balancer says about a
 * connection (proxy.h), and hands the connection on. It waits for nobody: who does not say in time what has
 * to be said is shut out.
 *
 * It also waits for the other side during handshakes. libmicrohttpd does not: with epoll it asks GnuTLS again
 * and again, at the cost of a whole processor, whether the next bytes of a handshake are there (0.9.75), so
 * that three bytes and silence would be enough to keep a console busy.
 */
#include "console/server/connections.h"
#include "console/server/proxy.h"

typedef struct SkFront SkFront;

typedef struct SkFrontOptions {
	int fd;			  /* a listening socket; taken over */
	const SkProxies *proxies; /* whose headers are believed, and asked for; borrowed */
	int64_t header_ms;	  /* how long they may take */
	/* A new connection of the address: fd is taken over. On the front's thread. */
	void (*add)(void *userdata, int fd, const struct sockaddr *address, socklen_t size);
	/* A connection that waited can go on. On the front's thread. */
	void (*ready)(void *userdata, SkConnection *connection);
	void *userdata;
} SkFrontOptions;

/* *ret_front is there before the first add(); NULL on failure. Return: 0, -ENOMEM, others of the system. */
int sk_front_new(const SkFrontOptions *options, SkFront **ret_front);
/* Accepts nothing more; those that wait are still served. */
void sk_front_quiesce(SkFront *front);
/* Ends the thread. Nobody calls sk_front_wait() any more. */
void sk_front_free(SkFront *front);

/* ready() once, when there is something to read or the other side has gone. From any thread. Return: 0 or
 * negative errno. */
int sk_front_wait(SkFront *front, SkConnection *connection);
