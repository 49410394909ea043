/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/peer_scanner.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/gates.h"
#include "agent/core/handover.h"
#include "agent/core/history.h"
#include "agent/core/records.h"
#include "agent/core/trust.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/check.h"

#define SCANNER_GROUP "sekisho-scan"
#define DAY_USEC (86400 * 1000000ULL)

gid_t scanner_group(void)
{
	const struct group *group = getgrnam(SCANNER_GROUP);

	return group ? group->gr_gid : (gid_t)-1;
}

static void record_state(Core *core, const SkScannerState *state)
{
	static const char *const names[] = {"loading", "ready", "no-definitions"};

	record_write(core,
		&(Record){.kind = "scanner.state",
			.code = state->state == SK_SCANNER_NO_DEFINITIONS ? SK_MEDIUM_DEFINITIONS_MISSING
									  : SK_REASON_NONE,
			.body = json_pack("{s:s, s:I, s:I, s:s}", "state", names[state->state], "signatures",
				(json_int_t)state->signatures, "definitions_time",
				(json_int_t)state->definitions_time, "detail", state->detail)});
}

static int on_state(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkScannerState *state = (const SkScannerState *)message;
	Core *core = userdata;
	bool news = !core->scanner_told || core->scanner_state.state != state->state;

	core->scanner_state = *state;
	sk_utf8_escape(core->scanner_state.detail, sizeof(core->scanner_state.detail), state->detail,
		strlen(state->detail));
	core->scanner_told = true;
	if (n_fds == 1)
		trust_scanner(core, fds[0]);
	if (news && state->state != SK_SCANNER_LOADING)
		record_state(core, &core->scanner_state);
	if (state->state == SK_SCANNER_READY && state->definitions_version != core->definitions_version) {
		core->definitions_version = state->definitions_version;
		gates_forget_all(core);
		volumes_cause_gone(core, SK_MEDIUM_DEFINITIONS_MISSING);
		volumes_cause_gone(core, SK_MEDIUM_DEFINITIONS_OLD);
	}
	volumes_advance_all(core);
	return 0;
}

/* Only what does not depend on the rules is remembered: a type is found again in no time. */
static int on_lookup(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkScanLookup *lookup = (const SkScanLookup *)message;
	Core *core = userdata;
	HistoryVerdict verdict;
	SkScanKnown known = {.verdict = SK_VERDICT_NONE};

	if (history_find_verdict(
		    core->history, lookup->sha256, core->scanner_state.definitions_version, &verdict)) {
		known.verdict = verdict.verdict;
		known.type = verdict.type;
		memcpy(known.finding, verdict.finding, sizeof(known.finding));
	}
	sk_head_init(&known.head, SK_SCAN_KNOWN, sizeof(known));
	known.head.cookie = message->cookie;
	peer_send(&core->scanner, &known, NULL, 0);
	return 0;
}

static void remember(Core *core, const SkScanResult *result)
{
	HistoryVerdict verdict = {.verdict = result->verdict, .type = result->type};

	if (result->remembered ||
		(result->verdict != SK_VERDICT_CLEAN && result->verdict != SK_VERDICT_INFECTED))
		return;
	sk_utf8_escape(verdict.finding, sizeof(verdict.finding), result->finding, strlen(result->finding));
	history_keep_verdict(
		core->history, result->sha256, core->scanner_state.definitions_version, &verdict);
}

static int on_result(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkScanResult *result = (const SkScanResult *)message;
	Core *core = userdata;

	remember(core, result);
	if (!handover_result(core, result))
		gates_result(core, result);
	return 0;
}

static int on_walk_done(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	gates_walk_done(userdata, (const SkScanWalkDone *)message);
	return 0;
}

static const SkMsgSpec specs[] = {
	{SK_SCAN_STATE, SK_CHAN_FDS_UP_TO | 1, sizeof(SkScannerState), on_state, sk_check_scanner_state},
	{SK_SCAN_LOOKUP, 0, sizeof(SkScanLookup), on_lookup},
	{SK_SCAN_RESULT, 0, sizeof(SkScanResult), on_result, sk_check_scan_result},
	{SK_SCAN_WALK_DONE, 0, sizeof(SkScanWalkDone), on_walk_done, sk_check_scan_walk_done},
	{0},
};

static SkScanOptions scan_options(const SkSettings *settings)
{
	SkScanOptions options = {
		.max_file_size = settings->scan.max_file_size,
		.max_scan_size = settings->scan.max_scan_size,
		.file_time_usec = settings->scan.file_time_sec * 1000000ULL,
		.idle_usec = settings->scan.idle_sec * 1000000ULL,
		.max_recursion = (uint32_t)settings->scan.max_archive_depth,
		.max_files = (uint32_t)settings->scan.max_archive_files,
		.workers = (uint32_t)settings->scan.workers,
	};

	sk_head_init(&options.head, SK_SCAN_OPTIONS, sizeof(options));
	return options;
}

static void connected(Core *core)
{
	SkScanOptions options = scan_options(core->settings);

	peer_send(&core->scanner, &options, NULL, 0);
	gates_scanner_connected(core);
}

/* It exits when idle, which is no fault. */
static void lost(Core *core)
{
	bool busy = gates_are_busy(core);

	core->scanner_told = false;
	trust_nobody(core);
	if (busy)
		record_write(core, &(Record){.kind = "scanner.lost", .code = SK_SCANNER_RESTARTED});
	gates_scanner_lost(core);
	handover_scanner_lost(core);
}

const PeerType peer_scanner_type = {
	.name = "scanner", .specs = specs, .connected = connected, .lost = lost, .keep = false};

int scanner_ensure(Core *core)
{
	int r = peer_ensure(&core->scanner);

	/* Somebody waits for it: a medium, or a person with a file. */
	if (r < 0)
		scanner_retry(core);
	return r;
}

void scanner_settings_changed(Core *core, const SkSettings *before)
{
	SkScanOptions was = scan_options(before), is = scan_options(core->settings);

	/* The next one reads by itself where the definitions are. */
	if (memcmp(&was, &is, sizeof(is)) != 0 ||
		!sk_str_eq(before->scan.definitions_directory, core->settings->scan.definitions_directory))
		peer_drop(&core->scanner);
}

void scanner_retry(Core *core)
{
	peer_retry(&core->scanner);
}

void scanner_cancel(Core *core, uint64_t volume)
{
	SkScanCancel cancel = {.volume = volume};

	if (!core->scanner.chan)
		return;
	sk_head_init(&cancel.head, SK_SCAN_CANCEL, sizeof(cancel));
	peer_send(&core->scanner, &cancel, NULL, 0);
}

void scanner_warn_of_age(Core *core, int64_t age_days)
{
	static uint64_t told_usec;
	uint64_t now;

	sd_event_now(core->event, CLOCK_BOOTTIME, &now);
	if (told_usec && now - told_usec < DAY_USEC)
		return;
	told_usec = now;
	record_write(core, &(Record){.kind = "definitions.ageing",
				   .code = SK_DEFINITIONS_AGEING,
				   .body = json_pack("{s:I}", "age_days", (json_int_t)age_days)});
}
