/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the terminal says of itself: only the newest is worth sending. Core makes one every minute, so this is
 * the heart-beat too: a network that was cut shows here before it shows in the long poll.
 */
#include <errno.h>
#include <string.h>

#include "agent/uplink/uplink.h"

#define TIMEOUT_SEC 30

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	Uplink *up = userdata;

	up->status_sending.timer = sd_event_source_disable_unref(up->status_sending.timer);
	status_push(up);
	return 0;
}

static void on_sent(void *userdata, const HttpAnswer *answer)
{
	Uplink *up = userdata;

	up->status_sending.call = NULL;
	if (!link_check_answer(up, answer))
		return;
	if (answer->status >= 500 || answer->status == 429) {
		sending_retry(up, &up->status_sending, answer->retry_after, on_retry);
		return;
	}
	up->status_sending.failures = 0;
	if (answer->status < 300)
		core_answer(up, up->status_sent, 0, "");
	if (up->status_newer)
		status_push(up);
}

void status_push(Uplink *up)
{
	const HttpRequest request = {.method = "PUT",
		.path = "/api/v1/agent/status",
		.body = up->status,
		.size = up->status ? strlen(up->status) : 0,
		.timeout_sec = TIMEOUT_SEC,
		.most = 65536,
		.done = on_sent,
		.userdata = up};

	up->status_newer = up->status_sending.call != NULL;
	if (!up->status || !link_is_up(up) || up->status_sending.call || up->status_sending.timer)
		return;
	up->status_sent = up->status_cookie;
	if (http_start(up->http, &request, &up->status_sending.call) < 0)
		sending_retry(up, &up->status_sending, 0, on_retry);
}
