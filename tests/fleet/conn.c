/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fleet/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

#define PIECE 16384
#define ANSWER_MAX (8u << 20)
#define ADDRESSES 64 /* of the loopback network, because each has 28,000 ports only */

typedef enum State { CLOSED, CONNECTING, SHAKING, IDLE, WRITING, READING } State;

typedef struct FleetConn {
	FleetLoop *loop;
	FleetPeer peer;
	State state;
	int fd;
	SSL *ssl;
	uint32_t events;
	bool ended;		/* freed by its owner */
	bool is_fresh;		/* nothing was answered on this connection yet */
	int64_t begun, shaking; /* the call, its handshake */
	char *out, *in;
	size_t out_size, out_sent, in_size, in_room, head_size, body_size;
	FleetDone done;
	void *userdata;
	FleetConn *next_ended;
} Conn;

static Conn *ended_conns;

FleetConn *fleet_conn_new(FleetLoop *loop, const FleetPeer *peer)
{
	Conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		abort();
	*conn = (Conn){.loop = loop, .peer = *peer, .fd = -1};
	return conn;
}

bool fleet_conn_is_busy(const FleetConn *conn)
{
	return conn->done != NULL;
}

static void close_conn(Conn *conn)
{
	if (conn->fd >= 0) {
		SSL_free(conn->ssl);
		close(conn->fd);
		conn->loop->open--;
	}
	conn->ssl = NULL;
	conn->fd = -1;
	conn->events = 0;
	conn->state = CLOSED;
}

void fleet_conn_free(FleetConn *conn)
{
	if (!conn)
		return;
	close_conn(conn);
	free(conn->out);
	free(conn->in);
	conn->out = conn->in = NULL;
	conn->done = NULL;
	conn->ended = true;
	conn->next_ended = ended_conns;
	ended_conns = conn;
}

void fleet_conn_free_ended(FleetLoop *loop)
{
	while (ended_conns) {
		Conn *conn = ended_conns;

		ended_conns = conn->next_ended;
		free(conn);
	}
}

static void watch(Conn *conn, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = conn};

	if (conn->events == events)
		return;
	if (epoll_ctl(conn->loop->epoll_fd, conn->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, conn->fd, &event) <
		0)
		abort();
	conn->events = events;
}

/* The call is over; its owner may begin another one, or free the connection. */
static void tell(Conn *conn, int result, unsigned status)
{
	FleetDone done = own_take(conn->done);
	own_free char *in = own_take(conn->in);
	FleetAnswer answer = {.result = result,
		.status = status,
		.body = result == 0 && in ? in + conn->head_size : "",
		.size = result == 0 ? conn->body_size : 0,
		.took_us = fleet_now_us() - conn->begun};

	conn->in_size = conn->in_room = 0;
	free(own_take(conn->out));
	if (result < 0)
		close_conn(conn);
	else
		conn->state = IDLE;
	if (done)
		done(conn->userdata, &answer);
}

static void start_connect(Conn *conn)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(conn->peer.port)};
	struct sockaddr_in from = {.sin_family = AF_INET};
	int on = 1;

	conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (conn->fd < 0) {
		tell(conn, -errno, 0);
		return;
	}
	conn->loop->open++;
	inet_pton(AF_INET, conn->peer.host, &to.sin_addr);
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((ntohl(to.sin_addr.s_addr) >> 24) == 127) {
		from.sin_addr.s_addr = htonl(0x7f000101u + conn->loop->next_address++ % ADDRESSES);
		setsockopt(conn->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		(void)bind(conn->fd, (struct sockaddr *)&from, sizeof(from));
	}
	conn->state = CONNECTING;
	if (connect(conn->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		tell(conn, -errno, 0);
	else
		watch(conn, EPOLLOUT);
}

static bool start_tls(Conn *conn)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0)
		return false;
	conn->ssl = SSL_new(conn->loop->tls);
	if (!conn->ssl || SSL_set_fd(conn->ssl, conn->fd) != 1)
		return false;
	if (conn->peer.certificate && (SSL_use_certificate(conn->ssl, conn->peer.certificate) != 1 ||
					      SSL_use_PrivateKey(conn->ssl, conn->peer.key) != 1))
		return false;
	SSL_set_connect_state(conn->ssl);
	conn->state = SHAKING;
	conn->shaking = fleet_now_us();
	conn->is_fresh = true;
	return true;
}

