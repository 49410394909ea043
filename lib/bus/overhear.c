/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/bus/overhear.h"

#include <stdbool.h>

#include "lib/base/own.h"

#define own_message own_(sd_bus_message_unrefp)

/* A monitor has to say so before it connects. */
static int connect_to(sd_bus *bus, sd_bus *like)
{
	const char *address;
	int r = sd_bus_get_address(like, &address);

	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_set_monitor(bus, true);
	return r < 0 ? r : sd_bus_start(bus);
}

static int listen_for(sd_bus *bus, const char *const *rules)
{
	own_message sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(
		bus, &call, SK_BUS, "org.freedesktop.DBus.Monitoring", "BecomeMonitor");

	if (r >= 0)
		r = sd_bus_message_append_strv(call, (char **)rules);
	if (r >= 0)
		r = sd_bus_message_append(call, "u", 0);
	return r < 0 ? r : sd_bus_call(bus, call, 0, NULL, NULL);
}

int sk_bus_overhear(sd_bus *like, const char *const *rules, sd_bus_message_handler_t heard, void *userdata,
	sd_bus **ret_bus)
{
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = connect_to(bus, like);
	if (r >= 0)
		r = listen_for(bus, rules);
	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, heard, userdata);
	if (r >= 0)
		r = sd_bus_attach_event(bus, sd_bus_get_event(like), 0);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(bus, true);
	*ret_bus = r < 0 ? sd_bus_flush_close_unref(bus) : bus;
	return r;
}
