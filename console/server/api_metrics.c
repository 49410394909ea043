/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /metrics: no session opens it, but this machine itself, or the token of console.conf(5). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "console/server/sending.h"
#include "console/server/server.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"
#include "lib/reason/reason.h"

/* Of IPv6 an address is known by its network: that of ::1 has nobody else. */
static bool is_this_machine(const char *address)
{
	return sk_str_starts(address, "127.") || sk_str_eq(address, "::");
}

/* Compared by their digests: neither the time nor the length tells anything. */
static bool is_token(const char *header, const char *token)
{
	uint8_t theirs[SK_SHA256_SIZE], ours[SK_SHA256_SIZE];

	if (!sk_str_starts(header, "Bearer "))
		return false;
	header += strlen("Bearer ");
	sk_sha256(theirs, header, strlen(header));
	sk_sha256(ours, token, strlen(token));
	return sk_secret_equal(theirs, ours, sizeof(ours));
}

static bool may_read(const SkCall *call)
{
	const SkSending *sending = call->server->sending;

	return sending->metrics_token ? is_token(call->authorization, sending->metrics_token)
				      : is_this_machine(call->address);
}

static int write_metrics(SkCall *call, const void *ignored, FILE *out)
{
	sk_metrics_write_process(out, &call->server->metrics, sk_poll_count(call->server->poll));
	return sk_metrics_write_database(out, call->db);
}

int sk_api_system_metrics(SkCall *call)
{
	if (!may_read(call))
		return sk_call_refuse(call, SK_NOT_FOUND, NULL);
	if (!call->db)
		return -ENOTCONN;
	return sk_call_answer_written(call, "text/plain; version=0.0.4; charset=utf-8", write_metrics, NULL);
}
