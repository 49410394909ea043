/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/broker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "agent/scanner/temporary.h"
#include "agent/scanner/walker.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* freshclam looks a few times a day; somebody who copies definitions by hand looks at the result at once. */
#define CHECK_LOADED_USEC (60 * 1000000ull)
#define CHECK_MISSING_USEC (5 * 1000000ull)

/* Without a sign of life for so long while it loads, the process hangs. */
#define LOADING_WATCH_USEC (120 * 1000000ull)

/* Nobody connected: whoever woke us by the socket was refused or has gone. */
#define NOBODY_USEC (30 * 1000000ull)

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* A handler that fails ends the process; systemd and the next connection begin anew. */
static int end_on_failure(sd_event_source *source)
{
	int r = sd_event_source_set_exit_on_failure(source, true);

	return r < 0 ? r : 0;
}

void broker_touch(Broker *broker)
{
	broker->active_usec = now_usec();
}

static bool is_busy(const Broker *broker)
{
	return !queue_is_empty(&broker->queue) || (broker->pool && pool_busy(broker->pool) > 0) ||
	       (broker->core && sk_chan_pending(broker->core));
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
	Broker *broker = userdata;
	uint64_t budget = broker->connected ? broker->options.idle_usec : NOBODY_USEC;
	uint64_t since = now_usec() - broker->active_usec;

	if (!is_busy(broker) && (since >= budget || broker->outdated))
		return sd_event_exit(broker->event, 0);
	sd_event_source_set_time_relative(source, since < budget ? budget - since : budget);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Looks at once whether there is a reason to end. */
static void check_idle(Broker *broker)
{
	if (broker->outdated && !is_busy(broker))
		sd_event_exit(broker->event, 0);
}

void broker_feed(Broker *broker)
{
	Pool *pool = broker->pool;

	if (!pool)
		return;
	while (broker->queue.waiting && pool_has_idle(pool, true))
		pool_scan(pool, queue_take_waiting(&broker->queue));
	/* Core that does not keep up with results gets no more of them. */
	while (!sk_chan_pending(broker->core) && pool_has_idle(pool, false)) {
		QueueItem *item = queue_take_later(&broker->queue);

		if (!item)
			break;
		pool_scan(pool, item);
	}
	walks_resume(broker);
	check_idle(broker);
}

static void on_lookup(void *userdata, uint64_t job, const QueueItem *item, const uint8_t sha256[32])
{
	Broker *broker = userdata;
	SkScanLookup lookup = {.volume = item->volume};

	sk_head_init(&lookup.head, SK_SCAN_LOOKUP, sizeof(lookup));
	lookup.head.cookie = job;
	memcpy(lookup.sha256, sha256, sizeof(lookup.sha256));
	core_send(broker, &lookup, NULL, 0);
}

static void on_done(void *userdata, QueueItem *item, const JobResult *result, uint64_t elapsed_usec)
{
	Broker *broker = userdata;
	QueueWalk *walk = item->walk;
	uint64_t size = result->file.size;
	bool refused = result->verdict != SK_VERDICT_CLEAN;

	broker_touch(broker);
	core_send_result(broker, item, result, elapsed_usec);
	queue_item_free(item);
	if (walk)
		walks_count(broker, walk, size, refused);
}

static void on_worker_idle(void *userdata)
{
	broker_feed(userdata);
}

static const PoolEvents pool_events = {on_lookup, on_done, on_worker_idle};

/* systemd's watchdog while definitions load, when the event loop does not run. */
static void on_progress(void)
{
	static uint64_t last;
	uint64_t now = now_usec();

	if (now - last < 1000000)
		return;
	last = now;
	sd_notify(0, "WATCHDOG=1");
}

/* More patience while definitions load: a slow disk can keep libclamav from telling that it goes on. */
static void watch_loading(bool loading)
{
	uint64_t usec;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return;
	sd_notifyf(0, "WATCHDOG_USEC=%llu\nWATCHDOG=1",
		(unsigned long long)(loading && usec < LOADING_WATCH_USEC ? LOADING_WATCH_USEC : usec));
}

static int set_state(Broker *broker, uint32_t state, const char *detail)
{
	SkScannerState *message = &broker->state;

	*message = (SkScannerState){.state = state,
		.signatures = broker->engine ? engine_signatures(broker->engine) : 0,
		.definitions_version = broker->definitions.version,
		.definitions_time = broker->definitions.time};
	sk_str_copy(message->detail, sizeof(message->detail), detail);
	return core_send_state(broker);
}

static void log_load(const Broker *broker, int r, const char *detail, uint64_t began_usec)
{
	if (r == 0)
		sk_log(LOG_INFO, "%u signatures loaded from %s in %.1f s", engine_signatures(broker->engine),
			broker->definitions_dir, (double)(now_usec() - began_usec) / 1e6);
	else
		sk_log(LOG_ERR, "no virus definitions: %s", detail);
}

/* Without an engine we go on: every file that had to be scanned is an error with this reason. */
static void load(Broker *broker, char detail[256])
{
	const SkScanOptions *options = &broker->options;
	EngineLimits limits = {
		.max_file_size = options->max_file_size,
		.max_scan_size = options->max_scan_size,
		/* libclamav ends by itself, and says so, before the worker is killed. */
		.scan_time_usec = options->file_time_usec / 10 * 9,
		.max_recursion = options->max_recursion,
		.max_files = options->max_files,
	};
	uint64_t began_usec = now_usec();
	int r;

	broker->definitions_dir = definitions_newest(broker->definitions_dirs);
	limits.image_hashes = definitions_compare_pictures(broker->definitions_dir);
	r = definitions_read(broker->definitions_dir, &broker->definitions);
	detail[0] = 0;
	if (r < 0)
		sk_str_format(detail, 256, "%s: %s", broker->definitions_dir, strerror(-r));
	else if (broker->definitions.files == 0) {
		r = -ENODATA;
		sk_str_format(detail, 256, "there are no virus definitions in %s", broker->definitions_dir);
	} else {
		r = engine_load(broker->definitions_dir, &limits, on_progress, &broker->engine, detail);
	}
	log_load(broker, r, detail, began_usec);
	sk_str_format(broker->no_engine, sizeof(broker->no_engine), "no virus definitions: %s", detail);
}

static unsigned count_workers(const SkScanOptions *options)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (options->workers > 0)
		return options->workers < POOL_WORKERS_MAX ? options->workers : POOL_WORKERS_MAX;
	return cores < 1 ? 1 : cores > 4 ? 4 : (unsigned)cores;
}

