/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/listen.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "console/server/certificate.h"
#include "console/server/front.h"
#include "console/server/http.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/log/log.h"

/*
 * TLS 1.3 alone, with the suites and groups of the high-security setting (高セキュリティ型) of IPA's and
 * CRYPTREC's guideline. No session tickets: a long poll lives for hours, so there is little to resume, and a
 * ticket would carry an agent past the check of its certificate.
 */
#define PRIORITIES                                                                                           \
	"NONE:+VERS-TLS1.3:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:+AEAD:+ECDHE-ECDSA:+ECDHE-RSA:"      \
	"+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+SIGN-EDDSA-ED25519:+SIGN-ECDSA-SECP256R1-SHA256:"  \
	"+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:"                  \
	"+CTYPE-X509:%SERVER_PRECEDENCE:%NO_TICKETS"

/* What a request's headers may take, with libmicrohttpd's own needs. A waiting agent keeps it. */
#define MEMORY_OF_PEOPLE (24 * 1024)
#define MEMORY_OF_AGENTS (8 * 1024)

struct SkListener {
	SkServer *server;
	SkApiAudience audience;
	bool wants_certificate;
	struct MHD_Daemon *daemon;
	SkConnections *connections;
	SkFront *front;
	pthread_mutex_t lock; /* what follows */
	bool ending;	      /* nobody is held any more */
};

SkServer *sk_listener_server(SkListener *listener)
{
	return listener->server;
}

SkApiAudience sk_listener_audience(const SkListener *listener)
{
	return listener->audience;
}

SkConnections *sk_listener_connections(SkListener *listener)
{
	return listener->connections;
}

int sk_listen_at(uint16_t port)
{
	const struct sockaddr_in6 address = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT};
	const struct sockaddr_in old = {.sin_family = AF_INET, .sin_port = htons(port)};
	own_fd int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool six = fd >= 0;
	int on = 1, off = 0;

	/* A machine without IPv6. */
	if (fd < 0)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		return -errno;
	if (bind(fd, six ? (const struct sockaddr *)&address : (const struct sockaddr *)&old,
		    six ? sizeof(address) : sizeof(old)) < 0 ||
		listen(fd, SOMAXCONN) < 0)
		return -errno;
	return own_take_fd(&fd);
}

/* During the handshake, so that a client without a good certificate never sends a request. */
static int verify_client(gnutls_session_t session)
{
	unsigned status = 0;

	return gnutls_certificate_verify_peers2(session, &status) < 0 || status != 0
		       ? GNUTLS_E_CERTIFICATE_ERROR
		       : 0;
}

/* On the connection's own thread: it leaves libmicrohttpd's loop until the front sees something to read. */
static void hold(SkConnection *connection)
{
	SkListener *listener = connection->owner;

	pthread_mutex_lock(&listener->lock);
	if (!listener->ending && !atomic_exchange(&connection->held, true)) {
		MHD_suspend_connection(connection->handle);
		if (sk_front_wait(listener->front, connection) < 0) {
			atomic_store(&connection->held, false);
			MHD_resume_connection(connection->handle);
		}
	}
	pthread_mutex_unlock(&listener->lock);
}

static void on_ready(void *userdata, SkConnection *connection)
{
	if (atomic_exchange(&connection->held, false))
		MHD_resume_connection(connection->handle);
}

static ssize_t pull(gnutls_transport_ptr_t userdata, void *data, size_t size)
{
	SkConnection *connection = userdata;
	ssize_t n = recv(connection->fd, data, size, 0);
	int error = errno;

	if (n >= 0)
		return n;
	gnutls_transport_set_errno(connection->session, error);
	if (error == EAGAIN && connection->shaking)
		hold(connection);
	return -1;
}

static SkConnection *connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* The client's last message: from now on libmicrohttpd waits as it should. */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
	const gnutls_datum_t *message)
{
	SkConnection *connection = incoming ? connection_of(gnutls_session_get_ptr(session)) : NULL;

	if (connection)
		connection->shaking = false;
	return 0;
}

static void begin_session(SkListener *listener, SkConnection *connection)
{
	gnutls_session_t session = connection->session;

	gnutls_transport_set_ptr2(session, connection, (gnutls_transport_ptr_t)(intptr_t)connection->fd);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
	if (!listener->wants_certificate)
		return;
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	gnutls_session_set_verify_function(session, verify_client);
}

