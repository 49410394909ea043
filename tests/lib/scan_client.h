/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Plays core's part towards sekisho-scanner, for tests and measurements: starts the real program, asks,
 * answers its questions from a memory of verdicts that can be kept in a file, and hands results to the test.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/ipc/proto.h"
#include "lib/ipc/proto_scanner.h"

typedef struct ScanClient ScanClient;

/* How to start the scanner. */
typedef struct ScanSpawn {
	const char *program, *temporary, *socket;
	const char *definitions; /* NULL: what the settings in `config` say */
	const char *config;
	const char *user; /* NULL: as we are */
	int client_uid;
} ScanSpawn;

typedef struct ScanEvents {
	void (*state)(void *userdata, const SkScannerState *state);
	void (*result)(void *userdata, const SkScanResult *result);
	void (*walk_done)(void *userdata, const SkScanWalkDone *done);
} ScanEvents;

/* Starts the program; it listens on spawn->socket. Return: pid or negative errno. */
pid_t scan_spawn(const ScanSpawn *spawn);

/* Options that suit tests. */
SkScanOptions scan_options(void);

/* Connects (waiting up to five seconds for the socket to appear). Return: NULL when that fails. */
ScanClient *scan_client_new(const char *socket, const ScanEvents *events, void *userdata);
ScanClient *scan_client_free(ScanClient *client);

int scan_client_set_options(ScanClient *client, const SkScanOptions *options);
/* A volume, what is refused by type, and whether to scan at all. */
typedef struct ScanAsk {
	uint64_t volume;
	uint32_t refuse_types;
	bool hash_only;
} ScanAsk;
int scan_client_file(ScanClient *client, int fd, uint64_t cookie, const ScanAsk *ask);
int scan_client_path(ScanClient *client, const char *path, uint64_t cookie, const ScanAsk *ask);
int scan_client_walk(ScanClient *client, const char *folder, const ScanAsk *ask);
int scan_client_cancel(ScanClient *client, uint64_t volume);

/* Handles what comes, for up to so long. Return: 1 something; 0 nothing in time; negative errno (the scanner
 * left). */
int scan_client_pump(ScanClient *client, int timeout_msec);
/* The latest state; state.head.type is 0 before the first. */
const SkScannerState *scan_client_state(const ScanClient *client);
/* Pumps until it is ready (or says that it has no definitions). Return: 0 or negative errno. */
int scan_client_wait_ready(ScanClient *client);
/* The process that opens files, taken from the descriptor sent with the state; -1: none came. */
pid_t scan_client_walker(const ScanClient *client);

/* The memory of verdicts. */
int scan_client_load(ScanClient *client, const char *path);
int scan_client_save(const ScanClient *client, const char *path);
/* Milliseconds of the monotonic clock. */
double scan_now(void);
