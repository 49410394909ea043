/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/timesync.h"

#include <errno.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "lib/base/own.h"

#define WAIT_USEC 2000000
#define NAME "org.freedesktop.timesync1"

static void bus_freep(sd_bus **bus)
{
	sd_bus_close_unref(*bus);
}

static void message_freep(sd_bus_message **message)
{
	sd_bus_message_unref(*message);
}

static int ask(sd_bus *bus, sd_bus_message **ret_reply)
{
	own_(message_freep) sd_bus_message *message = NULL;
	int r = sd_bus_message_new_method_call(
		bus, &message, NAME, "/org/freedesktop/timesync1", "org.freedesktop.DBus.Properties", "Get");

	if (r >= 0)
		r = sd_bus_message_set_auto_start(message, false);
	if (r >= 0)
		r = sd_bus_message_append(message, "ss", NAME ".Manager", "NTPMessage");
	if (r < 0)
		return r;
	return sd_bus_call(bus, message, WAIT_USEC, NULL, ret_reply);
}

/* The four times of an NTP exchange: between the two ways the error of our clock cancels out. */
static int read_offset(sd_bus_message *reply, int64_t *ret_offset_usec)
{
	uint64_t originate, receive, transmit, destination, packets = 0;
	int ignored, r = sd_bus_message_enter_container(reply, 'v', "(uuuuittayttttbtt)");

	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'r', "uuuuittayttttbtt");
	if (r >= 0)
		r = sd_bus_message_skip(reply, "uuuuittay");
	if (r >= 0)
		r = sd_bus_message_read(
			reply, "ttttbt", &originate, &receive, &transmit, &destination, &ignored, &packets);
	if (r < 0)
		return r;
	if (packets == 0)
		return -ENOENT;
	*ret_offset_usec = ((int64_t)(receive - originate) + (int64_t)(transmit - destination)) / 2;
	return 0;
}

int timesync_read(int64_t *ret_offset_usec)
{
	own_(bus_freep) sd_bus *bus = NULL;
	own_(message_freep) sd_bus_message *reply = NULL;
	int r = sd_bus_open_system(&bus);

	if (r >= 0)
		r = ask(bus, &reply);
	if (r == -EHOSTUNREACH || r == -ENXIO)
		return -ENOENT;
	return r < 0 ? r : read_offset(reply, ret_offset_usec);
}
