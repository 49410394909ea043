/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sekisho-scanner does when things go wrong: each fault costs its file and no other, and nothing
 * unscanned is ever called clean.
 */
#include "tests/integration/scanner_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"

static void children_are_jailed(void **state)
{
	World *world = *state;
	pid_t pids[32];
	unsigned n;

	world_start_ready(world);
	n = world_workers(world, pids, 31);
	assert_true(n >= 2);
	pids[n++] = scan_client_walker(world->client);
	pids[n++] = world->pid;
	for (unsigned i = 0; i < n; i++) {
		assert_true(pids[i] > 0);
		assert_int_equal(world_status(pids[i], "Seccomp", 10), 2);
		assert_int_equal(world_status(pids[i], "NoNewPrivs", 10), 1);
		assert_int_equal(world_status(pids[i], "CapEff", 16), 0);
		assert_int_equal(world_status(pids[i], "CapPrm", 16), 0);
		if (getuid() == 0)
			assert_int_not_equal(world_status(pids[i], "Uid", 10), 0);
	}
}

static void a_worker_that_stands_still_costs_its_file(void **state)
{
	World *world = *state;
	const SkScanResult *result;

	world->options.file_time_usec = 1000000;
	world_put_text(world, "a", "a");
	world_put_text(world, "b", "b");
	world_start_ready(world);
	world_signal_workers(world, SIGSTOP);
	result = world_scan(world, "a", NULL);
	assert_int_equal(result->verdict, SK_VERDICT_ERROR);
	assert_non_null(strstr(result->finding, "in time"));
	assert_in_range(result->elapsed_usec, 900000, 3000000);
	/* The express worker was replaced. */
	assert_int_equal(world_scan(world, "b", NULL)->verdict, SK_VERDICT_CLEAN);
}

static void a_worker_that_is_killed_costs_its_file(void **state)
{
	World *world = *state;
	const SkScanResult *result;
	char path[192];

	world_put_text(world, "a", "a");
	world_put_eicar(world, "eicar");
	world_start_ready(world);
	world_signal_workers(world, SIGSTOP);
	world_path(world, "a", path);
	assert_int_equal(scan_client_path(world->client, path, 1, &(ScanAsk){.volume = 1}), 0);
	usleep(100000);
	world_signal_workers(world, SIGKILL);
	world_pump(world, 1, 0, 5000);
	result = world_find_cookie(world, 1);
	assert_non_null(result);
	assert_int_equal(result->verdict, SK_VERDICT_ERROR);
	assert_non_null(strstr(result->finding, "signal 9"));
	assert_int_equal(world_scan(world, "eicar", NULL)->verdict, SK_VERDICT_INFECTED);
	assert_int_equal(world_scan(world, "a", NULL)->verdict, SK_VERDICT_CLEAN);
}

static void workers_killed_during_a_walk_cost_few_files(void **state)
{
	World *world = *state;
	unsigned errors = 0;
	char name[32], text[512];

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "%u", i);
		snprintf(text, sizeof(text), "file %u", i);
		world_put_text(world, name, text);
	}
	world_start_ready(world);
	assert_int_equal(scan_client_walk(world->client, world->files, &(ScanAsk){.volume = 1}), 0);
	for (unsigned i = 1; i <= 5; i++) {
		world_pump(world, i * 200, 0, 10000);
		world_signal_workers(world, SIGKILL);
	}
	world_pump(world, 2000, 1, 30000);
	assert_int_equal(world->n_results, 2000);
	for (unsigned i = 0; i < 2000; i++)
		errors += world->results[i].verdict != SK_VERDICT_CLEAN;
	assert_in_range(errors, 1, 5 * 4);
	assert_int_equal(world->done.refused, errors);
}

/* Another process of the same user may do it; that takes no capability, which root may lack in a container.
 */
static void take_memory(pid_t pid)
{
	const struct rlimit none = {1, 1};
	uid_t uid = (uid_t)world_status(pid, "Uid", 10);
	gid_t gid = (gid_t)world_status(pid, "Gid", 10);
	pid_t helper = fork();
	int status;

	if (helper == 0) {
		if (getuid() != uid && (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0))
			_exit(1);
		_exit(prlimit(pid, RLIMIT_AS, &none, NULL) < 0);
	}
	assert_int_equal(waitpid(helper, &status, 0), helper);
	assert_int_equal(status, 0);
}

