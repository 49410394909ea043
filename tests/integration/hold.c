/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-hold at two real buses, with a manager as Xfce's, which announces nothing, and a logind that this
 * test plays: a player is told to logind, until it lets go or is gone. Serves LOCK-1.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/own.h"

#define own_message own_(sd_bus_message_unrefp)
#define LOGIND "org.freedesktop.login1"
#define XFCE "org.freedesktop.PowerManagement"
#define XFCE_PATH "/org/freedesktop/PowerManagement/Inhibit"
#define WAIT_SEC 10

static const char *program; /* sekisho-hold */

typedef struct World {
	char folder[40];
	pid_t buses[2], hold;
	sd_bus *system, *session, *player;
	char holder[64]; /* what the manager of Xfce knows */
	char caller[64];
	char told[64]; /* what logind was told */
	int held;      /* its descriptor's other end, or -1 */
} World;

static pid_t start(const char *const *arguments)
{
	pid_t pid = fork();

	if (pid == 0) {
		execvp(arguments[0], (char **)arguments);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static void address(const World *world, const char *name, char *ret_address, size_t size)
{
	assert_true(snprintf(ret_address, size, "unix:path=%s/%s", world->folder, name) < (int)size);
}

/* Return: NULL: nobody listens there yet. */
static sd_bus *try_bus(const char *where)
{
	sd_bus *bus = NULL;

	assert_true(sd_bus_new(&bus) >= 0 && sd_bus_set_address(bus, where) >= 0 &&
		    sd_bus_set_bus_client(bus, true) >= 0);
	return sd_bus_start(bus) < 0 ? sd_bus_unref(bus) : bus;
}

static sd_bus *open_bus(const World *world, const char *name)
{
	char where[80];
	sd_bus *bus = NULL;

	address(world, name, where, sizeof(where));
	for (int i = 0; !bus && i < WAIT_SEC * 100; i++, usleep(10000))
		bus = try_bus(where);
	assert_non_null(bus);
	return bus;
}

static int inhibit_idle(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	World *world = userdata;
	const char *what, *who, *why, *mode;
	int ends[2], r;

	assert_true(sd_bus_message_read(call, "ssss", &what, &who, &why, &mode) > 0);
	assert_string_equal(what, "idle");
	assert_int_equal(pipe(ends), 0);
	if (world->held >= 0)
		close(world->held);
	world->held = ends[0];
	snprintf(world->told, sizeof(world->told), "%s", who);
	r = sd_bus_reply_method_return(call, "h", ends[1]);
	close(ends[1]);
	return r;
}

static int inhibit(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	World *world = userdata;
	const char *who;

	assert_true(sd_bus_message_read(call, "s", &who) > 0);
	snprintf(world->holder, sizeof(world->holder), "%s", who);
	snprintf(world->caller, sizeof(world->caller), "%s", sd_bus_message_get_sender(call));
	return sd_bus_reply_method_return(call, "u", 7);
}

static int let_go(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	World *world = userdata;

	world->holder[0] = 0;
	return sd_bus_reply_method_return(call, "");
}

static int list(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const World *world = userdata;

	return world->holder[0] ? sd_bus_reply_method_return(call, "as", 1, world->holder)
				: sd_bus_reply_method_return(call, "as", 0);
}

/* As the real one, it notices who leaves the bus. */
static int on_name(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	World *world = userdata;
	const char *name, *before, *after;

	if (sd_bus_message_read(signal, "sss", &name, &before, &after) > 0 && !after[0] &&
		strcmp(name, world->caller) == 0)
		world->holder[0] = 0;
	return 0;
}

static const sd_bus_vtable logind[] = {SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Inhibit", "ssss", "h", inhibit_idle, SD_BUS_VTABLE_UNPRIVILEGED), SD_BUS_VTABLE_END};
static const sd_bus_vtable xfce[] = {SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Inhibit", "ss", "u", inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("UnInhibit", "u", "", let_go, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("GetInhibitors", "", "as", list, SD_BUS_VTABLE_UNPRIVILEGED), SD_BUS_VTABLE_END};

static bool told(const World *world)
{
	return world->told[0];
}

static bool released(const World *world)
{
	struct pollfd end = {.fd = world->held, .events = POLLIN};

	return world->held >= 0 && poll(&end, 1, 0) == 1 && (end.revents & POLLHUP);
}

static bool never(const World *world)
{
	return false;
}

/* Return: did it come true in time? */
static bool serve_until(World *world, bool (*condition)(const World *), int seconds)
{
	const time_t ends = time(NULL) + seconds;
	sd_bus *buses[] = {world->system, world->session, world->player};

	while (!condition(world) && time(NULL) <= ends) {
		for (size_t i = 0; i < 3; i++)
			while (buses[i] && sd_bus_process(buses[i], NULL) > 0)
				;
		usleep(5000);
	}
	return condition(world);
}

static pid_t start_bus(const World *world, const char *name)
{
	char where[100] = "--address=";

	address(world, name, where + strlen(where), sizeof(where) - strlen(where));
	return start((const char *[]){"dbus-daemon", "--session", "--nofork", where, NULL});
}

static int begin(void **state)
{
	static World world;
	char where[80];

	world = (World){.held = -1};
	strcpy(world.folder, "/tmp/sekisho-hold-XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	*state = &world;
	world.buses[0] = start_bus(&world, "system");
	world.buses[1] = start_bus(&world, "session");
	world.system = open_bus(&world, "system");
	world.session = open_bus(&world, "session");
	assert_true(sd_bus_add_object_vtable(world.system, NULL, "/org/freedesktop/login1", LOGIND ".Manager",
			    logind, &world) >= 0 &&
		    sd_bus_request_name(world.system, LOGIND, 0) >= 0);
	assert_true(sd_bus_add_object_vtable(world.session, NULL, XFCE_PATH, XFCE ".Inhibit", xfce, &world) >=
			    0 &&
		    sd_bus_match_signal(world.session, NULL, "org.freedesktop.DBus", NULL, NULL,
			    "NameOwnerChanged", on_name, &world) >= 0 &&
		    sd_bus_request_name(world.session, XFCE, 0) >= 0);
	address(&world, "system", where, sizeof(where));
	setenv("DBUS_SYSTEM_BUS_ADDRESS", where, true);
	address(&world, "session", where, sizeof(where));
	setenv("DBUS_SESSION_BUS_ADDRESS", where, true);
	world.hold = start((const char *[]){program, NULL});
	return serve_until(&world, never, 1); /* it looks once when it starts: nobody plays */
}

static int end(void **state)
{
	World *world = *state;

	kill(world->hold, SIGTERM);
	for (size_t i = 0; i < 2; i++)
		kill(world->buses[i], SIGTERM);
	while (wait(NULL) > 0)
		;
	sd_bus_unref(world->player);
	sd_bus_unref(world->session);
	sd_bus_unref(world->system);
	close(world->held);
	for (size_t i = 0; i < 2; i++) {
		char path[60];

		snprintf(path, sizeof(path), "%s/%s", world->folder, i ? "system" : "session");
		unlink(path);
	}
	return rmdir(world->folder);
}

static void say(World *world, const char *method, const char *types, const char *one, unsigned cookie)
{
	own_message sd_bus_message *call = NULL;

	assert_true(sd_bus_message_new_method_call(
			    world->player, &call, XFCE, XFCE_PATH, XFCE ".Inhibit", method) >= 0);
	assert_true((one ? sd_bus_message_append(call, types, one, "plays")
			 : sd_bus_message_append(call, types, cookie)) >= 0);
	assert_true(sd_bus_send(world->player, call, NULL) >= 0);
}

static void test_player(void **state)
{
	World *world = *state;

	assert_false(told(world));
	world->player = open_bus(world, "session");
	say(world, "Inhibit", "ss", "film", 0);
	assert_true(serve_until(world, told, WAIT_SEC));
	assert_string_equal(world->told, "film");
	assert_false(serve_until(world, released, 1));
	/* It says that it is over. */
	say(world, "UnInhibit", "u", NULL, 7);
	assert_true(serve_until(world, released, WAIT_SEC));
	/* Another one is killed in the middle of it. */
	world->told[0] = 0;
	say(world, "Inhibit", "ss", "slides", 0);
	assert_true(serve_until(world, told, WAIT_SEC));
	assert_string_equal(world->told, "slides");
	assert_false(released(world));
	world->player = sd_bus_flush_close_unref(world->player);
	assert_true(serve_until(world, released, WAIT_SEC));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_player, begin, end)};

	assert_int_equal(argc, 2);
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
