/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/call.h"

#include <string.h>

#include "console/server/poll.h"
#include "console/server/problem.h"
#include "console/server/server.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

const char *sk_call_text(const SkCall *call, const char *name)
{
	return json_string_value(json_object_get(call->values, name));
}

int64_t sk_call_int(const SkCall *call, const char *name)
{
	return json_integer_value(json_object_get(call->values, name));
}

const char *sk_call_body_text(const SkCall *call, const char *name)
{
	return json_string_value(json_object_get(call->body, name));
}

int64_t sk_call_body_int(const SkCall *call, const char *name)
{
	return json_integer_value(json_object_get(call->body, name));
}

static void clear_answer(SkReply *reply)
{
	json_decref(reply->json);
	if (reply->free_bytes)
		free(reply->bytes);
	reply->json = NULL;
	reply->bytes = NULL;
	reply->size = 0;
	reply->free_bytes = false;
	if (reply->fd >= 0)
		close(reply->fd);
	reply->fd = -1;
	reply->type = NULL;
	reply->wait_ms = 0;
}

int sk_call_answer(SkCall *call, unsigned status, json_t *json)
{
	clear_answer(&call->reply);
	if (!json)
		return -ENOMEM;
	call->reply.status = status;
	call->reply.json = json;
	return 0;
}

int sk_call_done(SkCall *call)
{
	clear_answer(&call->reply);
	call->reply.status = 204;
	return 0;
}

int sk_call_answer_bytes(SkCall *call, const char *type, void *bytes, size_t size)
{
	clear_answer(&call->reply);
	call->reply.status = 200;
	call->reply.type = type;
	call->reply.bytes = bytes;
	call->reply.size = size;
	call->reply.free_bytes = true;
	return 0;
}

int sk_call_answer_written(SkCall *call, const char *type,
	int (*write)(SkCall *call, const void *what, FILE *out), const void *what)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return -ENOMEM;
	r = write(call, what, out);
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0) {
		free(text);
		return r;
	}
	return sk_call_answer_bytes(call, type, text, size);
}

const char *sk_call_language(const SkCall *call)
{
	return call->language == SK_JAPANESE ? "ja" : "en";
}

int sk_call_answer_file(SkCall *call, const char *type, int fd, size_t size)
{
	clear_answer(&call->reply);
	call->reply.status = 200;
	call->reply.type = type;
	call->reply.fd = fd;
	call->reply.size = size;
	return 0;
}

int sk_call_answer_rest(SkCall *call, const char *type, int fd, size_t size)
{
	int r = sk_call_answer_file(call, type, fd, size);

	/* Behind the end there is nothing: then it is all sent, as to somebody who has none of it. */
	if (r == 0 && call->range_from > 0 && call->range_from < size) {
		call->reply.status = 206;
		call->reply.from = call->range_from;
	}
	return r;
}

int sk_call_wait_arm(SkCall *call, const char *terminal)
{
	return call->waiter ? sk_poll_arm(call->server->poll, call->waiter, terminal) : -ENOTSUP;
}

int sk_call_wait(SkCall *call, int64_t ms)
{
	clear_answer(&call->reply);
	call->reply.wait_ms = ms > 0 ? ms : 1;
	return 0;
}

int sk_call_refuse(SkCall *call, SkReason code, const char *detail)
{
	clear_answer(&call->reply);
	/* Who is refused gets no session. */
	free(call->reply.cookie);
	call->reply.cookie = NULL;
	call->reply.status = sk_api_status(code);
	call->reply.json = sk_problem_new(call, code, detail);
	call->reply.type = call->reply.json ? "application/problem+json" : NULL;
	return 0;
}

int sk_call_refuse_for(SkCall *call, SkReason code, uint64_t ms)
{
	call->reply.retry_after = (unsigned)((ms + 999) / 1000);
	return sk_call_refuse(call, code, NULL);
}

int sk_call_refuse_member(SkCall *call, SkReason code, const char *pointer, const char *detail)
{
	if (!call->faults)
		call->faults = calloc(1, sizeof(*call->faults));
	if (call->faults)
		sk_faults_add(call->faults, pointer, "%s", detail);
	return sk_call_refuse(call, code, NULL);
}

static SkReason code_of(int error)
{
	switch (error) {
	case -ENOENT:
		return SK_NOT_FOUND;
	case -EEXIST:
		return SK_ALREADY_THERE;
	case -EAGAIN:
	case -ENOTCONN:
	case -ENOSPC:
	case -EROFS:
		return SK_DATABASE_UNAVAILABLE;
	default:
		return SK_CONSOLE_FAULT;
	}
}

int sk_call_fault(SkCall *call, int error)
{
	SkReason code = code_of(error);

	if (code == SK_CONSOLE_FAULT || code == SK_DATABASE_UNAVAILABLE) {
		const SkLogField fields[] = {{"SEKISHO_REQUEST", call->id},
			{"SEKISHO_OPERATION", call->operation ? call->operation->id : ""}, {NULL, NULL}};

		sk_metrics_fault(&call->server->metrics);
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .fields = fields}, "%s failed: %s%s%s",
			call->operation ? call->operation->id : "a request", strerror(-error),
			*sk_db_message(call->db) ? ": " : "", sk_db_message(call->db));
	}
	if (code == SK_DATABASE_UNAVAILABLE)
		call->reply.retry_after = 30;
	return sk_call_refuse(call, code, NULL);
}

bool sk_call_is_fresh(SkCall *call)
{
	if (call->caller.fresh_until > sk_time_now())
		return true;
	sk_call_refuse(call, SK_PROOF_NEEDED, NULL);
	return false;
}

SkActor sk_call_actor(const SkCall *call, SkDb *db)
{
	return (SkActor){
		.db = db,
		.scope = &call->caller.scope,
		.person = call->caller.person[0] ? call->caller.person : NULL,
		.terminal = call->terminal[0] ? call->terminal : NULL,
		.fresh = call->caller.fresh_until > sk_time_now() && call->caller.second_factor,
		.chain = call->server->home.chain,
		.now = sk_time_now(),
	};
}

void sk_caller_deinit(SkCaller *caller)
{
	for (size_t i = 0; i < caller->scope.n_facilities; i++)
		free((void *)caller->scope.facilities[i]);
	free((void *)caller->scope.facilities);
	free(caller->login);
	free(caller->name);
	*caller = (SkCaller){0};
}

void sk_call_deinit(SkCall *call)
{
	clear_answer(&call->reply);
	free(call->reply.cookie);
	free(call->reply.location);
	sk_caller_deinit(&call->caller);
	free(call->faults);
	json_decref(call->values);
	json_decref(call->body);
	*call = (SkCall){0};
}
