/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One epoll loop for tens of thousands of connections: timers in a wheel, because each of them has only some
 * seconds to go, and HTTP/1.1 over TLS 1.3, one call at a time on each connection.
 */
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fleet/stats.h"

#define FLEET_SLOT_US 10000
#define FLEET_SLOTS 65536 /* a timer is due in less than eleven minutes */

typedef struct FleetTimer {
	struct FleetTimer *prev, *next;
	bool armed;
	int64_t due; /* µs */
	void (*fn)(struct FleetTimer *timer);
} FleetTimer;

typedef struct FleetLoop {
	int epoll_fd;
	SSL_CTX *tls;
	FleetTimer *wheel[FLEET_SLOTS];
	int64_t turned; /* the last slot that was looked at */
	unsigned open;	/* connections */
	unsigned next_address;
	FleetStats handshakes, lag; /* lag: how late timers ran, which is the generator's own fault */
} FleetLoop;

/* authority: a file. Ends the program when something is missing. */
void fleet_loop_init(FleetLoop *loop, const char *authority);
void fleet_loop_deinit(FleetLoop *loop);

void fleet_timer_arm(FleetLoop *loop, FleetTimer *timer, int64_t us_from_now);
void fleet_timer_disarm(FleetLoop *loop, FleetTimer *timer);

/* Until the time, or until *stop. */
void fleet_loop_run(FleetLoop *loop, int64_t until_us, const bool *stop);

typedef struct FleetAnswer {
	int result; /* 0, or what broke the connection */
	unsigned status;
	const char *body; /* terminated; only during the call */
	size_t size;
	int64_t took_us; /* with the handshake, when there had to be one */
} FleetAnswer;

typedef struct FleetConn FleetConn;
typedef void (*FleetDone)(void *userdata, const FleetAnswer *answer);

/* A certificate and key make it an agent's. Borrowed, as is the address. */
typedef struct FleetPeer {
	const char *host; /* an IPv4 address */
	uint16_t port;
	X509 *certificate;
	EVP_PKEY *key;
} FleetPeer;

FleetConn *fleet_conn_new(FleetLoop *loop, const FleetPeer *peer);
/* What was under way is not told. */
void fleet_conn_free(FleetConn *conn);
bool fleet_conn_is_busy(const FleetConn *conn);

typedef struct FleetCall {
	const char *method, *path;
	const char *type;    /* of the body; NULL: JSON */
	const char *headers; /* more lines, each with its line break; NULL: none */
	const char *body;    /* NULL: none */
	size_t size;
	FleetDone done;
	void *userdata;
} FleetCall;

/* Connects first when there is no connection (the other side closes idle ones). Not while it is busy. */
void fleet_conn_call(FleetConn *conn, const FleetCall *call);
