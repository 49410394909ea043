/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bluetooth: keyboards, headsets and telephones connect by it past the USB rules. */
#include "agent/posture/checks/checks.h"
#include "agent/posture/radio.h"

static void run(const Posture *posture, PostureResult *result)
{
	static const char *const types[] = {"bluetooth", NULL}, *const classes[] = {
									"/sys/class/bluetooth", NULL};
	const RadioKind kind = {.types = types, .classes = classes, .code = SK_POSTURE_BLUETOOTH_ON};

	radio_judge(posture, &kind, posture->options->refuse_bluetooth, result);
}

static const char *const paths[] = {"/sys", NULL};

const PostureCheck check_bluetooth = {.id = "bluetooth", .requirement = "DEV-2", .paths = paths, .run = run};