static int start_pool(Broker *broker)
{
	const PoolSetup setup = {.event = broker->event,
		.engine = broker->engine,
		.no_engine = broker->no_engine,
		.temporary = broker->temporary,
		.file_time_usec = broker->options.file_time_usec,
		.max_file_size = broker->options.max_file_size,
		.max_scan_size = broker->options.max_scan_size,
		.workers = count_workers(&broker->options)};

	return pool_new(&setup, &pool_events, broker, &broker->pool);
}

/* Also a second time, when there was nothing to load the first time. */
static int load_and_start(Broker *broker)
{
	char detail[256];
	int r;

	broker->pool = pool_free(broker->pool);
	r = set_state(broker, SK_SCANNER_LOADING, "");
	if (r < 0)
		return r;
	watch_loading(true);
	load(broker, detail);
	r = start_pool(broker);
	watch_loading(false);
	if (r < 0)
		return r;
	broker_touch(broker);
	return set_state(broker, broker->engine ? SK_SCANNER_READY : SK_SCANNER_NO_DEFINITIONS, detail);
}

/* Are there others than those that are loaded? Also in the other place. */
static bool are_outdated(const Broker *broker)
{
	Definitions found = {0};

	return definitions_read(definitions_newest(broker->definitions_dirs), &found) == 0 &&
	       found.version != broker->definitions.version;
}

/* Two engines do not fit into a small PC: this process ends, the next connection loads the new ones. */
void broker_look_for_definitions(Broker *broker)
{
	if (broker->engine && are_outdated(broker))
		broker->outdated = true;
}

