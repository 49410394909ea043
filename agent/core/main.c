/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekishod: starts, reads settings, goes to jail, opens its parts, runs the loop.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "agent/core/burning.h"
#include "agent/core/bus.h"
#include "agent/core/codes.h"
#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/follow.h"
#include "agent/core/slip_key.h"
#include "agent/core/slip_store.h"
#include "agent/core/definitions.h"
#include "agent/core/devices.h"
#include "agent/core/glass.h"
#include "agent/core/grants.h"
#include "agent/core/handover.h"
#include "agent/core/history.h"
#include "agent/core/input.h"
#include "agent/core/leases.h"
#include "agent/core/losses.h"
#include "agent/core/outbox.h"
#include "agent/core/jail.h"
#include "agent/core/mounting.h"
#include "agent/core/mounts.h"
#include "agent/core/peer_media.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/posture.h"
#include "agent/core/records.h"
#include "agent/core/reload.h"
#include "agent/core/retired.h"
#include "agent/core/rules.h"
#include "agent/core/screen.h"
#include "agent/core/seal.h"
#include "agent/core/seal_tpm.h"
#include "agent/core/sign_in.h"
#include "agent/core/stop.h"
#include "config.h"
#include "lib/base/schedule.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/log/log.h"

/* In this order, and closed in the other: what comes later uses what came before. */
static int open_parts(Core *core)
{
	char *errors = NULL;
	int r = records_open(core);

	if (r == 0)
		r = console_open(core);
	if (r == 0)
		r = outbox_open(core);
	if (r == 0) {
		definitions_open(core);
		r = grants_open(core);
	}
	if (r == 0)
		r = seal_open(core);
	if (r == 0)
		r = losses_open(core);
	if (r == 0)
		r = leases_open(core);
	if (r == 0)
		r = codes_open(core);
	if (r == 0)
		r = glass_open(core);
	if (r == 0)
		r = history_open(core);
	if (r == 0)
		r = slip_key_open(core);
	if (r == 0)
		r = slip_store_open(core);
	if (r == 0)
		r = bus_open(core);
	if (r == 0)
		r = session_open(core);
	if (r == 0)
		r = sign_in_open(core);
	if (r < 0)
		return r;
	record_write(core, &(Record){.kind = "agent.started",
				   .code = SK_AGENT_STARTED,
				   .body = json_pack("{s:s}", "version", SK_VERSION)});
	reload_console_settings(core);
	rules_load(core, &errors); /* a bad file is recorded; the agent runs and refuses */
	free(errors);
	if (!core->rules)
		return -ENOMEM;
	r = trial_open(core);
	if (r < 0)
		return r;
	mounts_adopt(core);
	follow_adopt(core);
	r = posture_open(core);
	if (r < 0)
		return r;
	r = screen_open(core);
	if (r < 0)
		return r;
	sign_in_hours_changed(core);
	peer_ensure(&core->monitor);
	return uplink_open(core);
}

static void close_parts(Core *core)
{
	if (core->records)
		record_write(core, &(Record){.kind = "agent.stopped", .code = SK_AGENT_STOPPED});
	handover_close(core);
	volumes_close(core);
	retired_close();
	if (core->records)
		records_sync(core); /* while there is a bus to tell */
	devices_forget_all(core);
	input_forget_all(core);
	peer_deinit(&core->monitor);
	peer_deinit(&core->scanner);
	peer_deinit(&core->media);
	uplink_close(core);
	posture_close(core);
	sign_in_close(core);
	screen_close(core);
	orders_deinit(&core->orders);
	trial_close(core);
	session_close(core);
	rules_close(core);
	bus_close(core);
	slip_store_close(core);
	history_close(core);
	definitions_close(core);
	glass_close(core);
	codes_close(core);
	leases_close(core);
	losses_close(core);
	slip_key_close(core);
	seal_close(core);
	grants_close(core);
	outbox_close(core);
	console_close(core);
	records_close(core);
	sk_settings_free(core->settings);
}

static int run(Core *core)
{
	int r = sd_event_default(&core->event);

	if (r < 0)
		return r;
	sd_event_set_watchdog(core->event, true);
	peer_init(&core->monitor, core, &peer_monitor_type);
	peer_init(&core->scanner, core, &peer_scanner_type);
	peer_init(&core->media, core, &peer_media_type);
	peer_init(&core->uplink, core, &peer_uplink_type);
	peer_init(&core->posture_peer, core, &peer_posture_type);
	peer_init(&core->pack, core, &peer_pack_type);
	peer_init(&core->burn, core, &peer_burn_type);
	peer_init(&core->lock, core, &peer_lock_type);
	r = core_jail_enter(core->settings->agent.state_directory);
	if (r < 0) {
		sk_log_event(&(SkLogEvent){.priority = LOG_CRIT, .id = SK_MESSAGE_JAIL_FAILED},
			"the jail cannot be entered: %s", strerror(-r));
		return r;
	}
	r = stop_watch_signals(core);
	if (r == 0)
		r = reload_watch_signal(core);
	if (r == 0)
		r = open_parts(core);
	if (r == 0) {
		sd_notify(0, "READY=1");
		r = sd_event_loop(core->event);
	}
	sd_notify(0, "STOPPING=1");
	close_parts(core);
	sd_event_unref(core->event);
	return r;
}

static int load_settings(Core *core)
{
	char *errors = NULL;
	int r = sk_settings_load(core->conf_directory, &core->settings, &errors);

	if (r < 0) {
		/* The first start has none in force before: those of the package are. But what denies stays.
		 */
		sk_log_event(&(SkLogEvent){.priority = LOG_ALERT, .id = SK_MESSAGE_SETTINGS_BAD},
			"the settings are wrong, the defaults are in force:\n%s",
			errors ? errors : strerror(-r));
		r = sk_settings_new(&core->settings);
		if (r == 0 && trial_enforced_at_boot(core))
			core->settings->agent.mode = SK_MODE_ENFORCE;
	}
	free(errors);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"tpm", required_argument, NULL, 't'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	Core core = {.conf_directory = SK_CONFDIR};
	const char *tpm = SK_TPM_HERE;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'V') {
			puts("sekishod " SK_VERSION);
			return 0;
		}
		if (option != 'c' && option != 't') {
			fprintf(stderr, "Usage: sekishod [--config DIRECTORY] [--tpm TPM]\n");
			return 2;
		}
		*(option == 'c' ? &core.conf_directory : &tpm) = optarg;
	}
	sk_log_init("sekishod");
	r = sk_schedule_first(SK_TURN_DECIDE);
	if (r < 0)
		sk_log(LOG_INFO, "decisions may wait for other programs: %s", strerror(-r));
	r = sk_crypt_init();
	core.tpm_fd = seal_tpm_fork(tpm);
	if (core.tpm_fd < 0)
		sk_log(LOG_ERR, "there is no helper for the TPM: %s", strerror(-core.tpm_fd));
	if (r == 0)
		r = load_settings(&core);
	if (r == 0)
		r = run(&core);
	if (r < 0)
		sk_log(LOG_CRIT, "sekishod ends: %s", strerror(-r));
	return r < 0 ? 1 : 0;
}
