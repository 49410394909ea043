/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The workers: forked with the engine in memory, watched, killed when a file takes too long, replaced. One
 * file at a time each, so that a worker that is lost costs that file and no other. One of them, the express
 * worker, is kept for files that somebody waits for; the others run at a lower priority of processor and
 * disk.
 */
#include <systemd/sd-event.h>

#include "agent/scanner/engine.h"
#include "agent/scanner/job.h"
#include "agent/scanner/queue.h"
#include "lib/ipc/chan.h"

#define POOL_WORKERS_MAX 16

typedef struct Pool Pool;

/* What a worker may send. */
extern const SkMsgSpec pool_specs[];

typedef struct PoolSetup {
	sd_event *event;
	Engine *engine;
	const char *no_engine;
	const char *temporary; /* folder in which each worker gets its own */
	uint64_t file_time_usec, max_file_size, max_scan_size;
	unsigned workers; /* for walks; the express worker comes on top */
} PoolSetup;

/* What the pool tells its owner. Items come back to be freed. */
typedef struct PoolEvents {
	/* A worker asks whether this hash is known; answer with pool_answer() and the same number. */
	void (*lookup)(void *userdata, uint64_t job, const QueueItem *item, const uint8_t sha256[32]);
	void (*done)(void *userdata, QueueItem *item, const JobResult *result, uint64_t elapsed_usec);
	/* A worker is free for work. */
	void (*idle)(void *userdata);
} PoolEvents;

/* Forks the workers. events and userdata are borrowed. Return: 0 or negative errno. */
int pool_new(const PoolSetup *setup, const PoolEvents *events, void *userdata, Pool **ret_pool);
/* Kills the workers and frees what they were working on. */
Pool *pool_free(Pool *pool);

/* Is a worker free for a file that somebody waits for, or for one of a walk? */
bool pool_has_idle(const Pool *pool, bool waiting);
unsigned pool_busy(const Pool *pool);

/* Gives a file to a free worker; the item is the pool's until `done`. Call after pool_has_idle() only. */
void pool_scan(Pool *pool, QueueItem *item);

void pool_answer(Pool *pool, uint64_t job, const SkScanKnown *known);

/* Kills the workers that hold a file of the volume, so that nothing keeps it busy; each file is `done` as an
 * error. */
void pool_cancel(Pool *pool, uint64_t volume);

/* New workers for the next file: what a hostile file may have done to one does not outlive its medium's walk.
 */
void pool_renew(Pool *pool);
