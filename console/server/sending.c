/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/sending.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/jobs/mail.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"

#define LOGIN_MAX 1024
#define PEM_MAX (1 << 20)

static int complain(const char *what, const char *why)
{
	fprintf(stderr, _("sekisho-console: %s: %s\n"), what, why);
	return -EINVAL;
}

/* A file that need not be there: then *ret_text stays NULL. */
static int read_optional(const char *path, size_t max, char **ret_text)
{
	size_t size;
	int r = sk_io_read_file_at(AT_FDCWD, path, max, ret_text, &size);

	if (r < 0 && r != -ENOENT)
		return complain(path, strerror(-r));
	return 0;
}

/* Cuts a text behind its first line. Return: the second line, or NULL. */
static char *cut_line(char *text)
{
	char *end = text + strcspn(text, "\r\n"), *next = end + strspn(end, "\r\n");

	*end = 0;
	return *next ? next : NULL;
}

static int init_mail(const SkServerSettings *settings, SkSending *sending)
{
	char *password;
	int r;

	if (!*settings->mail.server)
		return 0;
	if (!sk_smtp_is_server(settings->mail.server))
		return complain("[Mail] Server", _("expected smtp://HOST:PORT or smtps://HOST:PORT"));
	if (!sk_mail_is_address(settings->mail.from))
		return complain("[Mail] From", _("expected the address that mails come from"));
	r = read_optional(settings->mail.login_file, LOGIN_MAX, &sending->login);
	if (r < 0)
		return r;
	sending->smtp.server = settings->mail.server;
	sending->from = settings->mail.from;
	sending->name = settings->mail.name;
	if (!sending->login)
		return 0;
	password = cut_line(sending->login);
	if (!password)
		return complain(settings->mail.login_file,
			_("expected the user in the first line and the password in the second"));
	(void)cut_line(password);
	sending->smtp.user = sending->login;
	sending->smtp.password = password;
	return 0;
}

static int init_stamps(const SkServerSettings *settings, SkSending *sending)
{
	const char *address = settings->stamps.address;
	int r;

	if (!*address)
		return 0;
	if (!sk_str_starts(address, "https://") && !sk_str_starts(address, "http://"))
		return complain("[TimeStamps] Address", _("expected https://... or http://..."));
	r = read_optional(settings->stamps.authority_file, PEM_MAX, &sending->stamp_authorities);
	if (r == 0 && !sending->stamp_authorities)
		return complain(settings->stamps.authority_file, strerror(ENOENT));
	sending->stamp_address = address;
	sending->stamp_every_sec = settings->stamps.every_sec;
	return r;
}

static int init_metrics(const SkServerSettings *settings, SkSending *sending)
{
	int r = read_optional(settings->metrics.token_file, LOGIN_MAX, &sending->metrics_token);

	if (r < 0 || !sending->metrics_token)
		return r;
	(void)cut_line(sending->metrics_token);
	if (strlen(sending->metrics_token) < 16)
		return complain(
			settings->metrics.token_file, _("a token of at least 16 characters is needed"));
	return 0;
}

int sk_sending_init(const SkServerSettings *settings, SkSending *ret_sending)
{
	SkSending sending = {.from = NULL};
	int r = sk_outgoing_init(
		settings->outgoing.authority_file, settings->outgoing.proxy, &sending.outgoing);

	if (r < 0)
		(void)complain(settings->outgoing.authority_file, strerror(-r));
	if (r == 0)
		r = init_mail(settings, &sending);
	if (r == 0)
		r = init_stamps(settings, &sending);
	if (r == 0)
		r = init_metrics(settings, &sending);
	if (r < 0) {
		sk_sending_deinit(&sending);
		return r;
	}
	*ret_sending = sending;
	return 0;
}

static void forget(char *text)
{
	if (text)
		sk_secret_wipe(text, strlen(text));
	free(text);
}

void sk_sending_deinit(SkSending *sending)
{
	/* Where the password begins, the text of the user ends. */
	if (sending->smtp.password)
		sk_secret_wipe((char *)sending->smtp.password, strlen(sending->smtp.password));
	forget(sending->login);
	forget(sending->metrics_token);
	free(sending->stamp_authorities);
	sk_outgoing_deinit(&sending->outgoing);
	*sending = (SkSending){.from = NULL};
}