/* What OpenSSL wants; false: the connection is no good any more. */
static bool wants(Conn *conn, int result)
{
	switch (SSL_get_error(conn->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		watch(conn, EPOLLIN);
		return true;
	case SSL_ERROR_WANT_WRITE:
		watch(conn, EPOLLOUT);
		return true;
	default:
		return false;
	}
}

static bool shake(Conn *conn)
{
	int r = SSL_do_handshake(conn->ssl);

	if (r != 1)
		return wants(conn, r);
	fleet_stats_add(&conn->loop->handshakes, fleet_now_us() - conn->shaking);
	conn->state = WRITING;
	return true;
}

static bool put_out(Conn *conn)
{
	while (conn->out_sent < conn->out_size) {
		int n = SSL_write(
			conn->ssl, conn->out + conn->out_sent, (int)(conn->out_size - conn->out_sent));

		if (n <= 0)
			return wants(conn, n);
		conn->out_sent += (size_t)n;
	}
	conn->state = READING;
	watch(conn, EPOLLIN);
	return true;
}

/* Is the whole answer there? Return: 1 yes, 0 not yet, -1 it is none. */
static int look_at_answer(Conn *conn, unsigned *ret_status)
{
	char *end = memmem(conn->in, conn->in_size, "\r\n\r\n", 4), *length;
	uint64_t size = 0;

	if (!end)
		return 0;
	*end = 0;
	length = strcasestr(conn->in, "\r\nContent-Length:");
	if (sscanf(conn->in, "HTTP/1.1 %u", ret_status) != 1)
		return -1;
	if (length)
		size = strtoull(length + sizeof("\r\nContent-Length:") - 1, NULL, 10);
	*end = '\r';
	conn->head_size = (size_t)(end - conn->in) + 4;
	conn->body_size = size;
	if (size > ANSWER_MAX)
		return -1;
	return conn->in_size >= conn->head_size + size;
}

static bool take_in(Conn *conn)
{
	unsigned status = 0;
	int n, whole;

	for (;;) {
		if (conn->in_room - conn->in_size < PIECE) {
			conn->in_room = conn->in_room ? conn->in_room * 2 : 2 * PIECE;
			conn->in = realloc(conn->in, conn->in_room + 1);
			if (!conn->in)
				abort();
		}
		n = SSL_read(conn->ssl, conn->in + conn->in_size, PIECE);
		if (n <= 0)
			return wants(conn, n);
		conn->in_size += (size_t)n;
		conn->in[conn->in_size] = 0;
		whole = look_at_answer(conn, &status);
		if (whole < 0)
			return false;
		if (whole > 0)
			break;
	}
	conn->is_fresh = false;
	tell(conn, 0, status);
	return true;
}

/* The end of the other side, or a ticket that nobody asked for. */
static bool take_nothing(Conn *conn)
{
	char byte;
	int n = SSL_read(conn->ssl, &byte, 1);

	return n <= 0 && wants(conn, n);
}

static bool go_on(Conn *conn)
{
	bool good = true;

	if (conn->state == CONNECTING)
		good = start_tls(conn);
	if (good && conn->state == SHAKING)
		good = shake(conn);
	if (good && conn->state == WRITING)
		good = put_out(conn);
	else if (good && conn->state == READING)
		good = take_in(conn);
	else if (good && conn->state == IDLE)
		good = take_nothing(conn);
	return good;
}

void fleet_conn_ready(FleetConn *conn)
{
	if (conn->ended || conn->fd < 0 || go_on(conn))
		return;
	if (conn->ended)
		return;
	/* A connection that was closed as idle while we began to write: as any client, once more. */
	if (conn->done && !conn->is_fresh && conn->in_size == 0 && conn->state >= WRITING) {
		close_conn(conn);
		conn->out_sent = 0;
		start_connect(conn);
	} else if (conn->done) {
		tell(conn, -ECONNRESET, 0);
	} else {
		close_conn(conn);
	}
}

void fleet_conn_call(FleetConn *conn, const FleetCall *call)
{
	size_t room = 1024 + strlen(call->path) + (call->headers ? strlen(call->headers) : 0) + call->size;
	char length[64] = "", type[96] = "";
	int n;

	if (conn->done)
		abort();
	if (call->body) {
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", call->size);
		snprintf(type, sizeof(type), "Content-Type: %s\r\n",
			call->type ? call->type : "application/json");
	}
	conn->out = malloc(room);
	if (!conn->out)
		abort();
	n = snprintf(conn->out, room,
		"%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: sekisho-uplink/bench\r\nSekisho-Level: "
		"1\r\n"
		"Accept: application/json\r\n%s%s%s\r\n",
		call->method, call->path, call->headers ? call->headers : "", type, length);
	if (call->body)
		memcpy(conn->out + n, call->body, call->size);
	conn->out_size = (size_t)n + call->size;
	conn->out_sent = 0;
	conn->done = call->done;
	conn->userdata = call->userdata;
	conn->begun = fleet_now_us();
	if (conn->fd < 0) {
		start_connect(conn);
		return;
	}
	conn->state = WRITING;
	fleet_conn_ready(conn);
}
