/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/integration/scanner_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

static void run(const char *program, const char *first, const char *second)
{
	char command[512];

	snprintf(command, sizeof(command), "%s %s %s >/dev/null", program, first, second);
	if (system(command) != 0)
		fail_msg("%s failed", command);
}

static void make_folder(const char *path, mode_t mode)
{
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static const char *need(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		fail_msg("%s is not in the environment", name);
	return value;
}

int world_setup(void **state)
{
	World *world = calloc(1, sizeof(*world));

	world->results = calloc(RESULTS_MAX, sizeof(*world->results));
	/* Tens of thousands of small files: in memory where there is such a place. */
	strcpy(world->folder,
		access("/dev/shm", W_OK) == 0 ? "/dev/shm/scanner-test-XXXXXX" : "/tmp/scanner-test-XXXXXX");
	if (!mkdtemp(world->folder) || chmod(world->folder, 0755) < 0)
		return -1;
	snprintf(world->definitions, sizeof(world->definitions), "%s/definitions", world->folder);
	snprintf(world->temporary, sizeof(world->temporary), "%s/temporary", world->folder);
	snprintf(world->files, sizeof(world->files), "%s/files", world->folder);
	snprintf(world->socket, sizeof(world->socket), "%s/socket", world->folder);
	make_folder(world->temporary, 01777);
	make_folder(world->files, 0755);
	make_folder(world->definitions, 0755);
	run(need("DEFINITIONS_MAKER"), world->definitions, "");
	world->options = scan_options();
	world->client_uid = (int)getuid();
	*state = world;
	return 0;
}

int world_teardown(void **state)
{
	World *world = *state;

	scan_client_free(world->client);
	if (world->pid > 0) {
		kill(world->pid, SIGKILL);
		waitpid(world->pid, NULL, 0);
	}
	run("rm -rf", world->folder, "");
	free(world->results);
	free(world);
	return 0;
}

static void on_result(void *userdata, const SkScanResult *result)
{
	World *world = userdata;

	assert_true(world->n_results < RESULTS_MAX);
	world->results[world->n_results++] = *result;
}

static void on_walk_done(void *userdata, const SkScanWalkDone *done)
{
	World *world = userdata;

	world->done = *done;
	world->n_done++;
}

static const ScanEvents events = {.result = on_result, .walk_done = on_walk_done};

void world_connect(World *world)
{
	scan_client_free(world->client);
	world->client = scan_client_new(world->socket, &events, world);
	world->gone = false;
	assert_non_null(world->client);
}

void world_start(World *world)
{
	const ScanSpawn spawn = {.program = need("SCANNER"),
		.definitions = world->by_settings ? NULL : world->definitions,
		.config = world->folder,
		.temporary = world->temporary,
		.socket = world->socket,
		.user = getuid() == 0 ? "nobody" : NULL,
		.client_uid = world->client_uid};

	world->pid = scan_spawn(&spawn);
	assert_true(world->pid > 0);
	world_connect(world);
}

int world_wait_exit(World *world)
{
	for (unsigned i = 0; i < 500; i++) {
		int status;

		if (waitpid(world->pid, &status, WNOHANG) == world->pid) {
			world->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
		}
		usleep(10000);
	}
	return -1;
}

void world_path(const World *world, const char *name, char ret_path[192])
{
	snprintf(ret_path, 192, "%s/%s", world->files, name);
}

void world_put(World *world, const char *name, const void *data, size_t size)
{
	char path[192];
	int fd;

	world_path(world, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(sk_io_write_all(fd, data, size), 0);
	close(fd);
}

void world_put_text(World *world, const char *name, const char *text)
{
	world_put(world, name, text, strlen(text));
}

void world_put_eicar(World *world, const char *name)
{
	/* In two parts, so that no scanner takes this program for the test string. */
	world_put_text(world, name,
		"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-"
		"ANTIVIRUS-TEST-FILE!$H+H*");
}

void world_pump(World *world, unsigned n_results, unsigned n_done, int msec)
{
	double end = scan_now() + msec;

	while (!world->gone && (world->n_results < n_results || world->n_done < n_done) && scan_now() < end)
		if (scan_client_pump(world->client, (int)(end - scan_now()) + 1) < 0)
			world->gone = true;
}

const SkScanResult *world_scan_fd(World *world, int fd, const ScanAsk *ask)
{
	static const ScanAsk plain = {.volume = 1};
	static uint64_t cookie = 1000;
	const SkScanResult *result = NULL;

	cookie++;
	assert_int_equal(scan_client_file(world->client, fd, cookie, ask ? ask : &plain), 0);
	for (unsigned i = 0; i < 1000 && !result && !world->gone; i++) {
		world_pump(world, world->n_results + 1, 0, 15000);
		result = world_find_cookie(world, cookie);
	}
	assert_non_null(result);
	return result;
}

const SkScanResult *world_scan(World *world, const char *name, const ScanAsk *ask)
{
	const SkScanResult *result;
	char path[192];
	int fd;

	world_path(world, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	result = world_scan_fd(world, fd, ask);
	close(fd);
	return result;
}

void world_walk(World *world, const char *folder, const ScanAsk *ask)
{
	static const ScanAsk plain = {.volume = 1};

	assert_int_equal(
		scan_client_walk(world->client, folder ? folder : world->files, ask ? ask : &plain), 0);
	world_pump(world, 0, world->n_done + 1, 60000);
	assert_true(world->n_done > 0);
}

const SkScanResult *world_find_path(const World *world, const char *path)
{
	for (unsigned i = 0; i < world->n_results; i++)
		if (sk_str_eq(world->results[i].path, path))
			return &world->results[i];
	return NULL;
}

const SkScanResult *world_find_cookie(const World *world, uint64_t cookie)
{
	for (unsigned i = 0; i < world->n_results; i++)
		if (world->results[i].head.cookie == cookie)
			return &world->results[i];
	return NULL;
}

/* All children, the walker too. */
static unsigned children(const World *world, pid_t *ret_pids, unsigned max)
{
	char path[64];
	own_file FILE *file = NULL;
	unsigned n = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)world->pid, (int)world->pid);
	file = fopen(path, "re");
	while (file && n < max && fscanf(file, "%d", &ret_pids[n]) == 1)
		n++;
	return n;
}

unsigned world_workers(const World *world, pid_t *ret_pids, unsigned max)
{
	pid_t all[64];
	unsigned n_all = children(world, all, 64), n = 0;

	for (unsigned i = 0; i < n_all && n < max; i++)
		if (all[i] != scan_client_walker(world->client))
			ret_pids[n++] = all[i];
	return n;
}

void world_signal_workers(const World *world, int signal_number)
{
	pid_t pids[32];
	unsigned n = world_workers(world, pids, 32);

	assert_true(n >= 2);
	for (unsigned i = 0; i < n; i++)
		kill(pids[i], signal_number);
}

uint64_t world_status(pid_t pid, const char *name, int base)
{
	char path[64], wanted[64], line[256];
	own_file FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	snprintf(wanted, sizeof(wanted), "%s:", name);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sk_str_starts(line, wanted))
			return strtoull(line + strlen(wanted), NULL, base);
	fail_msg("%s has no %s", path, name);
	return 0;
}

/* A child that is stopped while it is still being set up could not be told from one that works. */
static void wait_for_jails(const World *world)
{
	pid_t pids[32];
	unsigned n = world_workers(world, pids, 32);

	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < 500 && world_status(pids[i], "Seccomp_filters", 10) < 2; j++)
			usleep(10000);
}

void world_start_ready(World *world)
{
	world_start(world);
	assert_int_equal(scan_client_set_options(world->client, &world->options), 0);
	assert_int_equal(scan_client_wait_ready(world->client), 0);
	assert_int_equal(scan_client_state(world->client)->state, SK_SCANNER_READY);
	wait_for_jails(world);
}

static bool process_holds(pid_t pid, const char *folder)
{
	char path[64], target[512];
	struct dirent *entry;
	bool holds = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (n > 0) {
			target[n] = 0;
			holds |= sk_str_starts(target, folder);
		}
	}
	if (dir)
		closedir(dir);
	return holds;
}

bool world_holds(const World *world, const char *folder)
{
	pid_t pids[64];
	unsigned n = children(world, pids, 64);
	bool holds = process_holds(world->pid, folder);

	for (unsigned i = 0; i < n; i++)
		holds |= process_holds(pids[i], folder);
	return holds;
}