static void on_connection(
	void *cls, struct MHD_Connection *handle, void **context, enum MHD_ConnectionNotificationCode what)
{
	SkListener *listener = cls;
	SkConnection *connection;
	int fd;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		sk_connections_remove(listener->connections, *context);
		*context = NULL;
		return;
	}
	fd = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	connection = sk_connections_add(listener->connections, fd,
		sk_monotonic_ms() + (int64_t)listener->server->settings->listen.header_sec * 1000);
	*context = connection;
	/* Without memory nobody could be held, or timed out: such a connection is over. */
	if (!connection) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	connection->handle = handle;
	connection->owner = listener;
	connection->session =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
	connection->shaking = true;
	begin_session(listener, connection);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *format, va_list ap)
{
	char text[512], shown[512];

	if (vsnprintf(text, sizeof(text), format, ap) < 0)
		return;
	text[strcspn(text, "\n")] = 0;
	sk_utf8_escape(shown, sizeof(shown), text, strlen(text));
	/* Mostly of clients that went away. */
	sk_log(LOG_DEBUG, "libmicrohttpd: %s", shown);
}

static int start(SkListener *listener, const SkListenOptions *options)
{
	const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME |
			       MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_USE_ERROR_LOG;
	const struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)options->authority}, {MHD_OPTION_END, 0, NULL}};
	const struct MHD_OptionItem pool[] = {
		{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)options->threads, NULL}, {MHD_OPTION_END, 0, NULL}};

	listener->daemon = MHD_start_daemon(flags, 0, NULL, NULL, sk_http_handle, listener,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_HTTPS_CERT_CALLBACK,
		sk_certificate_retrieve, MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES, MHD_OPTION_CONNECTION_LIMIT,
		options->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_address,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)listener->server->settings->listen.body_sec,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)(options->audience == SK_API_AGENT ? MEMORY_OF_AGENTS : MEMORY_OF_PEOPLE),
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener, MHD_OPTION_URI_LOG_CALLBACK,
		sk_http_begin, listener, MHD_OPTION_NOTIFY_COMPLETED, sk_http_end, listener,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, options->authority ? tls : tls + 1,
		MHD_OPTION_ARRAY, options->threads > 1 ? pool : pool + 1, MHD_OPTION_END);
	return listener->daemon ? 0 : -EINVAL;
}

static void add(void *userdata, int fd, const struct sockaddr *address, socklen_t size)
{
	SkListener *listener = userdata;

	/* Closes it when there are too many. */
	(void)MHD_add_connection(listener->daemon, fd, address, size);
}

static int start_front(SkListener *listener, const SkListenOptions *options)
{
	const SkFrontOptions front = {.fd = options->fd,
		.proxies = options->proxies,
		.header_ms = (int64_t)listener->server->settings->listen.header_sec * 1000,
		.add = add,
		.ready = on_ready,
		.userdata = listener};

	return sk_front_new(&front, &listener->front);
}

int sk_listener_new(SkServer *server, const SkListenOptions *options, SkListener **ret_listener)
{
	SkListener *listener = calloc(1, sizeof(*listener));
	int r = listener ? 0 : -ENOMEM;

	if (r == 0) {
		listener->server = server;
		listener->audience = options->audience;
		listener->wants_certificate = options->authority != NULL;
		pthread_mutex_init(&listener->lock, NULL);
		r = sk_connections_new(&listener->connections);
	}
	if (r == 0)
		r = start(listener, options);
	if (r < 0)
		close(options->fd);
	else
		r = start_front(listener, options);
	if (r < 0) {
		sk_listener_free(listener);
		return r;
	}
	*ret_listener = listener;
	return 0;
}

void sk_listener_quiesce(SkListener *listener)
{
	sk_front_quiesce(listener->front);
}

/* A daemon may not end while connections are suspended. */
static void let_go(SkListener *listener)
{
	SkConnection *held[64];
	size_t count;

	pthread_mutex_lock(&listener->lock);
	listener->ending = true;
	pthread_mutex_unlock(&listener->lock);
	sk_front_free(own_take(listener->front));
	while ((count = sk_connections_held(listener->connections, held, SK_ARRAY_SIZE(held))) > 0)
		for (size_t i = 0; i < count; i++)
			on_ready(NULL, held[i]);
}

void sk_listener_free(SkListener *listener)
{
	if (!listener)
		return;
	if (listener->connections)
		let_go(listener);
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	sk_connections_free(listener->connections);
	pthread_mutex_destroy(&listener->lock);
	free(listener);
}
