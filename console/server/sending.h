/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What the console needs to reach servers outside, read from files before the jail is closed. */
#include "console/jobs/outgoing.h"
#include "console/jobs/smtp.h"
#include "console/server/settings.h"

typedef struct SkSending {
	SkOutgoing outgoing;
	SkSmtp smtp;		   /* server NULL: no mail goes out */
	char *login;		   /* that smtp.user and smtp.password point into */
	const char *from, *name;   /* of mails */
	const char *stamp_address; /* NULL: no time stamps */
	char *stamp_authorities;
	uint64_t stamp_every_sec;
	char *metrics_token; /* NULL: none */
} SkSending;

/* settings: borrowed. Return: 0, or negative errno after having said why. */
int sk_sending_init(const SkServerSettings *settings, SkSending *ret_sending);
void sk_sending_deinit(SkSending *sending);
