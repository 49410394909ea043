/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/front.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/log/log.h"

#define EVENTS 256
#define ACCEPTS 64	   /* before others get their turn */
#define NEWCOMERS_MAX 4096 /* whose header is not there yet */
#define PAUSE_MS 100	   /* when there are no descriptors */

/* A connection from a proxy whose header is not there yet. */
typedef struct Newcomer {
	struct Newcomer *prev, *next; /* in the order of their coming, which is that of their deadlines */
	int fd;
	int64_t deadline;
	struct sockaddr_storage address; /* of the proxy */
	socklen_t address_size;
} Newcomer;

/* What an event is about: the lowest bit of its pointer tells newcomers from connections. */
#define NEWCOMER 1u

struct SkFront {
	SkFrontOptions options;
	pthread_t thread;
	int epoll_fd, wake_fd;
	Newcomer *newcomers;
	unsigned count;
	int64_t paused_until; /* ms; 0: not paused */
	atomic_bool quiet, ending;
};

static int watch(SkFront *front, int how, int fd, struct epoll_event event)
{
	return epoll_ctl(front->epoll_fd, how, fd, &event) < 0 ? -errno : 0;
}

int sk_front_wait(SkFront *front, SkConnection *connection)
{
	const struct epoll_event event = {
		.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = connection};
	int r = watch(front, EPOLL_CTL_MOD, connection->fd, event);

	return r == -ENOENT ? watch(front, EPOLL_CTL_ADD, connection->fd, event) : r;
}

static void drop(SkFront *front, Newcomer *newcomer)
{
	DL_DELETE(front->newcomers, newcomer);
	front->count--;
	if (newcomer->fd >= 0)
		close(newcomer->fd);
	free(newcomer);
}

static void listen_for(SkFront *front, uint32_t events)
{
	(void)watch(front, EPOLL_CTL_MOD, front->options.fd,
		(struct epoll_event){.events = events, .data.ptr = NULL});
}

/* Without descriptors the listening socket stays readable. */
static void pause_accepting(SkFront *front)
{
	front->paused_until = sk_monotonic_ms() + PAUSE_MS;
	listen_for(front, 0);
}

static void await_header(SkFront *front, int fd, const struct sockaddr_storage *address, socklen_t size)
{
	Newcomer *newcomer = front->count < NEWCOMERS_MAX ? calloc(1, sizeof(*newcomer)) : NULL;
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};

	if (!newcomer) {
		close(fd);
		return;
	}
	*newcomer = (Newcomer){.fd = fd,
		.deadline = sk_monotonic_ms() + front->options.header_ms,
		.address = *address,
		.address_size = size};
	DL_APPEND(front->newcomers, newcomer);
	front->count++;
	event.data.u64 = (uintptr_t)newcomer | NEWCOMER;
	if (watch(front, EPOLL_CTL_ADD, fd, event) < 0)
		drop(front, newcomer);
}

static void accept_some(SkFront *front)
{
	const SkFrontOptions *options = &front->options;

	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage address;
		socklen_t size = sizeof(address);
		int fd = accept4(
			options->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				pause_accepting(front);
			return;
		}
		if (sk_proxies_have(options->proxies, (const struct sockaddr *)&address))
			await_header(front, fd, &address, size);
		else
			options->add(options->userdata, fd, (const struct sockaddr *)&address, size);
	}
}

