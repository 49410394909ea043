/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/reload.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/rules.h"
#include "agent/core/screen.h"
#include "agent/core/sign_in.h"
#include "agent/core/volumes.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* The directories of state and records stay those of the start: a running log does not move. */
static int swap_settings(Core *core, char **ret_errors)
{
	own_settings SkSettings *settings = NULL;
	char *directory;
	int r = sk_settings_load_overlaid(
		core->conf_directory, console_settings(core), &settings, ret_errors);

	if (r < 0) {
		record_write(core, &(Record){.kind = "settings.refused",
					   .code = SK_SETTINGS_BAD,
					   .body = json_pack("{s:s?}", "errors", *ret_errors)});
		return r;
	}
	directory = settings->agent.state_directory;
	settings->agent.state_directory = core->settings->agent.state_directory;
	core->settings->agent.state_directory = directory;
	own_settings SkSettings *before = own_take(core->settings);

	core->settings = own_take(settings);
	scanner_settings_changed(core, before);
	return 0;
}

void reload_console_settings(Core *core)
{
	char *errors = NULL;

	if (console_settings(core))
		swap_settings(core, &errors);
	free(errors);
}

static int load_settings(Core *core, char **ret_errors)
{
	int r = swap_settings(core, ret_errors);

	if (r < 0)
		return r;
	r = trial_settings_changed(core);
	if (r < 0 && asprintf(ret_errors, "%s: how the next boot begins cannot be written: %s\n",
			     core->settings->agent.state_directory, strerror(-r)) < 0)
		*ret_errors = NULL;
	return r;
}

int reload(Core *core, char **ret_errors)
{
	int r = load_settings(core, ret_errors);

	if (r == 0)
		r = rules_load(core, ret_errors);
	if (r < 0)
		return r;
	monitor_send_mode(core);
	screen_tell_limits(core);
	sign_in_hours_changed(core);
	uplink_tell_options(core);
	devices_decide_all(core);
	volumes_decide_all(core);
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	char *errors = NULL;

	reload(userdata, &errors);
	free(errors);
	return 0;
}

int reload_watch_signal(Core *core)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sd_event_add_signal(core->event, NULL, SIGHUP, on_hangup, core);
}
