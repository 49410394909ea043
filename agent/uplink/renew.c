/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The next certificate, at two thirds of the life of this one, with a key of its own. The old one stays good
 * until its end, so a kill at any moment leaves one that works.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/evp.h>

#include "agent/uplink/key.h"
#include "agent/uplink/uplink.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define TIMEOUT_SEC 60
#define CHECK_MOST_SEC 3600
#define RETRY_SEC 600

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	Uplink *up = userdata;

	up->renewal.timer = sd_event_source_disable_unref(up->renewal.timer);
	renew_check(up);
	return 0;
}

void renew_stop(Uplink *up)
{
	sending_stop(&up->renewal);
	EVP_PKEY_free(own_take(up->renewal_pkey));
}

static void retry(Uplink *up, const char *detail, unsigned retry_after)
{
	sk_log(LOG_WARNING, "the certificate was not renewed: %s", detail);
	EVP_PKEY_free(own_take(up->renewal_pkey));
	identity_sweep(up->state_fd);
	sending_retry(up, &up->renewal, retry_after > 0 ? retry_after : RETRY_SEC, on_timer);
}

/* The new identity is on the disk before it is used, the old key is removed after that. */
static int take_certificate(Uplink *up, const char *pem)
{
	own_identity Identity *next = NULL, *old = NULL;
	int r = identity_copy(up->identity, &next);

	if (r < 0)
		return r;
	EVP_PKEY_free(next->key);
	next->key = up->renewal_pkey;
	EVP_PKEY_up_ref(next->key);
	sk_str_copy(next->key_name, sizeof(next->key_name), up->renewal_key);
	r = identity_set_certificate(next, pem);
	if (r == 0)
		r = identity_store(up->state_fd, next);
	if (r < 0)
		return r;
	identity_sweep(up->state_fd);
	sk_log(LOG_INFO, "the certificate was renewed");
	/* Everything that uses the old one ends with the connection. */
	old = up->identity;
	up->identity = own_take(next);
	link_start(up);
	return 0;
}

static void on_renewed(void *userdata, const HttpAnswer *answer)
{
	json_auto_t *object = NULL;
	Uplink *up = userdata;
	const char *pem;
	int r;

	up->renewal.call = NULL;
	if (!link_check_answer(up, answer))
		return;
	object = answer->status == 200 ? json_loadb(answer->body, answer->size, JSON_REJECT_DUPLICATES, NULL)
				       : NULL;
	pem = json_string_value(json_object_get(object, "certificate"));
	r = pem ? take_certificate(up, pem) : -EBADMSG;
	if (r < 0)
		retry(up, pem ? strerror(-r) : "the console did not give one", answer->retry_after);
}

static int begin(Uplink *up)
{
	own_free char *csr = NULL, *text = NULL;
	HttpRequest request = {.method = "POST",
		.path = "/api/v1/agent/renew",
		.timeout_sec = TIMEOUT_SEC,
		.most = 65536,
		.done = on_renewed,
		.userdata = up};
	json_t *object;
	int r;

	identity_next_key_name(up->state_fd, up->renewal_key);
	r = key_new(up->state_fd, up->renewal_key, key_is_in_tpm(up->identity->key), &up->renewal_pkey);
	if (r == 0)
		r = key_request(up->renewal_pkey, &csr);
	if (r < 0)
		return r;
	object = json_pack("{s:s}", "request", csr);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (!text)
		return -ENOMEM;
	request.body = text;
	request.size = strlen(text);
	return http_start(up->http, &request, &up->renewal.call);
}

void renew_check(Uplink *up)
{
	int64_t life = up->identity->valid_until - up->identity->valid_from;
	int64_t due = up->identity->valid_from + life / 3 * 2, now = (int64_t)time(NULL), wait = due - now;
	int r;

	if (!link_is_up(up) || up->renewal.call || up->renewal.timer)
		return;
	if (wait > 0) {
		if (wait > CHECK_MOST_SEC)
			wait = CHECK_MOST_SEC;
		sd_event_add_time_relative(up->event, &up->renewal.timer, CLOCK_MONOTONIC,
			(uint64_t)wait * 1000000, 0, on_timer, up);
		return;
	}
	r = begin(up);
	if (r < 0)
		retry(up, strerror(-r), 0);
}
