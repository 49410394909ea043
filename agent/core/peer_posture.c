/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/peer_posture.h"

#include <stdio.h>

#include "agent/core/core.h"
#include "agent/core/definitions.h"
#include "agent/core/posture.h"
#include "lib/audit/clock.h"
#include "lib/base/str.h"
#include "lib/ipc/check_posture.h"

static int on_result(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	posture_take(userdata, (const SkPostureResult *)head);
	return 0;
}

static int on_done(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	posture_round_over(userdata, (const SkPostureDone *)head);
	return 0;
}

static const SkMsgSpec specs[] = {
	{SK_POSTURE_RESULT, 0, sizeof(SkPostureResult), on_result, sk_check_posture_result},
	{SK_POSTURE_DONE, 0, sizeof(SkPostureDone), on_done, sk_check_posture_done},
	{0},
};

static bool clock_is_synchronised(void)
{
	SkAuditTime now = {0};
	char boot[33];

	if (sk_audit_clock_boot(boot) < 0)
		return false;
	sk_audit_clock_now(boot, &now);
	return now.clock && sk_str_eq(now.clock, "synchronised");
}

/* Texts of the settings are at most as long as the fields: SK_VALUE_MAX; a path that is longer is not there.
 */
static SkPostureOptions options_of(const SkSettings *settings)
{
	SkPostureOptions options = {
		.definitions_warn = (uint32_t)settings->scan.definitions_warn_days,
		.definitions_refuse = (uint32_t)settings->scan.definitions_refuse_days,
		.scan_days = (uint32_t)settings->posture.scan_max_days,
		.updates_warn = (uint32_t)settings->posture.updates_warn_days,
		.updates_fail = (uint32_t)settings->posture.updates_fail_days,
		.clock_offset = (uint32_t)settings->posture.clock_offset_msec,
		.clock_synchronised = clock_is_synchronised(),
		.refuse_bluetooth = settings->posture.bluetooth == SK_RADIO_REFUSE,
		.refuse_wireless = settings->posture.wireless == SK_RADIO_REFUSE,
	};

	sk_head_init(&options.head, SK_POSTURE_OPTIONS, sizeof(options));
	sk_str_copy(
		options.definitions[0], sizeof(options.definitions[0]), settings->scan.definitions_directory);
	sk_str_format(options.definitions[1], sizeof(options.definitions[1]), "%s" DEFINITIONS_SUFFIX,
		settings->agent.state_directory);
	sk_str_copy(options.modules_file, sizeof(options.modules_file), settings->posture.modules_file);
	sk_str_copy(
		options.allowed_modules, sizeof(options.allowed_modules), settings->posture.allowed_modules);
	sk_str_copy(options.forbidden, sizeof(options.forbidden), settings->posture.forbidden_programs);
	return options;
}

static void connected(Core *core)
{
}

/* It ends after each round; before that it is a fault. */
static void lost(Core *core)
{
	posture_round_over(core, NULL);
}

const PeerType peer_posture_type = {
	.name = "posture", .specs = specs, .connected = connected, .lost = lost, .keep = false};

int posture_begin(Core *core)
{
	const SkPostureOptions options = options_of(core->settings);

	return peer_send(&core->posture_peer, &options, NULL, 0);
}