static void a_worker_without_memory_never_says_clean(void **state)
{
	World *world = *state;
	pid_t pids[32];
	unsigned n;

	world_put_eicar(world, "eicar");
	world_put_text(world, "a", "a");
	world_start_ready(world);
	n = world_workers(world, pids, 32);
	for (unsigned i = 0; i < n; i++)
		take_memory(pids[i]);
	assert_int_equal(world_scan(world, "eicar", NULL)->verdict, SK_VERDICT_ERROR);
	assert_int_equal(world_scan(world, "a", NULL)->verdict, SK_VERDICT_ERROR);
}

/* A medium pulled while a large file is being read: the kernel has no more pages of it. */
static void a_file_that_vanishes_while_it_is_read_is_an_error(void **state)
{
	World *world = *state;
	const SkScanResult *result = NULL;
	char path[192];

	world->options.file_time_usec = 10000000;
	world_start_ready(world);
	world_path(world, "large", path);
	for (uint64_t cookie = 1; cookie <= 20 && !(result && result->verdict == SK_VERDICT_ERROR);
		cookie++) {
		world_put_text(world, "large", "x");
		assert_int_equal(truncate(path, 900 << 20), 0);
		assert_int_equal(scan_client_path(world->client, path, cookie, &(ScanAsk){.volume = 1}), 0);
		usleep(60000);
		assert_int_equal(truncate(path, 1), 0);
		world_pump(world, world->n_results + 1, 0, 10000);
		result = world_find_cookie(world, cookie);
	}
	assert_non_null(result);
	assert_int_equal(result->verdict, SK_VERDICT_ERROR);
	assert_string_equal(result->finding, "the medium could not be read");
}

static void a_descriptor_that_cannot_be_read_is_an_error(void **state)
{
	World *world = *state;
	char path[192];
	own_fd int write_only = -1, folder = -1;
	int pipes[2];

	world_put_text(world, "a", "a");
	world_path(world, "a", path);
	write_only = open(path, O_WRONLY | O_CLOEXEC);
	folder = open(world->files, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	world_start_ready(world);
	assert_int_equal(world_scan_fd(world, write_only, NULL)->verdict, SK_VERDICT_ERROR);
	assert_int_equal(world_scan_fd(world, folder, NULL)->verdict, SK_VERDICT_ERROR);
	assert_int_equal(world_scan_fd(world, pipes[0], NULL)->verdict, SK_VERDICT_ERROR);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(world_scan(world, "a", NULL)->verdict, SK_VERDICT_CLEAN);
}

static void a_killed_walker_ends_its_walk_and_is_replaced(void **state)
{
	World *world = *state;
	char name[32];
	pid_t first;

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%u", i);
		world_put_text(world, name, name);
	}
	world_start_ready(world);
	first = scan_client_walker(world->client);
	assert_true(first > 0);
	assert_int_equal(scan_client_walk(world->client, world->files, &(ScanAsk){.volume = 1}), 0);
	world_pump(world, 50, 0, 10000);
	kill(first, SIGKILL);
	world_pump(world, 0, 1, 10000);
	assert_int_equal(world->done.result, -EIO);
	/* Core was told of the new one. */
	for (unsigned i = 0; i < 100 && scan_client_walker(world->client) == first; i++)
		world_pump(world, world->n_results + 1, 0, 50);
	assert_true(scan_client_walker(world->client) != first);
	world_walk(world, NULL, NULL);
	assert_int_equal(world->done.result, 0);
	assert_int_equal(world->done.files, 3000);
}

static void when_the_parent_is_killed_its_children_end(void **state)
{
	World *world = *state;
	pid_t pids[32];
	unsigned n, left = 1;

	world_start_ready(world);
	n = world_workers(world, pids, 31);
	pids[n++] = scan_client_walker(world->client);
	kill(world->pid, SIGKILL);
	world_wait_exit(world);
	for (unsigned i = 0; i < 200 && left > 0; i++) {
		left = 0;
		for (unsigned j = 0; j < n; j++)
			left += kill(pids[j], 0) == 0;
		usleep(10000);
	}
	assert_int_equal(left, 0);
	world_pump(world, 1, 0, 1000);
	assert_true(world->gone);
}

