/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/jobs/outgoing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"
#define AUTHORITIES_MAX (4 << 20)
#define CONNECT_SEC 15L

static int read_authorities(const char *path, char **ret_text)
{
	size_t size;
	int r = sk_io_read_file_at(AT_FDCWD, path, AUTHORITIES_MAX, ret_text, &size);

	if (r == -ENOENT) {
		*ret_text = strdup("");
		r = *ret_text ? 0 : -ENOMEM;
	}
	return r;
}

int sk_outgoing_init(const char *own, const char *proxy, SkOutgoing *ret_outgoing)
{
	own_free char *system = NULL, *ours = NULL, *copy = strdup(proxy);
	char *both = NULL;
	int r = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && copy ? 0 : -ENOMEM;

	if (r == 0)
		r = read_authorities(SYSTEM_AUTHORITIES, &system);
	if (r == 0)
		r = read_authorities(own, &ours);
	if (r < 0)
		return r;
	if (asprintf(&both, "%s\n%s", system, ours) < 0)
		return -ENOMEM;
	*ret_outgoing = (SkOutgoing){.authorities = both, .proxy = own_take(copy)};
	return 0;
}

void sk_outgoing_deinit(SkOutgoing *outgoing)
{
	free(outgoing->authorities);
	free(outgoing->proxy);
	*outgoing = (SkOutgoing){0};
}

int sk_slist_add(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*list, text);

	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int on_progress(void *userdata, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	const SkOutgoingCall *call = userdata;

	return call->is_stopping && call->is_stopping(call->userdata);
}

int sk_outgoing_handle(SkOutgoingCall *call, long seconds, CURL **ret_curl)
{
	struct curl_blob authorities = {.data = call->outgoing->authorities,
		.len = strlen(call->outgoing->authorities),
		.flags = CURL_BLOB_NOCOPY};
	CURL *curl = curl_easy_init();

	if (!curl)
		return -ENOMEM;
	call->error[0] = 0;
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &authorities);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, seconds);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	/* Not what the environment says. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, call);
	*ret_curl = curl;
	return 0;
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_ABORTED_BY_CALLBACK:
		return -ECANCELED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_LOGIN_DENIED:
		return -EACCES;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_USE_SSL_FAILED:
		return -EKEYREJECTED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		return -EHOSTUNREACH;
	default:
		return -ECONNRESET;
	}
}

int sk_outgoing_run(SkOutgoingCall *call, CURL *curl)
{
	char words[CURL_ERROR_SIZE] = "";
	const char *shown;
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
	code = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	if (code != CURLE_OK) {
		shown = words[0] ? words : curl_easy_strerror(code);
		sk_utf8_escape(call->error, sizeof(call->error), shown, strlen(shown));
	}
	return errno_of(code);
}
