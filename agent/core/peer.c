/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/peer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/core/core.h"
#include "config.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* A sibling is started by its socket in a few milliseconds; a broken one must not cost a core of the
 * processor. */
#define RETRY_FIRST_USEC 20000
#define RETRY_MOST_USEC 1000000
/* Messages taken in one turn of the loop, so that a flood from one sibling leaves room for the others. */
#define MESSAGES_A_TURN 64

void peer_init(Peer *peer, Core *core, const PeerType *type)
{
	*peer = (Peer){.core = core, .type = type};
}

void peer_deinit(Peer *peer)
{
	peer->io = sd_event_source_disable_unref(peer->io);
	peer->retry = sd_event_source_disable_unref(peer->retry);
	peer->chan = sk_chan_free(peer->chan);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	Peer *peer = userdata;

	if (peer_ensure(peer) < 0)
		peer_retry(peer);
	return 0;
}

void peer_retry(Peer *peer)
{
	uint64_t delay = RETRY_FIRST_USEC << (peer->failures < 6 ? peer->failures : 6);
	int r;

	peer->failures++;
	peer->retry = sd_event_source_disable_unref(peer->retry);
	r = sd_event_add_time_relative(peer->core->event, &peer->retry, CLOCK_MONOTONIC,
		delay < RETRY_MOST_USEC ? delay : RETRY_MOST_USEC, 0, on_retry, peer);
	if (r < 0)
		sd_event_exit(peer->core->event, r);
}

void peer_drop(Peer *peer)
{
	if (!peer->chan)
		return;
	peer->io = sd_event_source_disable_unref(peer->io);
	peer->chan = sk_chan_free(peer->chan);
	peer->type->lost(peer->core);
	if (peer->type->keep)
		peer_retry(peer);
}

static void watch_output(Peer *peer)
{
	sd_event_source_set_io_events(peer->io, sk_chan_pending(peer->chan) ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Peer *peer = userdata;
	int r = 1;

	if (events & EPOLLOUT) {
		r = sk_chan_flush(peer->chan);
		if (r < 0) {
			peer_drop(peer);
			return 0;
		}
	}
	r = 1;
	for (int i = 0; i < MESSAGES_A_TURN && r > 0 && peer->chan; i++)
		r = sk_chan_dispatch(peer->chan, peer->type->specs, peer->core);
	if (r == -EPROTO)
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_PROTOCOL_BROKEN},
			"sekisho-%s broke the protocol; the connection is ended", peer->type->name);
	if (peer->chan && r <= 0 && r != -EAGAIN)
		peer_drop(peer);
	if (peer->chan)
		watch_output(peer);
	return 0;
}

static int open_chan(Peer *peer)
{
	char path[PATH_MAX];
	const char *directory = secure_getenv("SEKISHO_RUN_DIRECTORY");
	int fd, r;

	sk_str_format(path, sizeof(path), "%s/%s.sock", directory ? directory : SK_RUNDIR, peer->type->name);
	fd = sk_chan_connect(path);
	if (fd < 0)
		return fd;
	peer->chan = sk_chan_new(fd);
	if (!peer->chan)
		return -ENOMEM;
	r = sd_event_add_io(peer->core->event, &peer->io, fd, EPOLLIN, on_io, peer);
	if (r < 0)
		peer->chan = sk_chan_free(peer->chan);
	return r;
}

int peer_ensure(Peer *peer)
{
	int r;

	if (peer->chan)
		return 0;
	r = open_chan(peer);
	if (r < 0) {
		sk_log_event(&(SkLogEvent){.priority = peer->failures ? LOG_DEBUG : LOG_WARNING,
				     .id = SK_MESSAGE_PEER_LOST},
			"cannot reach sekisho-%s: %s", peer->type->name, strerror(-r));
		if (peer->type->keep)
			peer_retry(peer);
		return r;
	}
	peer->failures = 0;
	peer->type->connected(peer->core);
	return 0;
}

int peer_send(Peer *peer, const void *message, const int *fds, size_t n_fds)
{
	int r = peer_ensure(peer);

	if (r < 0)
		return r;
	if (!peer->chan)
		return -ENOTCONN;
	r = sk_chan_send(peer->chan, message, fds, n_fds);
	if (r < 0)
		peer_drop(peer);
	else
		watch_output(peer);
	return r;
}