static int listen_for_notes(const World *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", world->folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0777), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "400000", 1), 0);
	return fd;
}

/* From inside the jail, and as long as it lives, but not when it stands still. */
static void systemd_hears_that_the_scanner_lives(void **state)
{
	World *world = *state;
	own_fd int fd = listen_for_notes(world);
	unsigned ready = 0, alive = 0;

	world_start_ready(world);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	while (!ready || alive < 3) {
		char note[256];
		ssize_t n = recv(fd, note, sizeof(note) - 1, 0);

		assert_true(n > 0);
		note[n] = 0;
		ready += strstr(note, "READY=1") != NULL;
		alive += strstr(note, "WATCHDOG=1") != NULL;
	}
	kill(world->pid, SIGSTOP);
	while (recv(fd, &ready, sizeof(ready), MSG_DONTWAIT) > 0)
		continue;
	usleep(800000);
	assert_true(recv(fd, &ready, sizeof(ready), MSG_DONTWAIT) < 0);
	kill(world->pid, SIGCONT);
}

static void another_user_is_refused(void **state)
{
	World *world = *state;

	world->client_uid = (int)getuid() + 1;
	world_start(world);
	scan_client_set_options(world->client, &world->options);
	world_pump(world, 1, 0, 3000);
	assert_true(world->gone);
	assert_int_equal(scan_client_state(world->client)->head.type, 0);
	/* It still waits for the right one. */
	assert_int_equal(kill(world->pid, 0), 0);
}

static void a_message_out_of_order_ends_the_scanner(void **state)
{
	World *world = *state;

	world_start(world);
	assert_int_equal(scan_client_walk(world->client, world->files, &(ScanAsk){.volume = 1}), 0);
	assert_int_equal(world_wait_exit(world), EXIT_FAILURE);
}

static void when_core_leaves_the_scanner_ends(void **state)
{
	World *world = *state;

	world_start_ready(world);
	world->client = scan_client_free(world->client);
	assert_int_equal(world_wait_exit(world), EXIT_SUCCESS);
	/* Nothing is left of its folder. */
	assert_int_equal(rmdir(world->temporary), 0);
}

static void an_idle_scanner_gives_its_memory_back(void **state)
{
	World *world = *state;

	world->options.idle_usec = 700000;
	world_put_text(world, "a", "a");
	world_start_ready(world);
	assert_int_equal(world_scan(world, "a", NULL)->verdict, SK_VERDICT_CLEAN);
	assert_int_equal(world_wait_exit(world), EXIT_SUCCESS);
	assert_int_equal(rmdir(world->temporary), 0);
}

static void empty_definitions(const World *world)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -f %s/*", world->definitions);
	assert_int_equal(system(command), 0);
}

static void without_definitions_nothing_is_clean_until_they_appear(void **state)
{
	World *world = *state;
	const SkScanResult *result;
	char command[256];

	world_put_text(world, "a", "a");
	world_put_eicar(world, "eicar");
	empty_definitions(world);
	world_start(world);
	scan_client_set_options(world->client, &world->options);
	assert_int_equal(scan_client_wait_ready(world->client), 0);
	assert_int_equal(scan_client_state(world->client)->state, SK_SCANNER_NO_DEFINITIONS);
	assert_non_null(strstr(scan_client_state(world->client)->detail, world->definitions));
	result = world_scan(world, "a", NULL);
	assert_int_equal(result->verdict, SK_VERDICT_ERROR);
	assert_non_null(strstr(result->finding, "no virus definitions"));
	snprintf(command, sizeof(command), "%s %s", getenv("DEFINITIONS_MAKER"), world->definitions);
	assert_int_equal(system(command), 0);
	for (unsigned i = 0; i < 100 && scan_client_state(world->client)->state != SK_SCANNER_READY; i++)
		world_pump(world, world->n_results + 1, 0, 100);
	assert_int_equal(scan_client_state(world->client)->state, SK_SCANNER_READY);
	assert_int_equal(world_scan(world, "a", NULL)->verdict, SK_VERDICT_CLEAN);
	assert_int_equal(world_scan(world, "eicar", NULL)->verdict, SK_VERDICT_INFECTED);
}

static void put_settings(const World *world, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/sekisho.conf", world->folder);
	own_file FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void the_settings_say_where_definitions_are(void **state)
{
	World *world = *state;
	char text[256];

	snprintf(text, sizeof(text), "[Scan]\nDefinitionsDirectory=%s\n", world->definitions);
	put_settings(world, text);
	world->by_settings = true;
	world_start_ready(world);
	assert_int_equal(scan_client_state(world->client)->state, SK_SCANNER_READY);
	assert_int_equal(scan_client_state(world->client)->signatures, 2);
}

/* The same fall-back as core's: never a half-read file. */
static void settings_that_are_wrong_leave_the_default(void **state)
{
	World *world = *state;
	char text[256];

	snprintf(text, sizeof(text), "[Scan]\nDefinitionsDirectory=%s\nNoSuchKey=1\n", world->definitions);
	put_settings(world, text);
	world->by_settings = true;
	world_start(world);
	scan_client_set_options(world->client, &world->options);
	assert_int_equal(scan_client_wait_ready(world->client), 0);
	assert_int_not_equal(scan_client_state(world->client)->signatures, 2);
}

