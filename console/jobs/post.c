/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/jobs/post.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/base/str.h"
#include "lib/crypt/kdf.h"

#define LONGEST_SEC 30L

typedef struct Answer {
	uint8_t *bytes;
	size_t size, max;
	bool too_long;
} Answer;

static size_t on_write(char *data, size_t one, size_t count, void *userdata)
{
	Answer *answer = userdata;
	size_t size = one * count;
	uint8_t *more;

	if (answer->max == 0)
		return size;
	if (size > answer->max - answer->size) {
		answer->too_long = true;
		return 0;
	}
	more = realloc(answer->bytes, answer->size + size + 1);
	if (!more)
		return 0;
	memcpy(more + answer->size, data, size);
	answer->bytes = more;
	answer->size += size;
	return size;
}

static int make_headers(const SkPost *post, struct curl_slist **headers)
{
	char type[128];
	int r;

	sk_str_format(type, sizeof(type), "Content-Type: %s", post->type);
	r = sk_slist_add(headers, type);
	/* No "100 Continue". */
	if (r == 0)
		r = sk_slist_add(headers, "Expect:");
	for (size_t i = 0; r == 0 && i < SK_POST_HEADERS_MAX && post->headers[i]; i++)
		r = sk_slist_add(headers, post->headers[i]);
	return r;
}

int sk_post(SkOutgoingCall *call, const SkPost *post, SkPosted *ret_posted)
{
	own_slist struct curl_slist *headers = NULL;
	own_curl CURL *curl = NULL;
	Answer answer = {.max = post->answer_max};
	long status = 0;
	int r = make_headers(post, &headers);

	if (r == 0)
		r = sk_outgoing_handle(call, LONGEST_SEC, &curl);
	if (r < 0)
		return r;
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, post->plain ? "http,https" : "https");
	curl_easy_setopt(curl, CURLOPT_URL, post->url);
	curl_easy_setopt(curl, CURLOPT_PROXY, call->outgoing->proxy);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "sekisho-console/" SK_VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->size);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	r = sk_outgoing_run(call, curl);
	if (r < 0) {
		free(answer.bytes);
		return answer.too_long ? -EFBIG : r;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	*ret_posted = (SkPosted){(unsigned)status, answer.bytes, answer.size};
	return 0;
}

void sk_webhook_sign(const uint8_t secret[SK_WEBHOOK_SECRET_SIZE], int64_t seconds, const char *id,
	const char *body, char ret_signature[SK_WEBHOOK_SIGNATURE_SIZE])
{
	uint8_t mac[SK_HMAC_SIZE];
	char head[64];

	sk_str_format(head, sizeof(head), "%" PRId64 ".%s.", seconds, id);
	sk_hmac(secret, SK_WEBHOOK_SECRET_SIZE, (const SkBytes[]){{head, strlen(head)}, {body, strlen(body)}},
		2, mac);
	memcpy(ret_signature, "v1=", 3);
	sk_hex_format(ret_signature + 3, mac, sizeof(mac));
}
