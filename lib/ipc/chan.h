/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One end of a SOCK_SEQPACKET connection between two processes of the agent. The kernel keeps the borders of
 * messages; descriptors travel with them. Used without an event loop by workers (blocking) and with one by
 * core.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/ipc/proto.h"

/* What a receiver accepts: a table of these, ended by type 0. A handler returning < 0 ends the connection. */
typedef struct SkMsgSpec {
	uint16_t type;
	uint16_t n_fds; /* exactly, or SK_CHAN_FDS_UP_TO | most */
	uint32_t size;	/* exactly */
	int (*handle)(void *userdata, const SkHead *message, int *fds, size_t n_fds);
	bool (*check)(const SkHead *message); /* are the contents within their ranges? NULL: all are */
} SkMsgSpec;

/* n_fds may be fewer (an answer that failed carries none). */
#define SK_CHAN_FDS_UP_TO 0x8000

typedef struct SkChan SkChan;

/* Takes the descriptor. Never fails but for memory (NULL). sk_chan_free() closes it and accepts NULL. */
SkChan *sk_chan_new(int fd);
SkChan *sk_chan_free(SkChan *chan);
int sk_chan_fd(const SkChan *chan);

/* Fills version, type and size of a head; cookie stays 0. */
void sk_head_init(SkHead *head, uint16_t type, size_t size);

/*
 * Sends, or keeps for later when the socket is full (non-blocking descriptors only; then poll for POLLOUT
 * while sk_chan_pending(), and call sk_chan_flush()). Descriptors are duplicated into the message: the caller
 * keeps its own. Return: 0; -ENOBUFS when more than SK_CHAN_QUEUE_MAX messages wait (the peer is stuck);
 * other negative errno.
 */
#define SK_CHAN_QUEUE_MAX 65536
int sk_chan_send(SkChan *chan, const void *message, const int *fds, size_t n_fds);
bool sk_chan_pending(const SkChan *chan);
int sk_chan_flush(SkChan *chan);

/* One message on a socket that nobody keeps a connection for. Return: 0 or negative errno. */
int sk_msg_send(int fd, const void *message);

/*
 * What sk_chan_dispatch() does before it calls a handler: pure, nothing but the bytes decides. Data is
 * aligned like SkHead. Return: the row of the table, or NULL: unknown type, other version, wrong size, other
 * number of descriptors, contents out of range.
 */
const SkMsgSpec *sk_msg_decode(const SkMsgSpec *specs, const void *data, size_t size, size_t n_fds);

/*
 * Receives one message, checks it against the table and calls its handler. Descriptors left in the array
 * given to the handler are closed afterwards: a handler that keeps one puts -1 in its place. Return: 1
 * handled; 0 the peer closed; -EAGAIN nothing there; -EPROTO the message breaks the protocol; what the
 * handler returned when that is negative; other negative errno.
 */
int sk_chan_dispatch(SkChan *chan, const SkMsgSpec *specs, void *userdata);

/* Who is at the other end, as the kernel noted at connect(). */
int sk_chan_peer(const SkChan *chan, uid_t *ret_uid, pid_t *ret_pid);

/* Connects to a listening socket. Return: descriptor (close-on-exec, non-blocking) or negative errno. */
int sk_chan_connect(const char *path);

static inline void sk_chan_freep(SkChan **chan)
{
	sk_chan_free(*chan);
}
#define own_chan __attribute__((cleanup(sk_chan_freep)))
