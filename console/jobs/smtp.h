/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Sends a mail to the clinic's mail server: TLS from the start, or by STARTTLS, which is demanded everywhere
 * but on this machine itself. */
#include "console/jobs/mail.h"
#include "console/jobs/outgoing.h"

typedef struct SkSmtp {
	const char *server;	     /* "smtp://HOST:587", "smtps://HOST:465" */
	const char *user, *password; /* NULL: the server asks for none */
} SkSmtp;

/* Is it the address of a mail server? */
bool sk_smtp_is_server(const char *text);

/*
 * Return: 0 the server has taken it; -EREMOTEIO the server will never take it (this receiver, this message);
 * -EINVAL an address is none; others as sk_outgoing_run(): it may be tried again.
 */
int sk_smtp_send(SkOutgoingCall *call, const SkSmtp *smtp, const SkMail *mail);
