/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/jobs/smtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

#define LONGEST_SEC 60L

bool sk_smtp_is_server(const char *text)
{
	const char *host = sk_str_starts(text, "smtp://")    ? text + 7
			   : sk_str_starts(text, "smtps://") ? text + 8
							     : NULL;

	/* A path would be the name that we greet with; a login has its own file. */
	return host && *host && !strpbrk(host, "/@ \t\"<>");
}

/* Only to this machine itself may it go in the open. */
static bool is_local(const char *server)
{
	static const char *const names[] = {"smtp://localhost", "smtp://127.0.0.1", "smtp://[::1]"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		size_t size = strlen(names[i]);

		if (strncmp(server, names[i], size) == 0 && (server[size] == 0 || server[size] == ':'))
			return true;
	}
	return false;
}

typedef struct Upload {
	const char *text;
	size_t size;
} Upload;

static size_t on_read(char *buffer, size_t one, size_t count, void *userdata)
{
	Upload *upload = userdata;
	size_t size = one * count < upload->size ? one * count : upload->size;

	memcpy(buffer, upload->text, size);
	upload->text += size;
	upload->size -= size;
	return size;
}

static int run(SkOutgoingCall *call, CURL *curl, const SkSmtp *smtp, const SkMail *mail)
{
	own_slist struct curl_slist *receivers = NULL;
	char from[300];
	long status = 0;
	int r = sk_slist_add(&receivers, mail->to);

	if (r < 0)
		return r;
	sk_str_format(from, sizeof(from), "<%s>", mail->from);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_URL, smtp->server);
	curl_easy_setopt(
		curl, CURLOPT_USE_SSL, is_local(smtp->server) ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
	if (smtp->user) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, smtp->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, smtp->password);
	}
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, receivers);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	r = sk_outgoing_run(call, curl);
	if (r == 0 || r == -EACCES)
		return r;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	/* 5xx behind the login is about the message; 4xx asks to come again. */
	return r == -ECONNRESET && status >= 500 && status < 600 ? -EREMOTEIO : r;
}

int sk_smtp_send(SkOutgoingCall *call, const SkSmtp *smtp, const SkMail *mail)
{
	own_curl CURL *curl = NULL;
	own_free char *text = NULL;
	Upload upload;
	int r = sk_mail_compose(mail, &text, &upload.size);

	if (r == 0)
		r = sk_outgoing_handle(call, LONGEST_SEC, &curl);
	if (r < 0)
		return r;
	upload.text = text;
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
	return run(call, curl, smtp, mail);
}
