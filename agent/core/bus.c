/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/core.h"
#include "agent/core/methods.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define NAME "org.sekisho.Agent1"
#define PATH "/org/sekisho/Agent1"

/* The bus may start after us, and may be restarted under us. */
#define RETRY_USEC (2 * 1000000ULL)

struct Bus {
	sd_bus *connection;
	sd_event_source *retry;
};

sd_bus *bus_connection(const Core *core)
{
	return core->bus ? core->bus->connection : NULL;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

static void retry_later(Core *core)
{
	core->bus->retry = sd_event_source_disable_unref(core->bus->retry);
	sd_event_add_time_relative(
		core->event, &core->bus->retry, CLOCK_MONOTONIC, RETRY_USEC, RETRY_USEC / 2, on_retry, core);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	Core *core = userdata;

	session_close(core);
	sd_bus_detach_event(core->bus->connection);
	core->bus->connection = sd_bus_close_unref(core->bus->connection);
	retry_later(core);
	return 0;
}

static int on_name(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	if (sd_bus_message_is_method_error(message, NULL))
		sk_log(LOG_ERR, "the name " NAME " cannot be had: %s",
			sd_bus_message_get_error(message)->message);
	return 0;
}

static int connect_bus(Core *core)
{
	sd_bus *bus = NULL;
	int r = sd_bus_open_system(&bus);

	if (r >= 0)
		r = sd_bus_add_object_vtable(bus, NULL, PATH, NAME, methods_vtable, core);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, NULL, NULL, "/org/freedesktop/DBus/Local",
			"org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, core);
	if (r >= 0)
		r = sd_bus_request_name_async(bus, NULL, NAME, SD_BUS_NAME_REPLACE_EXISTING, on_name, core);
	if (r >= 0)
		r = sd_bus_attach_event(bus, core->event, SD_EVENT_PRIORITY_NORMAL + 10);
	if (r < 0) {
		sd_bus_close_unref(bus);
		return r;
	}
	core->bus->connection = bus;
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;

	if (connect_bus(core) < 0) {
		retry_later(core);
		return 0;
	}
	session_close(core);
	return session_open(core);
}

int bus_open(Core *core)
{
	int r;

	core->bus = calloc(1, sizeof(*core->bus));
	if (!core->bus)
		return -ENOMEM;
	r = connect_bus(core);
	if (r < 0) {
		sk_log(LOG_NOTICE, "no system bus yet (%s): enforcing without it", strerror(-r));
		retry_later(core);
	}
	return 0;
}

void bus_close(Core *core)
{
	if (!core->bus)
		return;
	sd_event_source_disable_unref(core->bus->retry);
	if (core->bus->connection) {
		sd_bus_flush(core->bus->connection);
		sd_bus_detach_event(core->bus->connection);
		sd_bus_close_unref(core->bus->connection);
	}
	free(core->bus);
	core->bus = NULL;
}

void bus_emit_progress(Core *core, const char *volume, const char *step, uint32_t percent)
{
	if (bus_connection(core))
		sd_bus_emit_signal(
			bus_connection(core), PATH, NAME, "Progress", "ssu", volume, step, percent);
}

void bus_emit_recorded(Core *core, uint64_t seq, const char *kind, SkReason code)
{
	char text[SK_REASON_CODE_SIZE] = "";

	if (code)
		sk_reason_format_code(text, code);
	if (bus_connection(core))
		sd_bus_emit_signal(bus_connection(core), PATH, NAME, "Recorded", "tss", seq, kind, text);
}
