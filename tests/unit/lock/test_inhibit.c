/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of logind's inhibitors keep a session open, what is noted of them, and what an answer changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/lock/inhibit.h"
#include "agent/lock/lock.h"
#include "lib/base/str.h"

#define USER 1000

/* Of main.c. */
static unsigned looks;

void lock_look(Lock *lock)
{
	looks++;
}

uint64_t lock_now(void)
{
	return 1;
}

static Inhibitor player(void)
{
	return (Inhibitor){.what = "idle",
		.who = "mpv",
		.why = "Playing",
		.mode = "block",
		.uid = USER,
		.pid = getpid()};
}

static void test_counts(void **state)
{
	static const struct {
		const char *what, *mode;
		uid_t uid;
		bool counts;
	} rows[] = {
		{"idle", "block", USER, true},
		{"sleep:idle", "block", USER, true},
		{"sleep:idle:shutdown", "block", USER, true},
		{"idle", "delay", USER, false},
		{"idle", "block", USER + 1, false},
		{"idle", "block", 0, false},
		{"sleep", "block", USER, false},
		{"handle-idle:idler", "block", USER, false},
		{"", "block", USER, false},
		{":", "", USER, false},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		Holder holder = {0};
		Inhibitor one = player();

		one.what = rows[i].what;
		one.mode = rows[i].mode;
		one.uid = rows[i].uid;
		assert_int_equal(inhibit_note(&holder, &one, USER), rows[i].counts);
		assert_int_equal(holder.who[0] != 0, rows[i].counts);
	}
}

static void test_names(void **state)
{
	Holder holder = {0};
	Inhibitor one = player();
	char long_text[1000];

	assert_true(inhibit_note(&holder, &one, USER));
	assert_string_equal(holder.who, "mpv");
	assert_string_equal(holder.why, "Playing");
	/* The kernel's name of this very program, of which it keeps 15 letters. */
	assert_string_equal(holder.program, "test_lock_inhib");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	one.who = one.why = long_text;
	assert_true(inhibit_note(&holder, &one, USER));
	assert_int_equal(strlen(holder.who), sizeof(holder.who) - 1);
	assert_int_equal(strlen(holder.why), sizeof(holder.why) - 1);
	/* Without a name, and gone: still somebody. */
	one.who = "";
	one.pid = -1;
	assert_true(inhibit_note(&holder, &one, USER));
	assert_string_equal(holder.who, "?");
	assert_string_equal(holder.program, "");
}

/* What the list holds: nothing, a fault, or a film after a few that do not count. */
static enum { LIST_EMPTY, LIST_FAULT, LIST_FILM } list;

static int on_list_inhibitors(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	if (list == LIST_FAULT)
		return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_ACCESS_DENIED, "no");
	if (list == LIST_EMPTY)
		return sd_bus_reply_method_return(call, "a(ssssuu)", 0);
	return sd_bus_reply_method_return(call, "a(ssssuu)", 3, "sleep", "NetworkManager", "x", "delay", 0, 1,
		"idle", "other", "another user's", "block", USER + 1, 1, "sleep:idle", "\033[2J film",
		"\xe6\x98\xa0\xe7\x94\xbb", "block", USER, 1);
}

static const sd_bus_vtable logind[] = {SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("ListInhibitors", "", "a(ssssuu)", on_list_inhibitors, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END};

static sd_bus *start_bus(int fd, bool serves)
{
	sd_bus *bus = NULL;
	sd_id128_t id = {.bytes = {1}};

	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_fd(bus, fd, fd) >= 0);
	if (serves) {
		assert_true(sd_bus_set_server(bus, true, id) >= 0);
		assert_true(sd_bus_set_anonymous(bus, true) >= 0);
		assert_true(sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/login1",
				    "org.freedesktop.login1.Manager", logind, NULL) >= 0);
	}
	assert_true(sd_bus_start(bus) >= 0);
	return bus;
}

static void talk(sd_bus *one, sd_bus *other)
{
	for (unsigned i = 0; i < 200; i++) {
		assert_true(sd_bus_process(one, NULL) >= 0);
		assert_true(sd_bus_process(other, NULL) >= 0);
	}
}

static void test_answers(void **state)
{
	static Lock lock;
	Seen *seen = lock.sessions;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	sd_bus *server = start_bus(fds[1], true);

	lock.bus = start_bus(fds[0], false);
	sk_str_copy(seen->id, sizeof(seen->id), "c1");
	seen->uid = USER;
	looks = 0;
	list = LIST_FILM;
	inhibit_ask_again(&lock); /* nobody is kept open */
	talk(lock.bus, server);
	assert_int_equal(seen->hold, LOCK_HOLD_UNKNOWN);
	inhibit_ask(&lock, seen);
	assert_int_equal(seen->hold, LOCK_HOLD_ASKED);
	talk(lock.bus, server);
	assert_int_equal(seen->hold, LOCK_HOLD_SOME);
	assert_int_equal(looks, 1);
	assert_string_equal(seen->holder.who, "\033[2J film"); /* core escapes it */
	/* It is over: the name stays, for the record of the lock. */
	list = LIST_EMPTY;
	inhibit_ask_again(&lock);
	assert_int_equal(seen->hold, LOCK_HOLD_SOME);
	talk(lock.bus, server);
	assert_int_equal(seen->hold, LOCK_HOLD_NONE);
	assert_int_equal(looks, 2);
	assert_string_equal(seen->holder.who, "\033[2J film");
	/* Its user came back meanwhile. */
	list = LIST_FILM;
	inhibit_ask(&lock, seen);
	inhibit_forget(seen);
	talk(lock.bus, server);
	assert_int_equal(seen->hold, LOCK_HOLD_UNKNOWN);
	assert_string_equal(seen->holder.who, "");
	list = LIST_FAULT;
	inhibit_ask(&lock, seen);
	talk(lock.bus, server);
	assert_int_equal(seen->hold, LOCK_HOLD_NONE);
	sd_bus_flush_close_unref(lock.bus);
	sd_bus_flush_close_unref(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts), cmocka_unit_test(test_names), cmocka_unit_test(test_answers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
