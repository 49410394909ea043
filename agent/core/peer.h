/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A sibling process at the other end of a socket: connects (which starts it, by systemd's socket), dispatches
 * its messages, notices when it dies.
 */
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "lib/ipc/chan.h"

typedef struct Core Core;
typedef struct Peer Peer;

typedef struct PeerType {
	const char *name;	/* "monitor": the socket is /run/sekisho/monitor.sock */
	const SkMsgSpec *specs; /* handlers get the Core */
	void (*connected)(Core *core);
	void (*lost)(Core *core);
	bool keep; /* connect again at once when it is lost */
} PeerType;

struct Peer {
	Core *core;
	const PeerType *type;
	SkChan *chan;
	sd_event_source *io;
	sd_event_source *retry;
	unsigned failures; /* connection attempts in a row that failed */
};

void peer_init(Peer *peer, Core *core, const PeerType *type);
void peer_deinit(Peer *peer);

/* Connects if it is not connected. Return: 0 or negative errno. */
int peer_ensure(Peer *peer);

/* Connects a little later, and goes on trying until it succeeds. */
void peer_retry(Peer *peer);

/* Ends the connection as if the other side had. */
void peer_drop(Peer *peer);

/* Sends a message; connects first where needed. Return: 0 or negative errno (the connection is then given
 * up). */
int peer_send(Peer *peer, const void *message, const int *fds, size_t n_fds);
