/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "config.h"
#include "console/server/server.h"
#include "console/store/time.h"

/* Load balancers ask this: healthy is who can do the next request. */
int sk_api_system_health(SkCall *call)
{
	char now[SK_TIME_SIZE];
	int64_t one;
	int r;

	if (!call->db)
		return -ENOTCONN;
	r = sk_db_query_int(call->db, "SELECT 1", SK_DB_NO_ARGS, &one);
	if (r < 0)
		return r;
	sk_time_format(now, sk_time_now());
	return sk_call_answer(
		call, 200, json_pack("{s:s, s:s, s:s}", "state", "ok", "version", SK_VERSION, "time", now));
}

int sk_api_system_contract(SkCall *call)
{
	char *copy = malloc(call->server->contract_size);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, call->server->contract, call->server->contract_size);
	return sk_call_answer_bytes(call, "application/yaml", copy, call->server->contract_size);
}
