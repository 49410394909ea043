/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What core asks of the console. A call that must survive is on the disk before core hears that it was taken
 * on, goes out in its order, and is forgotten when core has its result; between these a kill only repeats it,
 * under the same key, and the console does it once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "agent/uplink/uplink.h"
#include "lib/base/str.h"
#include "lib/ipc/memfd.h"
#include "lib/log/log.h"

#define TIMEOUT_SEC 60
#define NOW_TIMEOUT_SEC 20

struct NowCall {
	struct NowCall *prev, *next;
	Uplink *up;
	HttpCall *call;
	uint64_t cookie;
	char operation[SPOOL_OPERATION_SIZE];
	char key[SPOOL_KEY_SIZE];
};

/* "loss.report" -> "/api/v1/agent/loss/report" */
static void format_path(char *path, size_t size, const char *operation)
{
	sk_str_format(path, size, "/api/v1/agent/%s", operation);
	for (char *p = path; *p; p++)
		if (*p == '.')
			*p = '/';
}

static void fill_result(
	SkUplinkResult *result, const char *operation, const char *key, const HttpAnswer *answer)
{
	*result = (SkUplinkResult){.result = answer->result, .status = answer->status};
	sk_head_init(&result->head, SK_UPLINK_RESULT, sizeof(*result));
	sk_str_copy(result->operation, sizeof(result->operation), operation);
	sk_str_copy(result->key, sizeof(result->key), key);
	/* An older console: no such call. What a call is about and does not exist has a body that says so. */
	if (answer->status == 404 && !strstr(answer->body, "\"code\"")) {
		result->result = -ENOTSUP;
		result->status = 0;
	}
}

static int send_result(Uplink *up, const SkUplinkResult *result, const HttpAnswer *answer)
{
	own_fd int fd = sk_memfd_new(answer->body, result->result == 0 ? answer->size : 0);

	return fd < 0 ? fd : core_send(up, result, &fd, 1);
}

static void finish_now(NowCall *call, const HttpAnswer *answer)
{
	SkUplinkResult result;

	DL_DELETE(call->up->now_calls, call);
	fill_result(&result, call->operation, call->key, answer);
	result.flag = SK_UPLINK_CALL_NOW;
	result.head.cookie = call->cookie;
	send_result(call->up, &result, answer);
	free(call);
}

static void on_now_done(void *userdata, const HttpAnswer *answer)
{
	NowCall *call = userdata;
	Uplink *up = call->up;

	finish_now(call, answer);
	link_check_answer(up, answer);
}

static void call_now(Uplink *up, const SkUplinkCall *message, const char *data, size_t size)
{
	NowCall *call = link_is_up(up) ? calloc(1, sizeof(*call)) : NULL;
	char path[128];
	HttpRequest request = {.method = "POST",
		.path = path,
		.body = data,
		.size = size,
		.key = message->key,
		.timeout_sec = NOW_TIMEOUT_SEC,
		.most = SK_UPLINK_JSON_MAX,
		.done = on_now_done,
		.userdata = call};
	int r = call ? 0 : -ENOTCONN;

	if (call) {
		call->up = up;
		call->cookie = message->head.cookie;
		sk_str_copy(call->operation, sizeof(call->operation), message->operation);
		sk_str_copy(call->key, sizeof(call->key), message->key);
		format_path(path, sizeof(path), call->operation);
		r = http_start(up->http, &request, &call->call);
	}
	if (r < 0)
		free(call);
	else
		DL_APPEND(up->now_calls, call);
	core_answer(up, message->head.cookie, r, "");
}

static int spool_call(Uplink *up, const SkUplinkCall *message, char *data, size_t size)
{
	SpoolCall call = {.data = data, .size = size};

	sk_str_copy(call.operation, sizeof(call.operation), message->operation);
	sk_str_copy(call.key, sizeof(call.key), message->key);
	return spool_add(up->spool, &call, up->options.spool_size);
}

void calls_take(Uplink *up, const SkUplinkCall *message, int fd)
{
	own_free char *data = NULL;
	size_t size = 0;
	int r = sk_memfd_read(fd, SK_UPLINK_JSON_MAX, &data, &size);

	if (r == 0 && message->flag == SK_UPLINK_CALL_NOW) {
		call_now(up, message, data, size);
		return;
	}
	if (r == 0)
		r = spool_call(up, message, data, size);
	core_answer(up, message->head.cookie, r, "");
	if (r == -ENOSPC && up->state.cause == SK_UPLINK_CAUSE_NONE)
		uplink_set_state(up, up->state.state, SK_UPLINK_CAUSE_SPOOL, "");
	calls_push(up);
}

void calls_stop(Uplink *up)
{
	const HttpAnswer away = {.result = -ENOTCONN, .body = "", .detail = ""};

	sending_stop(&up->spooled);
	while (up->now_calls) {
		http_cancel(up->now_calls->call);
		finish_now(up->now_calls, &away);
	}
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	Uplink *up = userdata;

	up->spooled.timer = sd_event_source_disable_unref(up->spooled.timer);
	calls_push(up);
	return 0;
}

/* Core has it. Only now the call may be forgotten. */
static void on_result_taken(Uplink *up, int result, const char *detail)
{
	up->spooled_untaken = false;
	spool_remove(up->spool, up->spooled_number);
	if (up->state.cause == SK_UPLINK_CAUSE_SPOOL)
		uplink_set_state(up, up->state.state, SK_UPLINK_CAUSE_NONE, "");
	else if (spool_count(up->spool) == 0)
		uplink_tell_state(up);
	calls_push(up);
}

static bool is_final(const HttpAnswer *answer)
{
	return answer->status < 500 && answer->status != 429 && answer->status != 408 &&
	       answer->status != 425;
}

static void on_spooled_done(void *userdata, const HttpAnswer *answer)
{
	own_free char *data = NULL;
	Uplink *up = userdata;
	SkUplinkResult result;
	SpoolCall call;

	up->spooled.call = NULL;
	if (!link_check_answer(up, answer))
		return;
	if (!is_final(answer)) {
		sending_retry(up, &up->spooled, answer->retry_after, on_retry);
		return;
	}
	up->spooled.failures = 0;
	if (spool_first(up->spool, &call) < 0)
		return;
	data = call.data;
	fill_result(&result, call.operation, call.key, answer);
	result.flag = SK_UPLINK_CALL_SPOOL;
	result.head.cookie = core_expect(up, on_result_taken);
	if (result.head.cookie == 0 || send_result(up, &result, answer) < 0) {
		sending_retry(up, &up->spooled, 0, on_retry);
		return;
	}
	up->spooled_untaken = true;
	up->spooled_number = call.number;
}

void calls_push(Uplink *up)
{
	char path[128];
	SpoolCall call;
	HttpRequest request = {.method = "POST",
		.path = path,
		.timeout_sec = TIMEOUT_SEC,
		.most = SK_UPLINK_JSON_MAX,
		.done = on_spooled_done,
		.userdata = up};

	if (!link_is_up(up) || up->spooled.call || up->spooled.timer || up->spooled_untaken ||
		spool_first(up->spool, &call) < 0)
		return;
	format_path(path, sizeof(path), call.operation);
	request.body = call.data;
	request.size = call.size;
	request.key = call.key;
	if (http_start(up->http, &request, &up->spooled.call) < 0)
		sending_retry(up, &up->spooled, 0, on_retry);
	free(call.data);
}
