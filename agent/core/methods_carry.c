/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/methods_carry.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/carry.h"
#include "agent/core/core.h"
#include "agent/core/preparing.h"
#include "lib/base/str.h"

#define TEXT_MAX 300

static void answer(void *userdata, SkReason reason, const char *detail)
{
	sd_bus_message *message = userdata;
	char code[SK_REASON_CODE_SIZE];

	sk_reason_format_code(code, reason);
	sd_bus_reply_method_return(message, "ss", code, detail);
	sd_bus_message_unref(message);
}

/* Only who sits here has media here; root does it for him. */
static bool is_at_the_desk(const Core *core, const char *actor)
{
	unsigned long uid =
		strncmp(actor, "user:", 5) == 0 ? strtoul(actor + 5, NULL, 10) : (unsigned long)-1;

	return core->session.present && (uid == core->session.uid || uid == 0);
}

static int refuse_actor(sd_bus_message *message)
{
	return sd_bus_reply_method_errorf(
		message, SD_BUS_ERROR_ACCESS_DENIED, "only who sits at this PC may do this");
}

static int refuse_words(sd_bus_message *message)
{
	return sd_bus_reply_method_errorf(
		message, SD_BUS_ERROR_INVALID_ARGS, "no such mode, or too long a text");
}

int method_open_medium(Core *core, sd_bus_message *message, const char *actor)
{
	CarryOrder order = {.done = answer, .userdata = message};
	const char *mode;
	int r = sd_bus_message_read(message, "ssh", &order.volume, &mode, &order.passphrase_fd);

	if (r < 0)
		return r;
	if (!is_at_the_desk(core, actor))
		return refuse_actor(message);
	order.writing = sk_str_eq(mode, "read-write");
	if ((!order.writing && !sk_str_eq(mode, "read")) || strlen(order.volume) > TEXT_MAX)
		return refuse_words(message);
	sd_bus_message_ref(message);
	carry_open(core, &order);
	return 1;
}

int method_prepare_medium(Core *core, sd_bus_message *message, const char *actor)
{
	PreparingOrder order = {.done = answer, .userdata = message};
	const char *mode;
	int r = sd_bus_message_read(
		message, "ssssh", &order.volume, &order.medium, &mode, &order.confirm, &order.passphrase_fd);

	if (r < 0)
		return r;
	if (!is_at_the_desk(core, actor))
		return refuse_actor(message);
	order.portable = sk_str_eq(mode, "portable");
	if ((!order.portable && !sk_str_eq(mode, "bound")) || strlen(order.volume) > TEXT_MAX ||
		strlen(order.medium) > TEXT_MAX || strlen(order.confirm) > TEXT_MAX)
		return refuse_words(message);
	sd_bus_message_ref(message);
	preparing_start(core, &order);
	return 1;
}
