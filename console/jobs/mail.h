/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A mail as text of RFC 5322 and MIME: headers in ASCII (RFC 2047), a body of UTF-8 in base64, so that it
 * goes unchanged through every server. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct SkMail {
	const char *id;		 /* of the message; the same each time it is tried */
	const char *from, *name; /* address of the sender, and its name ("": none) */
	const char *to;		 /* one address */
	const char *subject, *body;
	const char *language; /* "ja" */
	int64_t time;	      /* ms since 1970 */
} SkMail;

/* An address that can stand in a mail and in SMTP: a@b, printable ASCII without what has a meaning there. */
bool sk_mail_is_address(const char *text);

/* Return: 0; -EINVAL an address that is none; -ENOMEM. The caller frees the text. */
int sk_mail_compose(const SkMail *mail, char **ret_text, size_t *ret_size);
