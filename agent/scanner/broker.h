/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The parent: takes core's requests, keeps the queue, feeds the workers, sends what they find. Looks into no
 * file.
 *
 * broker.c     life: definitions, workers, walker, idle and exit
 * peer_core.c  the messages of core
 * walks.c      walks that are going on
 */
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "agent/scanner/definitions.h"
#include "agent/scanner/engine.h"
#include "agent/scanner/pool.h"
#include "agent/scanner/queue.h"
#include "lib/ipc/chan.h"

typedef struct Broker {
	sd_event *event;
	const char *const *definitions_dirs; /* ended by NULL: the newest definitions are used */
	const char *definitions_dir;	     /* of those that are loaded */
	char temporary[256];		     /* folder of this process */

	SkChan *core;
	sd_event_source *core_io, *idle_timer, *definitions_timer;
	SkScanOptions options;
	bool have_options, connected;
	uint64_t active_usec; /* when something last happened */

	SkScannerState state;
	Definitions definitions;
	Engine *engine;
	char no_engine[SK_FINDING_SIZE];
	bool outdated; /* newer definitions lie on the disk */

	Pool *pool;
	Queue queue;

	pid_t walker_pid;
	int walker_fd;
	sd_event_source *walker_child;
} Broker;

/* broker.c. All return 0 or negative errno; a negative one ends the process. */
int broker_init(
	Broker *broker, sd_event *event, const char *const *definitions_dirs, const char *temporary_parent);
void broker_deinit(Broker *broker);
/* Takes the descriptor of core's connection. */
int broker_connect(Broker *broker, int fd);
/* Core's options came: load the definitions, start the workers. */
int broker_start(Broker *broker);
/* Gives work to every free worker. */
void broker_feed(Broker *broker);
void broker_touch(Broker *broker);
/* Are there others than those loaded? Then the process ends when there is nothing to do. */
void broker_look_for_definitions(Broker *broker);

/* peer_core.c */
extern const SkMsgSpec core_specs[];
int core_dispatch(Broker *broker);
int core_send(Broker *broker, const void *message, const int *fds, size_t n_fds);
int core_send_state(Broker *broker);
void core_send_result(Broker *broker, const QueueItem *item, const JobResult *result, uint64_t elapsed_usec);
/* The same for a file that never reached a worker. */
void core_send_error(Broker *broker, const QueueItem *item, const char *reason);

/* walks.c */
extern const SkMsgSpec walk_specs[];
int walks_start(Broker *broker, const SkScanWalk *request, const int *fds, size_t n_fds);
void walks_cancel(Broker *broker, uint64_t volume);
/* Of a walk's file: counted, and the walk ended when it was the last. */
void walks_count(Broker *broker, QueueWalk *walk, uint64_t size, bool refused);
/* After files were taken: read on. */
void walks_resume(Broker *broker);
void walks_free_all(Broker *broker);
