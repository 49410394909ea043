/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/methods_codes.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/codes.h"
#include "agent/core/core.h"
#include "agent/core/glass.h"
#include "lib/base/str.h"

#define TEXT_MAX 500

/*
 * The account of the caller, whom a code may be bound to: the one who sits here, or root. Others have no
 * code.
 */
static const char *account_of(const Core *core, const char *actor)
{
	unsigned long uid =
		strncmp(actor, "user:", 5) == 0 ? strtoul(actor + 5, NULL, 10) : (unsigned long)-1;

	if (core->session.present && uid == core->session.uid)
		return core->session.user;
	return uid == 0 ? "root" : NULL;
}

static int answer(sd_bus_message *message, SkReason reason)
{
	char code[SK_REASON_CODE_SIZE];

	sk_reason_format_code(code, reason);
	return sd_bus_reply_method_return(message, "s", code);
}

static int refuse_account(sd_bus_message *message)
{
	return sd_bus_reply_method_errorf(
		message, SD_BUS_ERROR_ACCESS_DENIED, "only who sits at this PC may enter a code");
}

static bool is_action(const char *action)
{
	return sk_str_eq(action, "read") || sk_str_eq(action, "read-write");
}

int method_enter_code(Core *core, sd_bus_message *message, const char *actor)
{
	CodeEntry entry = {.actor = actor, .user = account_of(core, actor)};
	int r = sd_bus_message_read(message, "sss", &entry.text, &entry.medium, &entry.action);

	if (r < 0)
		return r;
	if (!entry.user)
		return refuse_account(message);
	if (!is_action(entry.action) || strlen(entry.text) > TEXT_MAX || !*entry.medium ||
		strlen(entry.medium) > 26)
		return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_INVALID_ARGS,
			"a code is for a medium, by its id, and for read or read-write");
	return answer(message, codes_enter(core, &entry));
}

int method_break_glass(Core *core, sd_bus_message *message, const char *actor)
{
	GlassEntry entry = {.actor = actor, .user = account_of(core, actor)};
	int r = sd_bus_message_read(message, "ss", &entry.text, &entry.reason);

	if (r < 0)
		return r;
	if (!entry.user)
		return refuse_account(message);
	if (strlen(entry.text) > TEXT_MAX || strlen(entry.reason) > TEXT_MAX)
		return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_INVALID_ARGS, "too long");
	return answer(message, glass_break(core, &entry));
}

int method_end_break_glass(Core *core, sd_bus_message *message, const char *actor)
{
	return answer(message, glass_end(core, actor));
}
