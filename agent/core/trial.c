/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/glass.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/records.h"
#include "agent/core/volumes.h"
#include "agent/core/screen.h"
#include "agent/core/sign_in.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define STATE_FILE "trial"
/* A root helper (sekisho-boot) watches this file: while it exists, the next boot begins with denied devices.
 */
#define BOOT_FILE "enforce-at-boot"

/* A trial says nothing about the next boot before it is confirmed. */
static bool enforces_for_good(SkMode mode, TrialState state)
{
	return mode == SK_MODE_ENFORCE || (mode == SK_MODE_LEARN && state == TRIAL_CONFIRMED);
}

static int open_state_directory(const Core *core)
{
	int fd = open(core->settings->agent.state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Only when it differs: each writing wakes the helper. */
static int wish_boot(Core *core, int dir_fd, TrialState state)
{
	bool wanted = enforces_for_good(core->settings->agent.mode, state);
	int r = 0;

	if (wanted == (faccessat(dir_fd, BOOT_FILE, F_OK, 0) == 0))
		return 0;
	if (wanted)
		r = sk_io_replace_file_at(dir_fd, BOOT_FILE, 0640, "1\n", 2);
	else if (unlinkat(dir_fd, BOOT_FILE, 0) < 0)
		r = -errno;
	if (r == 0)
		record_write(core,
			&(Record){.kind = "boot.changed", .body = json_pack("{s:b}", "denies", wanted)});
	return r;
}

static int save(Core *core, TrialState state, uint64_t until)
{
	static const char *const words[] = {"learn", "trial", "enforce"};
	own_fd int dir_fd = open_state_directory(core);
	char text[64];
	int r;

	if (dir_fd < 0)
		return dir_fd;
	sk_str_format(text, sizeof(text), "%s %llu\n", words[state], (unsigned long long)until);
	r = sk_io_replace_file_at(dir_fd, STATE_FILE, 0640, text, strlen(text));
	return r < 0 ? r : wish_boot(core, dir_fd, state);
}

/* What the new mode means for what is plugged in now. */
void trial_mode_changed(Core *core)
{
	monitor_send_mode(core);
	screen_tell_limits(core);
	sign_in_hours_changed(core);
	devices_decide_all(core);
	volumes_decide_all(core);
}

static int on_end(sd_event_source *source, uint64_t usec, void *userdata);

static int arm(Core *core)
{
	Trial *trial = &core->trial;

	trial->timer = sd_event_source_disable_unref(trial->timer);
	if (trial->state != TRIAL_RUNNING)
		return 0;
	return sd_event_add_time(
		core->event, &trial->timer, CLOCK_REALTIME, trial->until * 1000000ULL, 1000000, on_end, core);
}

static int enter(Core *core, TrialState state, uint64_t until, const Record *record)
{
	int r = save(core, state, until);

	if (r < 0) {
		json_decref(record->body);
		return r;
	}
	core->trial.state = state;
	core->trial.until = until;
	record_write(core, record);
	r = arm(core);
	trial_mode_changed(core);
	return r;
}

static int on_end(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;

	/* Also when the state cannot be saved: the end is in the file, the next start rolls back as well. */
	if (enter(core, TRIAL_NONE, 0, &(Record){.kind = "trial.rolled-back", .code = SK_TRIAL_ROLLED_BACK}) <
		0) {
		core->trial.state = TRIAL_NONE;
		trial_mode_changed(core);
	}
	return 0;
}

static void parse(Trial *trial, const char *text)
{
	unsigned long long until = 0;
	char word[16] = "";

	if (sscanf(text, "%15s %llu", word, &until) < 1)
		return;
	if (sk_str_eq(word, "enforce"))
		trial->state = TRIAL_CONFIRMED;
	else if (sk_str_eq(word, "trial"))
		trial->state = TRIAL_RUNNING;
	trial->until = until;
}

int trial_open(Core *core)
{
	own_fd int dir_fd = open_state_directory(core);
	own_free char *text = NULL;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	r = sk_io_read_file_at(dir_fd, STATE_FILE, 256, &text, NULL);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		parse(&core->trial, text);
	if (core->trial.state == TRIAL_RUNNING && core->trial.until <= (uint64_t)time(NULL)) {
		on_end(NULL, 0, core);
		return 0;
	}
	/* The settings may be others than at the last end; that the disk takes nothing hinders nobody. */
	r = wish_boot(core, dir_fd, core->trial.state);
	if (r < 0)
		sk_log(LOG_ERR, "%s/%s: %s: the next boot begins as the last one did",
			core->settings->agent.state_directory, BOOT_FILE, strerror(-r));
	return arm(core);
}

int trial_settings_changed(Core *core)
{
	own_fd int dir_fd = open_state_directory(core);

	return dir_fd < 0 ? dir_fd : wish_boot(core, dir_fd, core->trial.state);
}

bool trial_enforced_at_boot(const Core *core)
{
	own_fd int dir_fd = open_state_directory(core);

	return dir_fd >= 0 && faccessat(dir_fd, BOOT_FILE, F_OK, 0) == 0;
}

void trial_close(Core *core)
{
	core->trial.timer = sd_event_source_disable_unref(core->trial.timer);
}

SkMode trial_mode(const Core *core)
{
	SkMode mode = core->settings->agent.mode;

	if (mode == SK_MODE_LEARN && core->trial.state != TRIAL_NONE)
		mode = SK_MODE_ENFORCE;
	/* In an emergency nothing is refused, and everything is told. */
	return mode == SK_MODE_ENFORCE && glass_is_broken(core) ? SK_MODE_WARN : mode;
}

int trial_start(Core *core, uint64_t seconds, const char *actor)
{
	uint64_t until = (uint64_t)time(NULL) + seconds;

	if (core->trial.state != TRIAL_NONE)
		return -EALREADY;
	return enter(core, TRIAL_RUNNING, until,
		&(Record){.kind = "trial.started",
			.actor = actor,
			.code = SK_TRIAL_STARTED,
			.body = json_pack("{s:I}", "until", (json_int_t)until)});
}

int trial_confirm(Core *core, const char *actor)
{
	if (core->trial.state != TRIAL_RUNNING)
		return -ENOENT;
	return enter(core, TRIAL_CONFIRMED, 0,
		&(Record){.kind = "trial.confirmed", .actor = actor, .code = SK_TRIAL_CONFIRMED});
}

int trial_cancel(Core *core, const char *actor)
{
	if (core->trial.state == TRIAL_NONE)
		return -EALREADY;
	return enter(core, TRIAL_NONE, 0,
		&(Record){.kind = "trial.cancelled", .actor = actor, .code = SK_TRIAL_ROLLED_BACK});
}
