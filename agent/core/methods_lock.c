/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/methods_lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/screen.h"
#include "agent/core/screen_pass.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define REASON_MAX 500

int method_get_lock(Core *core, sd_bus_message *message, const char *actor)
{
	json_t *lock = screen_to_json(core);
	own_free char *text = lock ? json_dumps(lock, JSON_COMPACT) : NULL;

	json_decref(lock);
	return text ? sd_bus_reply_method_return(message, "s", text) : -ENOMEM;
}

int method_lock_now(Core *core, sd_bus_message *message, const char *actor)
{
	int r = screen_lock_now(core, &(ScreenAsk){.actor = actor});

	return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int answer(sd_bus_message *message, SkReason reason)
{
	char code[SK_REASON_CODE_SIZE];

	sk_reason_format_code(code, reason);
	return sd_bus_reply_method_return(message, "s", code);
}

int method_begin_pass(Core *core, sd_bus_message *message, const char *actor)
{
	const char *reason;
	uint32_t minutes;
	int r = sd_bus_message_read(message, "us", &minutes, &reason);

	if (r < 0)
		return r;
	if (strspn(reason, " ") == strlen(reason) || strlen(reason) > REASON_MAX)
		return sd_bus_reply_method_errorf(
			message, SD_BUS_ERROR_INVALID_ARGS, "a pass has a reason, of at most 500 bytes");
	return answer(message, screen_pass_begin(core, minutes, reason, actor));
}

int method_end_pass(Core *core, sd_bus_message *message, const char *actor)
{
	return answer(message, screen_pass_end(core, "ended", actor));
}
