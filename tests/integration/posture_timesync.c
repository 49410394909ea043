/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands for systemd-timesyncd on a bus of a test's own: has measured that the clock is OFFSET microseconds
 * off. Usage: posture_timesync OFFSET
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>

#define NAME "org.freedesktop.timesync1"
#define SENT 1800000000000000ull
#define WAY 20000 /* a packet takes so long each way */

static int64_t offset_usec;

static int get_message(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const uint64_t received = SENT + WAY + (uint64_t)offset_usec;
	int r = sd_bus_message_open_container(reply, 'r', "uuuuittayttttbtt");

	if (r >= 0)
		r = sd_bus_message_append(reply, "uuuuitt", 0u, 4u, 4u, 2u, -24, (uint64_t)0, (uint64_t)0);
	if (r >= 0)
		r = sd_bus_message_append_array(reply, 'y', "\x7f\x00\x00\x01", 4);
	if (r >= 0)
		r = sd_bus_message_append(reply, "ttttbtt", SENT, received, received + 5, SENT + 2 * WAY + 5,
			0, (uint64_t)7, (uint64_t)0);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("NTPMessage", "(uuuuittayttttbtt)", get_message, 0, 0),
	SD_BUS_VTABLE_END,
};

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	int r;

	if (argc != 2)
		return 2;
	offset_usec = strtoll(argv[1], NULL, 10);
	r = sd_bus_open_system(&bus);
	if (r >= 0)
		r = sd_bus_add_object_vtable(
			bus, NULL, "/org/freedesktop/timesync1", NAME ".Manager", vtable, NULL);
	if (r >= 0)
		r = sd_bus_request_name(bus, NAME, 0);
	if (r >= 0)
		puts("ready");
	fflush(stdout);
	while (r >= 0) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
	return 1;
}
