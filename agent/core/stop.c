/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/stop.h"

#include <signal.h>

#include "agent/core/bus.h"
#include "agent/core/core.h"
#include "agent/core/mounting.h"
#include "agent/core/peer_media.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define UNIT_PATH "/org/freedesktop/systemd1/unit/sekishod_2eservice"
#define UNMOUNT_USEC (3 * 1000000ULL)
#define LOOK_USEC 20000

/* Is systemd about to start us again? Whatever cannot be found out counts as no: closed. */
static bool is_restart(Core *core)
{
	sd_bus_message *reply = NULL;
	const char *path = NULL;
	char *type = NULL;
	uint32_t id = 0;
	bool restart = false;

	if (!bus_connection(core) ||
		sd_bus_get_property(bus_connection(core), "org.freedesktop.systemd1", UNIT_PATH,
			"org.freedesktop.systemd1.Unit", "Job", NULL, &reply, "(uo)") < 0)
		return false;
	if (sd_bus_message_read(reply, "(uo)", &id, &path) >= 0 && id != 0 &&
		sd_bus_get_property_string(bus_connection(core), "org.freedesktop.systemd1", path,
			"org.freedesktop.systemd1.Job", "JobType", NULL, &type) >= 0)
		restart = sk_str_eq(type, "restart") || sk_str_eq(type, "try-restart");
	free(type);
	sd_bus_message_unref(reply);
	return restart;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;

	if (media_is_idle(core))
		return sd_event_exit(core->event, 0);
	sd_event_source_set_time_relative(source, LOOK_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_too_long(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;

	sk_log(LOG_ERR, "sekisho-media did not unmount in time");
	return sd_event_exit(core->event, 0);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	Core *core = userdata;

	if (is_restart(core))
		return sd_event_exit(core->event, 0);
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->state == VOLUME_MOUNTED) {
			mounting_detach(core, volume);
			volume->state = VOLUME_EJECTED;
		}
	sd_event_add_time_relative(core->event, NULL, CLOCK_MONOTONIC, UNMOUNT_USEC, 0, on_too_long, core);
	return sd_event_add_time_relative(core->event, NULL, CLOCK_MONOTONIC, 0, 0, on_look, core);
}

int stop_watch_signals(Core *core)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r = sd_event_add_signal(core->event, NULL, SIGTERM, on_terminate, core);
	return r < 0 ? r : sd_event_add_signal(core->event, NULL, SIGINT, on_terminate, core);
}
