/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/jobs/stream.h"

#include <errno.h>
#include <netdb.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "lib/base/str.h"

#define CONNECT_SEC 10
#define IDLE_SEC 20 /* without a byte going either way */
/* TLS 1.2 for receivers of today's distributions that have no other; suites as of the time. */
#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

typedef struct Connection {
	SkOutgoingCall *call;
	const SkStream *stream;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	int fd;
	int64_t until; /* seconds of the monotonic clock */
} Connection;

static void deinit(Connection *connection)
{
	if (connection->session)
		gnutls_deinit(connection->session);
	if (connection->credentials)
		gnutls_certificate_free_credentials(connection->credentials);
	if (connection->fd >= 0)
		close(connection->fd);
}
#define own_connection own_(deinit)

static int64_t now_sec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int complain(Connection *connection, const char *what, const char *why, int error)
{
	sk_str_format(connection->call->error, sizeof(connection->call->error), "%s: %s", what, why);
	return error;
}

/* Waits for the socket, a second at a time. Return: 0 it may be tried again, -ETIMEDOUT, -ECANCELED. */
static int wait_for(Connection *connection, short events)
{
	struct pollfd one = {.fd = connection->fd, .events = events};

	for (;;) {
		if (connection->call->is_stopping &&
			connection->call->is_stopping(connection->call->userdata))
			return -ECANCELED;
		if (now_sec() >= connection->until)
			return complain(
				connection, connection->stream->host, "no answer in time", -ETIMEDOUT);
		if (poll(&one, 1, 1000) > 0)
			return 0;
	}
}

static int connect_one(Connection *connection, const struct addrinfo *address)
{
	int error = 0, r;
	socklen_t size = sizeof(error);

	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connection->fd < 0)
		return -errno;
	connection->until = now_sec() + CONNECT_SEC;
	if (connect(connection->fd, address->ai_addr, address->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	r = wait_for(connection, POLLOUT);
	if (r == 0 && getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	return r < 0 ? r : -error;
}

static int connect_any(Connection *connection)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	const SkStream *stream = connection->stream;
	struct addrinfo *found = NULL;
	int r = getaddrinfo(stream->host, stream->port, &hints, &found);

	if (r != 0)
		return complain(connection, stream->host, gai_strerror(r), -EHOSTUNREACH);
	r = -EHOSTUNREACH;
	for (const struct addrinfo *one = found; one && r < 0 && r != -ECANCELED; one = one->ai_next)
		r = connect_one(connection, one);
	freeaddrinfo(found);
	if (r < 0 && r != -ECANCELED)
		return complain(connection, stream->host, strerror(-r), -EHOSTUNREACH);
	return r;
}

/* What a call of the library returned. Return: 0 try again, or negative errno. */
static int look_at(Connection *connection, ssize_t code)
{
	if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED)
		return wait_for(
			connection, gnutls_record_get_direction(connection->session) ? POLLOUT : POLLIN);
	if (!gnutls_error_is_fatal((int)code))
		return 0;
	return complain(connection, connection->stream->host, gnutls_strerror((int)code),
		code == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR ? -EKEYREJECTED : -ECONNRESET);
}

static int prepare(Connection *connection)
{
	const SkStream *stream = connection->stream;
	const char *pem = stream->authorities ? stream->authorities : connection->call->outgoing->authorities;
	const gnutls_datum_t trust = {(unsigned char *)pem, (unsigned)strlen(pem)};
	int r = gnutls_certificate_allocate_credentials(&connection->credentials);

	if (r < 0)
		return -ENOMEM;
	if (gnutls_certificate_set_x509_trust_mem(connection->credentials, &trust, GNUTLS_X509_FMT_PEM) <= 0)
		return complain(connection, stream->host, "no authorities to believe", -EINVAL);
	if (gnutls_init(&connection->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK) < 0 ||
		gnutls_priority_set_direct(connection->session, PRIORITY, NULL) < 0 ||
		gnutls_credentials_set(connection->session, GNUTLS_CRD_CERTIFICATE, connection->credentials) <
			0 ||
		gnutls_server_name_set(
			connection->session, GNUTLS_NAME_DNS, stream->host, strlen(stream->host)) < 0)
		return -ENOMEM;
	gnutls_session_set_verify_cert(connection->session, stream->host, 0);
	gnutls_transport_set_int(connection->session, connection->fd);
	return 0;
}

static int shake_hands(Connection *connection)
{
	int code, r = prepare(connection);

	while (r == 0 && (code = gnutls_handshake(connection->session)) != 0) {
		connection->until = now_sec() + IDLE_SEC;
		r = look_at(connection, code);
	}
	return r;
}

static int write_all(Connection *connection, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = gnutls_record_send(connection->session, data, size);
		int r;

		connection->until = now_sec() + IDLE_SEC;
		if (sent > 0) {
			data += sent;
			size -= (size_t)sent;
			continue;
		}
		r = look_at(connection, sent);
		if (r < 0)
			return r;
	}
	return 0;
}

/* All that was sent has been acknowledged by the other kernel, which refuses what its program did not read.
 */
static bool is_acknowledged(int fd)
{
	int waiting = 1, error = 1;
	socklen_t size = sizeof(error);

	return ioctl(fd, SIOCOUTQ, &waiting) == 0 && waiting == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

static int unconfirmed(Connection *connection)
{
	return complain(connection, connection->stream->host,
		"did not confirm the end of the connection (close_notify)", -EPIPE);
}

/*
 * Ours, and theirs behind it: they have read everything in between. Not by GNUTLS_SHUT_RDWR, which takes any
 * end of the connection for theirs.
 */
static int close_in_order(Connection *connection)
{
	char ignored[256];
	ssize_t code = 0;
	int r = 0;

	connection->until = now_sec() + IDLE_SEC;
	while (r == 0 && (code = gnutls_bye(connection->session, GNUTLS_SHUT_WR)) != 0)
		r = look_at(connection, code);
	while (r == 0 && (code = gnutls_record_recv(connection->session, ignored, sizeof(ignored))) != 0)
		r = code > 0 ? 0 : look_at(connection, code);
	if (r == -ECONNRESET && code == GNUTLS_E_PREMATURE_TERMINATION && connection->stream->takes_any_end &&
		is_acknowledged(connection->fd))
		return 0;
	return r == 0 || r == -ECANCELED ? r : unconfirmed(connection);
}

int sk_stream_send(SkOutgoingCall *call, const SkStream *stream, const void *data, size_t size)
{
	own_connection Connection connection = {.call = call, .stream = stream, .fd = -1};
	int r;

	call->error[0] = 0;
	r = connect_any(&connection);
	if (r == 0)
		r = shake_hands(&connection);
	if (r == 0)
		r = write_all(&connection, data, size);
	return r < 0 ? r : close_in_order(&connection);
}
