/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-monitor: the one process of the agent that may touch devices. See sekisho-monitor(8).
 *
 * Exit status: 0 ended by a signal or done, 1 failed, 2 wrong arguments, 159 the jail was touched.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/monitor/block.h"
#include "agent/monitor/input.h"
#include "agent/monitor/jail.h"
#include "agent/monitor/monitor.h"
#include "agent/monitor/mode.h"
#include "agent/monitor/nodes.h"
#include "agent/monitor/options.h"
#include "agent/monitor/peer_core.h"
#include "agent/monitor/probes.h"
#include "agent/monitor/uevents.h"
#include "agent/monitor/usb.h"
#include "agent/monitor/work.h"
#include "lib/base/schedule.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/log/log.h"

uint64_t monitor_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void on_probe_free(void *userdata)
{
	usb_tell_waiting(userdata);
}

static int start_loop(sd_event **ret_event)
{
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	r = sd_event_default(ret_event);
	if (r >= 0)
		r = sd_event_add_signal(*ret_event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(*ret_event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(*ret_event, true);
	return r;
}

/* What must be done while everything is still allowed: users, sockets, the library's random numbers. */
static int prepare(Monitor *monitor, const Options *options)
{
	const ProbesSettings probes = {.path = options->probe,
		.uid = options->probe_uid,
		.gid = options->probe_gid,
		.on_free = on_probe_free,
		.userdata = monitor};
	int r = sk_crypt_init();

	if (r == 0)
		r = mode_open(options->run_directory, options->conf_directory);
	if (r == 0)
		r = start_loop(&monitor->event);
	if (r >= 0)
		r = uevents_watch(monitor);
	if (r >= 0)
		r = work_new(monitor->event, monitor, &monitor->work);
	if (r >= 0)
		r = probes_new(monitor->event, &probes, &monitor->probes);
	if (r >= 0)
		r = core_listen(monitor, options->listen_fd);
	monitor->core_uid = options->core_uid;
	return r < 0 ? r : 0;
}

static int run(Monitor *monitor, const Options *options)
{
	int r = prepare(monitor, options);

	if (r < 0) {
		sk_log(LOG_ERR, "cannot start: %s", strerror(-r));
		return r;
	}
	r = monitor_jail_enter(options->probe, options->run_directory, options->also_writable);
	if (r < 0) {
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_JAIL_FAILED},
			"jail cannot be entered: %s", strerror(-r));
		return r;
	}
	/* Deny first, then look, then say that we are there. */
	usb_rescan(monitor);
	block_rescan(monitor);
	input_rescan(monitor);
	r = nodes_watch(monitor);
	if (r < 0) {
		sk_log(LOG_ERR, "/dev cannot be watched: %s", strerror(-r));
		return r;
	}
	probes_refill(monitor->probes);
	work_warm(monitor->work);
	sd_notify(0, "READY=1\nSTATUS=Watching devices.");
	r = sd_event_loop(monitor->event);
	sd_notify(0, "STOPPING=1");
	return r;
}

int main(int argc, char **argv)
{
	static Monitor monitor;
	Options options;
	int r = options_parse(argc, argv, &options);

	if (r != OPTIONS_RUN)
		return r;
	sk_log_init("sekisho-monitor");
	r = sk_schedule_first(SK_TURN_READ);
	if (r < 0)
		sk_log(LOG_INFO, "decisions may wait for other programs: %s", strerror(-r));
	/* An arena of memory for each thread would only stay behind. */
	mallopt(M_ARENA_MAX, 1);
	return run(&monitor, &options) < 0 ? 1 : 0;
}
