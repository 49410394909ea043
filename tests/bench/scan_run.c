/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan-run SCANNER DEFINITIONS TREE [--memory FILE] [--first FILE] [--again FILE]: one insertion of a medium,
 * as core would have it scanned. Prints one line of JSON. --memory: verdicts are read from and kept in FILE.
 * --first: once the walk is under way, somebody opens FILE; how long does that take? --again: for each line
 * on standard input FILE is opened once more, and a further line of JSON tells how long that took.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "tests/lib/scan_client.h"

#define FIRST_COOKIE 77

typedef struct Run {
	const char *memory, *first, *again;
	uint64_t verdicts[SK_VERDICT_MAX_], files, bytes, remembered;
	double asked, first_msec;
	uint64_t first_own_usec;
	bool done;
	int result;
} Run;

static void on_result(void *userdata, const SkScanResult *result)
{
	Run *run = userdata;

	if (result->head.cookie == FIRST_COOKIE) {
		run->first_msec = scan_now() - run->asked;
		run->first_own_usec = result->elapsed_usec;
		return;
	}
	run->verdicts[result->verdict]++;
	run->remembered += result->remembered;
	if (getenv("SCAN_RUN_SHOW") && result->verdict != SK_VERDICT_CLEAN)
		fprintf(stderr, "%u %s: %s\n", result->verdict, result->path, result->finding);
}

static void on_walk_done(void *userdata, const SkScanWalkDone *done)
{
	Run *run = userdata;

	run->files = done->files;
	run->bytes = done->bytes;
	run->result = done->result;
	run->done = true;
}

static const ScanEvents events = {.result = on_result, .walk_done = on_walk_done};

static int scan(ScanClient *client, const char *tree, Run *run)
{
	const ScanAsk ask = {.volume = 1};
	int r = scan_client_walk(client, tree, &ask);

	while (r >= 0 && !run->done) {
		r = scan_client_pump(client, 600000);
		if (r == 0)
			return -ETIMEDOUT;
		/* The walk is well under way and all workers are busy. */
		if (run->first && run->asked == 0 && run->verdicts[SK_VERDICT_CLEAN] >= 200) {
			run->asked = scan_now();
			r = scan_client_path(client, run->first, FIRST_COOKIE, &ask);
		}
		if (run->first && run->first_msec > 0)
			return 0;
	}
	return r < 0 ? r : 0;
}

static void print(const Run *run, double loading, double scanning)
{
	printf("{\"load_sec\": %.3f, \"scan_sec\": %.3f, \"files\": %llu, \"bytes\": %llu, \"remembered\": "
	       "%llu, "
	       "\"clean\": %llu, \"infected\": %llu, \"limit\": %llu, \"error\": %llu, \"first_msec\": %.1f, "
	       "\"first_own_msec\": %.1f, \"result\": %d}\n",
		loading / 1e3, scanning / 1e3, (unsigned long long)run->files, (unsigned long long)run->bytes,
		(unsigned long long)run->remembered, (unsigned long long)run->verdicts[SK_VERDICT_CLEAN],
		(unsigned long long)run->verdicts[SK_VERDICT_INFECTED],
		(unsigned long long)run->verdicts[SK_VERDICT_LIMIT],
		(unsigned long long)run->verdicts[SK_VERDICT_ERROR], run->first_msec,
		(double)run->first_own_usec / 1e3, run->result);
}

static int scan_again(ScanClient *client, Run *run)
{
	const ScanAsk ask = {.volume = 1};
	char line[16];
	int r = 0;

	while (r >= 0 && fgets(line, sizeof(line), stdin)) {
		run->first_msec = 0;
		run->asked = scan_now();
		r = scan_client_path(client, run->again, FIRST_COOKIE, &ask);
		while (r >= 0 && run->first_msec == 0) {
			r = scan_client_pump(client, 600000);
			if (r == 0)
				return -ETIMEDOUT;
		}
		printf("{\"again_msec\": %.1f}\n", run->first_msec);
		fflush(stdout);
	}
	return r < 0 ? r : 0;
}

static int run_with(const ScanSpawn *spawn, const char *tree, Run *run)
{
	const SkScanOptions options = scan_options();
	double begin = scan_now(), ready;
	ScanClient *client = scan_client_new(spawn->socket, &events, run);
	int r = client ? 0 : -ECONNREFUSED;

	if (r == 0 && run->memory && access(run->memory, F_OK) == 0)
		r = scan_client_load(client, run->memory);
	if (r == 0)
		r = scan_client_set_options(client, &options);
	if (r == 0)
		r = scan_client_wait_ready(client);
	ready = scan_now();
	if (r == 0 && scan_client_state(client)->state != SK_SCANNER_READY)
		r = -ENODATA;
	if (r == 0)
		r = scan(client, tree, run);
	if (r == 0)
		print(run, ready - begin, scan_now() - ready);
	fflush(stdout);
	if (r == 0 && run->again)
		r = scan_again(client, run);
	if (r == 0 && run->memory)
		r = scan_client_save(client, run->memory);
	scan_client_free(client);
	return r;
}

int main(int argc, char **argv)
{
	char folder[] = "/dev/shm/scan-run-XXXXXX", socket[64];
	Run run = {0};
	ScanSpawn spawn = {.temporary = folder, .socket = socket, .client_uid = (int)getuid()};
	pid_t pid;
	int r;

	for (int i = 4; i + 1 < argc; i += 2) {
		if (sk_str_eq(argv[i], "--memory"))
			run.memory = argv[i + 1];
		else if (sk_str_eq(argv[i], "--first"))
			run.first = argv[i + 1];
		else if (sk_str_eq(argv[i], "--again"))
			run.again = argv[i + 1];
	}
	if (argc < 4 || !mkdtemp(folder)) {
		fprintf(stderr, "usage: scan-run SCANNER DEFINITIONS TREE [--memory FILE] [--first FILE] "
				"[--again FILE]\n");
		return EXIT_FAILURE;
	}
	sk_str_format(socket, sizeof(socket), "%s/socket", folder);
	spawn.program = argv[1];
	spawn.definitions = argv[2];
	pid = scan_spawn(&spawn);
	r = pid < 0 ? (int)pid : run_with(&spawn, argv[3], &run);
	if (pid > 0) {
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
	}
	unlink(socket);
	rmdir(folder);
	if (r < 0)
		fprintf(stderr, "scan-run: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
