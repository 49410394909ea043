/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wireless networks, of the house and of telephone companies. */
#include "agent/posture/checks/checks.h"
#include "agent/posture/radio.h"

static void run(const Posture *posture, PostureResult *result)
{
	static const char *const types[] = {"wlan", "wwan", "wimax", NULL}, *const classes[] = {
										    "/sys/class/ieee80211",
										    "/sys/class/wwan", NULL};
	const RadioKind kind = {.types = types, .classes = classes, .code = SK_POSTURE_WIRELESS_ON};

	radio_judge(posture, &kind, posture->options->refuse_wireless, result);
}

static const char *const paths[] = {"/sys", NULL};

const PostureCheck check_wireless = {.id = "wireless", .requirement = "DEV-2", .paths = paths, .run = run};
