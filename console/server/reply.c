/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/reply.h"

#include <string.h>

#include "console/server/server.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* Nothing here is a page: nobody may show it in a frame, run something out of it, or keep it. */
static const char *const headers[][2] = {
	{"Strict-Transport-Security", "max-age=31536000"},
	{"Content-Security-Policy",
		"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
	{"Cache-Control", "no-store"},
	{"Vary", "Accept-Language, Cookie"},
};

static struct MHD_Response *make_body(SkReply *reply)
{
	char *text;

	if (reply->type && reply->fd >= 0)
		return MHD_create_response_from_fd_at_offset64(
			reply->size - reply->from, own_take_fd(&reply->fd), reply->from);
	if (reply->type && reply->bytes) {
		bool owned = reply->free_bytes;

		reply->free_bytes = false;
		return MHD_create_response_from_buffer(
			reply->size, reply->bytes, owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	}
	if (!reply->json)
		return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	text = json_dumps(reply->json, JSON_COMPACT);
	return text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
	if (value && *value)
		(void)MHD_add_response_header(response, name, value);
}

static void add_allow(struct MHD_Response *response, unsigned allow)
{
	char text[64] = "OPTIONS";
	size_t length = strlen(text);

	for (SkApiMethod method = 0; method < SK_API_METHOD_MAX; method++)
		if (allow & 1u << method && sk_str_format(text + length, sizeof(text) - length, ", %s",
						    sk_api_method_name(method)))
			length += strlen(text + length);
	add(response, "Allow", text);
}

static void add_headers(struct MHD_Response *response, const SkCall *call)
{
	const SkReply *reply = &call->reply;
	char seconds[16], range[80];

	for (size_t i = 0; i < SK_ARRAY_SIZE(headers); i++)
		add(response, headers[i][0], headers[i][1]);
	add(response, "Sekisho-Request", call->id);
	if (reply->type || reply->json)
		add(response, "Content-Type", reply->type ? reply->type : "application/json");
	if (reply->json)
		add(response, "Content-Language", sk_call_language(call));
	add(response, "Set-Cookie", reply->cookie);
	add(response, "Location", reply->location);
	/* Bytes of people are saved, never shown as a page of ours. */
	if (reply->type && sk_str_eq(reply->type, "application/octet-stream"))
		add(response, "Content-Disposition", "attachment");
	if (reply->allow)
		add_allow(response, reply->allow);
	if (reply->retry_after) {
		sk_str_format(seconds, sizeof(seconds), "%u", reply->retry_after);
		add(response, "Retry-After", seconds);
	}
	if (reply->status == 206 &&
		sk_str_format(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)reply->from,
			(unsigned long long)reply->size - 1, (unsigned long long)reply->size))
		add(response, "Content-Range", range);
	if (atomic_load(&call->server->stopping))
		add(response, "Connection", "close");
}

enum MHD_Result sk_reply_send(SkCall *call, struct MHD_Connection *connection)
{
	struct MHD_Response *response = make_body(&call->reply);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	add_headers(response, call);
	result = MHD_queue_response(connection, call->reply.status ? call->reply.status : 500, response);
	MHD_destroy_response(response);
	return result;
}