static void damaged_definitions_are_named(void **state)
{
	World *world = *state;
	char command[256];

	snprintf(command, sizeof(command), "echo 'not:a::signature::' > %s/broken.hdb", world->definitions);
	assert_int_equal(system(command), 0);
	world_start(world);
	scan_client_set_options(world->client, &world->options);
	assert_int_equal(scan_client_wait_ready(world->client), 0);
	assert_int_equal(scan_client_state(world->client)->state, SK_SCANNER_NO_DEFINITIONS);
	assert_non_null(strstr(scan_client_state(world->client)->detail, "broken.hdb"));
}

static void new_definitions_end_the_scanner_when_it_has_time(void **state)
{
	World *world = *state;
	uint64_t version;
	char command[256];

	world_put_text(world, "a", "a");
	world_start_ready(world);
	version = scan_client_state(world->client)->definitions_version;
	snprintf(
		command, sizeof(command), "echo 'New:0:0:6161616161616161' > %s/new.ndb", world->definitions);
	assert_int_equal(system(command), 0);
	world_walk(world, NULL, NULL);
	assert_int_equal(world->results[0].verdict, SK_VERDICT_CLEAN);
	assert_int_equal(world_wait_exit(world), EXIT_SUCCESS);
	world_start_ready(world);
	assert_int_not_equal(scan_client_state(world->client)->definitions_version, version);
	assert_int_equal(scan_client_state(world->client)->signatures, 3);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(children_are_jailed),
		IN_WORLD(a_worker_that_stands_still_costs_its_file),
		IN_WORLD(a_worker_that_is_killed_costs_its_file),
		IN_WORLD(workers_killed_during_a_walk_cost_few_files),
		IN_WORLD(a_worker_without_memory_never_says_clean),
		IN_WORLD(a_file_that_vanishes_while_it_is_read_is_an_error),
		IN_WORLD(a_descriptor_that_cannot_be_read_is_an_error),
		IN_WORLD(a_killed_walker_ends_its_walk_and_is_replaced),
		IN_WORLD(when_the_parent_is_killed_its_children_end),
		IN_WORLD(systemd_hears_that_the_scanner_lives),
		IN_WORLD(another_user_is_refused),
		IN_WORLD(a_message_out_of_order_ends_the_scanner),
		IN_WORLD(when_core_leaves_the_scanner_ends),
		IN_WORLD(an_idle_scanner_gives_its_memory_back),
		IN_WORLD(without_definitions_nothing_is_clean_until_they_appear),
		IN_WORLD(the_settings_say_where_definitions_are),
		IN_WORLD(settings_that_are_wrong_leave_the_default),
		IN_WORLD(damaged_definitions_are_named),
		IN_WORLD(new_definitions_end_the_scanner_when_it_has_time),
	};

	return cmocka_run_group_tests_name("scanner-faults", tests, NULL, NULL);
}
