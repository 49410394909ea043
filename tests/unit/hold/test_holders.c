/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who keeps a desktop from being idle, asked of the managers of GNOME and MATE, KDE Plasma and Xfce, as this
 * test plays them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/hold/holders.h"

/* What the managers answer. */
static uint32_t gnome_flags; /* 0: its list is empty */
static int kde_holds, xfce_holds;
static sd_bus *client;

static int get_inhibitors(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return gnome_flags ? sd_bus_reply_method_return(call, "ao", 2, "/one", "/two")
			   : sd_bus_reply_method_return(call, "ao", 0);
}

static int get_flags(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return sd_bus_reply_method_return(call, "u", userdata ? gnome_flags : 5);
}

static int get_app_id(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return sd_bus_reply_method_return(call, "s", "org.gnome.Totem\n");
}

static int get_reason(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return sd_bus_reply_method_return(call, "s", "\xe5\x86\x8d\xe7\x94\x9f");
}

static int has_inhibition(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	uint32_t what = 0;

	assert_true(sd_bus_message_read(call, "u", &what) > 0);
	return sd_bus_reply_method_return(call, "b", kde_holds && what == 4);
}

static int list_inhibitions(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return kde_holds == 1 ? sd_bus_reply_method_return(call, "a(ss)", 1, "VLC", "film")
			      : sd_bus_reply_method_return(
					call, "a(ss)", 2, "a longer one", "of ours", "VLC", "film");
}

static int xfce_inhibitors(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return xfce_holds ? sd_bus_reply_method_return(call, "as", 1, "")
			  : sd_bus_reply_method_return(call, "as", 0);
}

static const sd_bus_vtable gnome[] = {SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("GetInhibitors", "", "ao", get_inhibitors, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END};
static const sd_bus_vtable gnome_one[] = {SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("GetFlags", "", "u", get_flags, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("GetAppId", "", "s", get_app_id, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("GetReason", "", "s", get_reason, SD_BUS_VTABLE_UNPRIVILEGED), SD_BUS_VTABLE_END};
static const sd_bus_vtable kde[] = {SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("HasInhibition", "u", "b", has_inhibition, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListInhibitions", "", "a(ss)", list_inhibitions, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END};
static const sd_bus_vtable xfce[] = {SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("GetInhibitors", "", "as", xfce_inhibitors, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END};

static sd_bus *start_bus(int fd, bool serves)
{
	sd_bus *bus = NULL;

	assert_true(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fd, fd) >= 0);
	if (serves)
		assert_true(sd_bus_set_server(bus, true, (sd_id128_t){.bytes = {1}}) >= 0 &&
			    sd_bus_set_anonymous(bus, true) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	return bus;
}

static void add(
	sd_bus *bus, const char *path, const char *interface, const sd_bus_vtable *table, void *userdata)
{
	assert_true(sd_bus_add_object_vtable(bus, NULL, path, interface, table, userdata) >= 0);
}

/* Serves until the other side hangs up. */
static void *serve(void *userdata)
{
	sd_bus *bus = userdata;
	int r;

	while ((r = sd_bus_process(bus, NULL)) >= 0)
		if (r == 0 && sd_bus_wait(bus, UINT64_MAX) < 0)
			break;
	return NULL;
}

static void test_managers(void **state)
{
	const Holder none = {0}, ours = {.who = "a longer one", .why = "of ours"};
	Holder holder = {0};

	assert_false(holders_find(client, &none, &holder));
	/* The first of GNOME's does not keep it from being idle, the second does. */
	gnome_flags = 4;
	assert_false(holders_find(client, &none, &holder));
	gnome_flags = 12;
	assert_true(holders_find(client, &none, &holder));
	assert_string_equal(holder.who, "org.gnome.Totem\\u{a}");
	assert_string_equal(holder.why, "\xe5\x86\x8d\xe7\x94\x9f");
	gnome_flags = 0;
	kde_holds = 1;
	assert_true(holders_find(client, &none, &holder));
	assert_string_equal(holder.who, "VLC");
	/* What we told logind, told back. */
	kde_holds = 2;
	assert_true(holders_find(client, &ours, &holder));
	assert_string_equal(holder.who, "VLC");
	assert_true(holders_find(client, &none, &holder));
	assert_true(holders_same(&holder, &ours));
	kde_holds = 0;
	xfce_holds = 1;
	assert_true(holders_find(client, &none, &holder));
	assert_string_equal(holder.who, "?");
	assert_string_equal(holder.why, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_managers)};
	pthread_t thread;
	sd_bus *server;
	int fds[2], failed;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return 1;
	server = start_bus(fds[1], true);
	add(server, "/org/gnome/SessionManager", "org.gnome.SessionManager", gnome, NULL);
	add(server, "/one", "org.gnome.SessionManager.Inhibitor", gnome_one, NULL);
	add(server, "/two", "org.gnome.SessionManager.Inhibitor", gnome_one, &gnome_flags);
	add(server, "/org/kde/Solid/PowerManagement/PolicyAgent", "org.kde.Solid.PowerManagement.PolicyAgent",
		kde, NULL);
	add(server, "/org/freedesktop/PowerManagement/Inhibit", "org.freedesktop.PowerManagement.Inhibit",
		xfce, NULL);
	if (pthread_create(&thread, NULL, serve, server) != 0)
		return 1;
	client = start_bus(fds[0], false);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sd_bus_flush_close_unref(client);
	pthread_join(thread, NULL);
	sd_bus_flush_close_unref(server);
	return failed;
}
