/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/status.h"

#include <time.h>

#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/definitions.h"
#include "agent/core/devices.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/posture.h"
#include "agent/core/records.h"
#include "agent/core/rules.h"
#include "agent/core/screen.h"
#include "agent/core/seal.h"
#include "agent/core/volumes.h"
#include "config.h"
#include "lib/audit/clock.h"

static json_t *scanner_to_json(const Core *core)
{
	static const char *const names[] = {"loading", "ready", "no-definitions"};
	const SkScannerState *state = &core->scanner_state;

	if (!core->scanner_told)
		return json_pack("{s:s}", "state", core->scanner.chan ? "starting" : "asleep");
	return json_pack("{s:s, s:I, s:I, s:s}", "state", names[state->state], "signatures",
		(json_int_t)state->signatures, "definitions_time", (json_int_t)state->definitions_time,
		"detail", state->detail);
}

static json_t *trial_to_json(const Core *core)
{
	static const char *const names[] = {"none", "running", "confirmed"};

	return json_pack(
		"{s:s, s:I}", "state", names[core->trial.state], "until", (json_int_t)core->trial.until);
}

static json_t *records_to_json(const Core *core)
{
	SkAuditHead head = {0};
	SkAuditSpace space = {0};

	if (records_audit(core)) {
		sk_audit_get_head(records_audit(core), &head);
		sk_audit_get_space(records_audit(core), &space);
	}
	return json_pack("{s:b, s:I, s:s, s:I}", "working", records_work(core), "last", (json_int_t)head.seq,
		"hash", head.hash, "free_bytes", (json_int_t)space.free);
}

json_t *status_to_json(Core *core)
{
	return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:I, s:I, s:I, s:s, s:b, s:I, s:I, s:o, s:s}",
		"version", SK_VERSION, "mode", sk_mode_name(trial_mode(core)), "trial", trial_to_json(core),
		"monitor", core->monitor.chan != NULL, "scanner", scanner_to_json(core), "records",
		records_to_json(core), "rules", (json_int_t)rules_count(core), "rules_generation",
		(json_int_t)rules_generation(core), "rule_warnings", (json_int_t)rules_warnings(core), "user",
		core->session.present ? core->session.user : "", "screen_locked", core->session.locked,
		"devices", (json_int_t)HASH_COUNT(core->devices), "volumes",
		(json_int_t)HASH_COUNT(core->volumes), "console", console_to_json(core), "seal_key",
		seal_place(core));
}

static const char *scanner_name(const Core *core)
{
	static const char *const names[] = {"loading", "ready", "no-definitions"};

	return core->scanner_told ? names[core->scanner_state.state] : "asleep";
}

/*
 * When the definitions were made: as the scanner said, which has looked at all there are; while it sleeps,
 * what came from the console. null when neither is known.
 */
static json_t *definitions_time(const Core *core)
{
	int64_t built = core->scanner_told ? core->scanner_state.definitions_time : definitions_built(core);

	return built > 0 ? json_integer((json_int_t)built) : json_null();
}

json_t *status_for_console(Core *core)
{
	SkAuditHead head = {0};
	SkAuditSpace space = {0};
	SkAuditTime now = {0};
	char boot[33];

	if (records_audit(core)) {
		sk_audit_get_head(records_audit(core), &head);
		sk_audit_get_space(records_audit(core), &space);
	}
	if (sk_audit_clock_boot(boot) == 0)
		sk_audit_clock_now(boot, &now);
	return json_pack(
		"{s:s, s:s, s:b, s:s, s:o, s:b, s:I, s:I, s:I, s:s, s:I, s:I, s:b, s:s*, s:o*, s:o*}",
		"version", SK_VERSION, "mode", sk_mode_name(trial_mode(core)), "monitor",
		core->monitor.chan != NULL, "scanner", scanner_name(core), "definitionsTime",
		definitions_time(core), "recordsWork", records_work(core), "lastRecord", (json_int_t)head.seq,
		"freeBytes", (json_int_t)space.free, "rules", (json_int_t)rules_count(core), "clock",
		now.clock ? now.clock : "unknown", "devices", (json_int_t)HASH_COUNT(core->devices), "media",
		(json_int_t)HASH_COUNT(core->volumes), "screenLocked", core->session.locked, "keyKind",
		uplink_key_kind(), "posture", posture_for_console(core), "lock", screen_for_console(core));
}
