/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which programs are believed when they say that they locked, and what a process really runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/lock/greeter.h"
#include "agent/lock/lock.h"
#include "agent/lock/process.h"
#include "lib/base/str.h"

#define SLEEP "/bin/sleep"

/* main.c's, which is no part of the library: nothing here comes to it. */
void lock_look(Lock *lock)
{
	fail();
}

uint64_t lock_now(void)
{
	return 0;
}

static void test_known(void **state)
{
	assert_true(locker_is_known("/usr/bin/gnome-shell", ""));
	assert_true(locker_is_known("/usr/bin/i3lock", ""));
	assert_false(locker_is_known("/home/staff/bin/i3lock", ""));
	assert_false(locker_is_known("/usr/bin/busctl", ""));
	assert_false(locker_is_known("", ""));
	/* It says "locked" whatever it starts. */
	assert_false(locker_is_known("/usr/bin/xss-lock", ""));
	assert_true(locker_only_starts("/usr/bin/xss-lock"));
	assert_true(locker_is_known("/opt/b", "/opt/a  /opt/b /opt/c"));
	assert_true(locker_is_known("/opt/c", "/opt/a /opt/b /opt/c "));
	assert_false(locker_is_known("/opt/", "/opt/a /opt/b"));
	assert_false(locker_is_known("/opt/a /opt/b", "/opt/a /opt/b"));
	assert_false(locker_is_known("a", "a"));
}

static pid_t start(const char *program)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, "60", NULL);
		_exit(1);
	}
	assert_true(pid > 0);
	return pid;
}

static void test_greeters(void **state)
{
	assert_true(greeter_is_known("/usr/sbin/lightdm"));
	assert_false(greeter_is_known("/usr/sbin/lightdm-gtk-greeter"));
	assert_false(greeter_is_known("/home/staff/lightdm"));
	assert_false(greeter_is_known(""));
}

/* Of those that lock, only some say that they did. */
static void test_tells(void **state)
{
	assert_true(locker_tells("/usr/bin/gnome-shell", "x11", ""));
	assert_true(locker_tells("/usr/bin/xss-lock", "x11", ""));
	assert_false(locker_tells("/usr/bin/light-locker", "x11", ""));
	assert_false(locker_tells("/usr/bin/i3lock", "x11", ""));
	assert_false(locker_tells("/home/staff/gnome-shell", "x11", ""));
	assert_true(locker_tells("/opt/own/lock", "x11", "/opt/own/lock"));
	assert_false(locker_tells("", "x11", ""));
	/* On Wayland it is kwin that locks. */
	assert_true(locker_tells("/usr/bin/ksmserver", "x11", ""));
	assert_false(locker_tells("/usr/bin/ksmserver", "wayland", ""));
	assert_true(locker_tells("/usr/bin/kwin_wayland", "wayland", ""));
}

static void finish(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* An exec takes a moment, and so does a stop. */
static bool comes(bool (*holds)(pid_t pid), pid_t pid)
{
	for (int i = 0; i < 500; i++) {
		if (holds(pid))
			return true;
		usleep(10000);
	}
	return false;
}

static bool is_sleep(pid_t pid)
{
	char path[PROCESS_PATH_MAX];

	return process_program(pid, path, sizeof(path)) && strstr(path, "/sleep") != NULL;
}

static bool is_stopped(pid_t pid)
{
	return !process_runs(pid);
}

/* In most containers nobody sees what the first process sees: there no program is believed, and the lab shows
 * the rest. */
static bool sees_first_process(void)
{
	char first[64] = "", own[64] = "";

	return readlink("/proc/1/ns/mnt", first, sizeof(first) - 1) > 0 &&
	       readlink("/proc/self/ns/mnt", own, sizeof(own) - 1) > 0 && sk_str_eq(first, own);
}

static void test_program_of_root(void **state)
{
	pid_t pid = start(SLEEP);

	if (!sees_first_process()) {
		finish(pid);
		skip();
	}
	assert_true(comes(is_sleep, pid));
	finish(pid);
}

/* The same program, where its user may change it. */
static void test_program_of_the_user(void **state)
{
	char folder[] = "/tmp/sekisho-locker-XXXXXX", copy[64], command[160], path[PROCESS_PATH_MAX];

	assert_non_null(mkdtemp(folder));
	sk_str_format(copy, sizeof(copy), "%s/sleep", folder);
	sk_str_format(command, sizeof(command), "cp %s %s && chmod 777 %s", SLEEP, copy, copy);
	assert_int_equal(system(command), 0);
	pid_t pid = start(copy);

	usleep(200000);
	assert_int_equal(kill(pid, 0), 0);
	assert_false(process_program(pid, path, sizeof(path)));
	finish(pid);
	unlink(copy);
	rmdir(folder);
}

static void test_stopped(void **state)
{
	pid_t pid = start(SLEEP);

	assert_true(process_runs(pid));
	kill(pid, SIGSTOP);
	assert_true(comes(is_stopped, pid));
	finish(pid);
	assert_false(process_runs(pid));
}

static bool wanted(pid_t pid, void *userdata)
{
	return is_sleep(pid);
}

static void test_below(void **state)
{
	pid_t found = 0, pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		execl("/bin/sh", "sh", "-c", "sh -c 'sleep 60; true'; true", NULL);
		_exit(1);
	}
	setpgid(pid, pid);
	for (int i = 0; i < (sees_first_process() ? 500 : 20) && !found; i++) {
		found = process_find_below(pid, wanted, NULL);
		usleep(10000);
	}
	if (sees_first_process())
		assert_true(found > 0);
	kill(-pid, SIGKILL); /* all three of them */
	finish(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tells), cmocka_unit_test(test_greeters),
		cmocka_unit_test(test_known), cmocka_unit_test(test_program_of_root),
		cmocka_unit_test(test_program_of_the_user), cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_below)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
