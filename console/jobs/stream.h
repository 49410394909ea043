/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Bytes to a receiver over TLS (syslog of RFC 5425 and the like), with a proof that they arrived. Syslog has
 * no acknowledgement: what a sender has written may still be in a buffer of a machine that dies. So each
 * batch ends its connection in order, and counts as received when the receiver has answered our close_notify
 * with its own, which it reads behind the last byte (RFC 5425, 4.4).
 */
#include "console/jobs/outgoing.h"

typedef struct SkStream {
	const char *host, *port;
	const char *authorities; /* PEM; NULL: those of the call */
	/* The receiver ends without close_notify (rsyslog does): an orderly end of TCP, behind the last byte
	 * that it has acknowledged, counts too. Who is on the way can feign that. */
	bool takes_any_end;
} SkStream;

/*
 * Return: 0 the receiver has read all of it; -EKEYREJECTED it could not prove who it is; -EPIPE the end was
 * not confirmed; -ECANCELED told to stop; -EINVAL the authorities are no PEM; -ETIMEDOUT, -EHOSTUNREACH,
 * -ECONNRESET, -ENOMEM; with call->error.
 */
int sk_stream_send(SkOutgoingCall *call, const SkStream *stream, const void *data, size_t size);