static void wake_when(int fd, int bytes)
{
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

/* Takes the header and nothing behind it. Return: 1 it is there, 0 not yet, negative: there will be none. */
static int take_header(Newcomer *newcomer, SkProxyHeader *header)
{
	uint8_t bytes[SK_PROXY_MAX];
	ssize_t size = recv(newcomer->fd, bytes, sizeof(bytes), MSG_PEEK);
	int r;

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	r = size > 0 ? sk_proxy_parse(bytes, (size_t)size, header) : -ECONNRESET;
	/* What is there would wake us again, and the handshake starts with a byte. */
	if (r >= 0)
		wake_when(newcomer->fd, r == 0 ? (int)size + 1 : 1);
	if (r == 1 && recv(newcomer->fd, bytes, header->size, 0) != (ssize_t)header->size)
		r = -EIO;
	return r;
}

static void read_header(SkFront *front, Newcomer *newcomer, uint32_t events)
{
	SkProxyHeader header;
	int fd = newcomer->fd, r = take_header(newcomer, &header);

	/* Nothing more comes. */
	if (r == 0 && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		r = -ECONNRESET;
	if (r < 0) {
		sk_log(LOG_DEBUG, "a connection from a proxy without a good header was closed");
		drop(front, newcomer);
	}
	if (r <= 0)
		return;
	if (header.local) {
		header.from = newcomer->address;
		header.from_size = newcomer->address_size;
	}
	(void)epoll_ctl(front->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	newcomer->fd = -1;
	drop(front, newcomer);
	front->options.add(
		front->options.userdata, fd, (const struct sockaddr *)&header.from, header.from_size);
}

static void look_at(SkFront *front, const struct epoll_event *event)
{
	uint64_t count;

	if (event->data.ptr == front)
		(void)!read(front->wake_fd, &count, sizeof(count));
	else if (!event->data.ptr && front->options.fd >= 0)
		accept_some(front);
	else if (event->data.u64 & NEWCOMER)
		read_header(
			front, (Newcomer *)(uintptr_t)(event->data.u64 & ~(uint64_t)NEWCOMER), event->events);
	else if (event->data.ptr)
		front->options.ready(front->options.userdata, event->data.ptr);
}

/* What is due by the clock. Return: ms until the next of it. */
static int look_at_clock(SkFront *front)
{
	int64_t now = sk_monotonic_ms(), next = INT64_MAX;

	if (atomic_load(&front->quiet) && front->options.fd >= 0) {
		close(front->options.fd);
		front->options.fd = -1;
		front->paused_until = 0;
	}
	while (front->newcomers && front->newcomers->deadline <= now)
		drop(front, front->newcomers);
	if (front->paused_until > 0 && front->paused_until <= now) {
		front->paused_until = 0;
		listen_for(front, EPOLLIN);
	}
	if (front->newcomers)
		next = front->newcomers->deadline - now;
	if (front->paused_until > 0 && front->paused_until - now < next)
		next = front->paused_until - now;
	return next == INT64_MAX ? -1 : (int)next;
}

static void *work(void *userdata)
{
	SkFront *front = userdata;
	struct epoll_event events[EVENTS];

	while (!atomic_load(&front->ending)) {
		int n = epoll_wait(front->epoll_fd, events, EVENTS, look_at_clock(front));

		for (int i = 0; i < n; i++)
			look_at(front, &events[i]);
	}
	return NULL;
}

static int open_all(SkFront *front)
{
	int r;

	front->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	front->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (front->epoll_fd < 0 || front->wake_fd < 0)
		return -errno;
	r = watch(front, EPOLL_CTL_ADD, front->options.fd,
		(struct epoll_event){.events = EPOLLIN, .data.ptr = NULL});
	if (r == 0)
		r = watch(front, EPOLL_CTL_ADD, front->wake_fd,
			(struct epoll_event){.events = EPOLLIN, .data.ptr = front});
	return r == 0 ? -pthread_create(&front->thread, NULL, work, front) : r;
}

static void close_all(SkFront *front)
{
	while (front->newcomers)
		drop(front, front->newcomers);
	if (front->epoll_fd >= 0)
		close(front->epoll_fd);
	if (front->wake_fd >= 0)
		close(front->wake_fd);
	if (front->options.fd >= 0)
		close(front->options.fd);
	free(front);
}

int sk_front_new(const SkFrontOptions *options, SkFront **ret_front)
{
	SkFront *front = calloc(1, sizeof(*front));
	int r;

	if (!front) {
		close(options->fd);
		return -ENOMEM;
	}
	front->options = *options;
	front->epoll_fd = front->wake_fd = -1;
	/* Before the thread: whoever waits already at the socket may need it at once. */
	*ret_front = front;
	r = open_all(front);
	if (r < 0) {
		*ret_front = NULL;
		close_all(front);
	}
	return r;
}

static void wake(SkFront *front)
{
	(void)eventfd_write(front->wake_fd, 1);
}

void sk_front_quiesce(SkFront *front)
{
	atomic_store(&front->quiet, true);
	wake(front);
}

void sk_front_free(SkFront *front)
{
	if (!front)
		return;
	atomic_store(&front->ending, true);
	wake(front);
	pthread_join(front->thread, NULL);
	close_all(front);
}
