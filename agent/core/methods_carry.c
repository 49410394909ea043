/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/methods_carry.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/carry.h"
#include "agent/core/core.h"
#include "agent/core/erasing.h"
#include "agent/core/follow.h"
#include "agent/core/handover.h"
#include "agent/core/losses.h"
#include "agent/core/preparing.h"
#include "agent/core/rekeying.h"
#include "lib/base/str.h"

#define TEXT_MAX 300
#define LOSS_MEDIUM_MAX 60

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

int method_inspect_medium(Core *core, sd_bus_message *message, const char *actor)
{
	const char *volume;
	int r = sd_bus_message_read(message, "s", &volume);

	if (r < 0)
		return r;
	if (!is_at_the_desk(core, actor))
		return refuse_actor(message);
	sd_bus_message_ref(message);
	follow_inspect(core, volume, answer, message);
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

int method_hand_over(Core *core, sd_bus_message *message, const char *actor)
{
	HandoverOrder order = {.done = answer, .userdata = message};
	int r = sd_bus_message_read(message, "ssshh", &order.volume, &order.medium, &order.confirm,
		&order.files_fd, &order.passphrase_fd);

	if (r < 0)
		return r;
	if (!is_at_the_desk(core, actor))
		return refuse_actor(message);
	if (strlen(order.volume) > TEXT_MAX || strlen(order.medium) > TEXT_MAX ||
		strlen(order.confirm) > TEXT_MAX)
		return refuse_words(message);
	sd_bus_message_ref(message);
	handover_start(core, &order);
	return 1;
}

int method_rekey_medium(Core *core, sd_bus_message *message, const char *actor)
{
	static const char *const words[SK_LUKS_REKEY_MAX_] = {"passphrase", "both", "recovery"};
	RekeyingOrder order = {.how = SK_LUKS_REKEY_MAX_, .done = answer, .userdata = message};
	const char *how;
	int r = sd_bus_message_read(
		message, "sshh", &order.volume, &how, &order.secret_fd, &order.passphrase_fd);

	if (r < 0)
		return r;
	if (!is_at_the_desk(core, actor))
		return refuse_actor(message);
	for (uint32_t i = 0; i < SK_LUKS_REKEY_MAX_; i++)
		if (sk_str_eq(how, words[i]))
			order.how = i;
	if (order.how == SK_LUKS_REKEY_MAX_ || strlen(order.volume) > TEXT_MAX)
		return refuse_words(message);
	sd_bus_message_ref(message);
	rekeying_start(core, &order);
	return 1;
}

int method_retire_medium(Core *core, sd_bus_message *message, const char *actor)
{
	ErasingOrder order = {.done = answer, .userdata = message};
	int r = sd_bus_message_read(message, "ss", &order.volume, &order.confirm);

	if (r < 0)
		return r;
	if (!is_at_the_desk(core, actor))
		return refuse_actor(message);
	if (strlen(order.volume) > TEXT_MAX || strlen(order.confirm) > TEXT_MAX)
		return refuse_words(message);
	sd_bus_message_ref(message);
	erasing_start(core, &order);
	return 1;
}

int method_report_lost(Core *core, sd_bus_message *message, const char *actor)
{
	LossOrder order = {.user = core->session.present ? core->session.user : "",
		.actor = actor,
		.done = answer,
		.userdata = message};
	int r = sd_bus_message_read(message, "ss", &order.medium, &order.text);

	if (r < 0)
		return r;
	if (!*order.medium || strlen(order.medium) > LOSS_MEDIUM_MAX || strlen(order.text) > TEXT_MAX)
		return refuse_words(message);
	sd_bus_message_ref(message);
	losses_report(core, &order);
	return 1;
}
