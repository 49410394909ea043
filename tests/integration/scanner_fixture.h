/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A running sekisho-scanner in its jail, a client that plays core, and a folder for files. Given by the
 * environment: SCANNER (the program), DEFINITIONS_MAKER (tests/data/scan/make-definitions), SCAN_DATA
 * (tests/data/scan).
 */
#include "tests/unit/unit.h"
#include "tests/lib/scan_client.h"

#define RESULTS_MAX 32768

typedef struct World {
	char folder[64]; /* readable by the scanner's user */
	char definitions[96], temporary[96], files[96], socket[96];
	pid_t pid;
	int client_uid;
	bool by_settings; /* the scanner finds its definitions by folder/sekisho.conf */
	SkScanOptions options;
	ScanClient *client;
	/* What came. */
	SkScanResult *results;
	unsigned n_results;
	SkScanWalkDone done;
	unsigned n_done;
	bool gone; /* the connection has ended */
} World;

/* cmocka's set-up and tear-down: folders and definitions, nothing running yet. */
int world_setup(void **state);
int world_teardown(void **state);

/* Starts the scanner and connects. */
void world_start(World *world);
void world_connect(World *world);
/* And waits for its engine. */
void world_start_ready(World *world);

/* The scanner's exit status, waiting up to five seconds; -1 when it does not end. */
int world_wait_exit(World *world);

/* A file in world->files. */
void world_put(World *world, const char *name, const void *data, size_t size);
void world_put_text(World *world, const char *name, const char *text);
void world_put_eicar(World *world, const char *name);
void world_path(const World *world, const char *name, char ret_path[192]);

/* Asks for one file and waits for its result. */
const SkScanResult *world_scan(World *world, const char *name, const ScanAsk *ask);
const SkScanResult *world_scan_fd(World *world, int fd, const ScanAsk *ask);
/* Walks world->files, or another folder, to its end. */
void world_walk(World *world, const char *folder, const ScanAsk *ask);

/* Handles what comes until the number of results, or of ended walks, or the time is reached. */
void world_pump(World *world, unsigned n_results, unsigned n_done, int msec);

const SkScanResult *world_find_path(const World *world, const char *path);
const SkScanResult *world_find_cookie(const World *world, uint64_t cookie);

/* Children of the scanner but the walker. Return: how many. */
unsigned world_workers(const World *world, pid_t *ret_pids, unsigned max);
/* A signal to all workers. */
void world_signal_workers(const World *world, int signal_number);
/* A line of /proc/PID/status as a number in the given base. */
uint64_t world_status(pid_t pid, const char *name, int base);
/* Does the scanner or a child hold a file of this folder open? */
bool world_holds(const World *world, const char *folder);