static int on_definitions_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	Broker *broker = userdata;
	int r = 0;

	broker_look_for_definitions(broker);
	if (!broker->engine && pool_busy(broker->pool) == 0 && are_outdated(broker))
		r = load_and_start(broker);
	if (r < 0)
		return r;
	check_idle(broker);
	sd_event_source_set_time_relative(source, broker->engine ? CHECK_LOADED_USEC : CHECK_MISSING_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int broker_start(Broker *broker)
{
	int r = load_and_start(broker);

	if (r < 0)
		return r;
	r = sd_event_add_time_relative(broker->event, &broker->definitions_timer, CLOCK_MONOTONIC,
		broker->engine ? CHECK_LOADED_USEC : CHECK_MISSING_USEC, 0, on_definitions_timer, broker);
	return r < 0 ? r : end_on_failure(broker->definitions_timer);
}

static int start_walker(Broker *broker);

static int on_walker_dead(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	Broker *broker = userdata;
	int r;

	sk_log(LOG_WARNING, "the walker stopped and is started again");
	broker->walker_child = sd_event_source_disable_unref(broker->walker_child);
	close(own_take_fd(&broker->walker_fd));
	r = start_walker(broker);
	/* Its walks end by themselves: their sockets are closed. Core must know the new one's opens. */
	return r == 0 && broker->core && broker->have_options ? core_send_state(broker) : r;
}

static int start_walker(Broker *broker)
{
	pid_t pid = walker_spawn(&broker->walker_fd);
	int r;

	if (pid < 0)
		return (int)pid;
	broker->walker_pid = pid;
	r = sd_event_add_child(broker->event, &broker->walker_child, pid, WEXITED, on_walker_dead, broker);
	return r < 0 ? r : end_on_failure(broker->walker_child);
}

static int on_core_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Broker *broker = userdata;
	int r = 0;

	if (events & EPOLLOUT) {
		r = sk_chan_flush(broker->core);
		if (r == 0 && !sk_chan_pending(broker->core)) {
			sd_event_source_set_io_events(source, EPOLLIN);
			broker_feed(broker);
		}
	}
	if (r == 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		r = core_dispatch(broker);
	return r;
}

int broker_connect(Broker *broker, int fd)
{
	int r;

	broker->core = sk_chan_new(fd);
	if (!broker->core)
		return -ENOMEM;
	broker->connected = true;
	broker_touch(broker);
	r = sd_event_add_io(broker->event, &broker->core_io, fd, EPOLLIN, on_core_io, broker);
	/* A file that somebody waits for is seen before the next results of a walk. */
	if (r >= 0)
		r = sd_event_source_set_priority(broker->core_io, SD_EVENT_PRIORITY_IMPORTANT);
	return r < 0 ? r : end_on_failure(broker->core_io);
}

int broker_init(
	Broker *broker, sd_event *event, const char *const *definitions_dirs, const char *temporary_parent)
{
	int r;

	*broker = (Broker){.event = event,
		.definitions_dirs = definitions_dirs,
		.definitions_dir = definitions_dirs[0],
		.walker_fd = -1};
	r = temporary_new(temporary_parent, broker->temporary, sizeof(broker->temporary));
	if (r < 0) {
		sk_log(LOG_ERR, "%s: %s", temporary_parent, strerror(-r));
		broker->temporary[0] = 0;
		return r;
	}
	r = start_walker(broker);
	if (r < 0)
		return r;
	broker_touch(broker);
	r = sd_event_add_time_relative(
		event, &broker->idle_timer, CLOCK_MONOTONIC, NOBODY_USEC, 0, on_idle, broker);
	return r < 0 ? r : 0;
}

void broker_deinit(Broker *broker)
{
	walks_free_all(broker);
	while (broker->queue.waiting)
		queue_item_free(queue_take_waiting(&broker->queue));
	while (broker->queue.later)
		queue_item_free(queue_take_later(&broker->queue));
	broker->pool = pool_free(broker->pool);
	if (broker->walker_child)
		kill(broker->walker_pid, SIGKILL);
	sd_event_source_disable_unref(broker->walker_child);
	sd_event_source_disable_unref(broker->core_io);
	sd_event_source_disable_unref(broker->idle_timer);
	sd_event_source_disable_unref(broker->definitions_timer);
	if (broker->walker_fd >= 0)
		close(broker->walker_fd);
	sk_chan_free(broker->core);
	if (broker->temporary[0])
		temporary_remove(broker->temporary);
	/* The engine is not freed: taking a gigabyte apart piece by piece takes longer than ending. */
}
