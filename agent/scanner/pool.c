/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/scanner/child.h"
#include "agent/scanner/temporary.h"
#include "agent/scanner/worker.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"
#include "lib/log/log.h"

/* Below everything a person does on the PC, but not so low that a busy PC never finishes. */
#define WALK_NICE 10

/* ioprio_set(2), whose header older systems lack: one process, and the lowest level of the class "best
 * effort". */
#define IO_WHO_PROCESS 1
#define WALK_IO_PRIORITY (2 << 13 | 7)

/* Leaks of libclamav, and whatever a file may have done to it, do not outlive so many files. */
#define FILES_PER_WORKER 5000

/* Killed workers that the kernel still holds in a read of a dead device. Beyond, a slot stays empty. */
#define DYING_MAX 8

typedef struct Worker {
	Pool *pool;
	unsigned slot;
	bool express, retire;
	pid_t pid;
	SkChan *chan;
	sd_event_source *io, *timer, *child;
	QueueItem *item;
	uint64_t job, started_usec;
	unsigned n_files;
	char temporary[256];
} Worker;

/* A process that was killed and has not ended yet. */
typedef struct Dying {
	Pool *pool;
	sd_event_source *child;
	pid_t pid;
} Dying;

struct Pool {
	PoolSetup setup;
	const PoolEvents *events;
	void *userdata;
	unsigned n_workers, n_dying;
	uint64_t n_jobs;
	sd_event_source *retry;
	Worker workers[POOL_WORKERS_MAX + 1]; /* [0] is the express worker */
};

static int worker_start(Worker *worker);

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int on_dead(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	Dying *dying = userdata;

	dying->pool->n_dying--;
	sd_event_source_disable_unref(source);
	free(dying);
	return 0;
}

/* Waits for a killed process beside everything else. */
static void bury(Worker *worker)
{
	Dying *dying = calloc(1, sizeof(*dying));

	worker->child = sd_event_source_disable_unref(worker->child);
	kill(worker->pid, SIGKILL);
	if (!dying)
		return;
	dying->pool = worker->pool;
	dying->pid = worker->pid;
	if (sd_event_add_child(
		    worker->pool->setup.event, &dying->child, worker->pid, WEXITED, on_dead, dying) < 0) {
		free(dying);
		return;
	}
	worker->pool->n_dying++;
}

/* Frees all but the item. */
static void worker_stop(Worker *worker)
{
	if (worker->pid > 0)
		bury(worker);
	worker->pid = 0;
	worker->io = sd_event_source_disable_unref(worker->io);
	worker->timer = sd_event_source_disable_unref(worker->timer);
	worker->child = sd_event_source_disable_unref(worker->child);
	worker->chan = sk_chan_free(worker->chan);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	Pool *pool = userdata;

	pool->retry = sd_event_source_disable_unref(pool->retry);
	for (unsigned i = 0; i < pool->n_workers; i++)
		if (!pool->workers[i].chan)
			worker_start(&pool->workers[i]);
	pool->events->idle(pool->userdata);
	return 0;
}

/* A slot that cannot be filled now is tried again in a second. */
static void worker_restart(Worker *worker)
{
	Pool *pool = worker->pool;
	int r = pool->n_dying < DYING_MAX ? worker_start(worker) : -EAGAIN;

	if (r < 0 && !pool->retry) {
		sk_log(LOG_WARNING, "a worker cannot be started: %s", strerror(-r));
		sd_event_add_time_relative(
			pool->setup.event, &pool->retry, CLOCK_MONOTONIC, 1000000, 0, on_retry, pool);
	}
}

static void finish(Worker *worker, const JobResult *result)
{
	Pool *pool = worker->pool;
	QueueItem *item = own_take(worker->item);
	uint64_t elapsed = now_usec() - worker->started_usec;

	if (worker->timer)
		sd_event_source_set_enabled(worker->timer, SD_EVENT_OFF);
	if (item)
		pool->events->done(pool->userdata, item, result, elapsed);
}

/* The file at hand is an error; the worker is replaced. */
static void worker_fail(Worker *worker, const char *reason)
{
	JobResult result = {.verdict = SK_VERDICT_ERROR};

	if (worker->item) {
		result.file = worker->item->file;
		sk_str_copy(result.finding, sizeof(result.finding), reason);
		sk_log(LOG_WARNING, "worker %u was lost over a file: %s", worker->slot, reason);
	}
	worker_stop(worker);
	temporary_empty(worker->temporary);
	worker_restart(worker);
	finish(worker, &result);
	worker->pool->events->idle(worker->pool->userdata);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	worker_fail(userdata, "the scanner did not finish with it in time");
	return 0;
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	Worker *worker = userdata;
	char reason[SK_FINDING_SIZE] = "the scanner stopped over it";

	if (info->si_code == CLD_EXITED && info->si_status == 0 && !worker->item)
		sk_str_copy(reason, sizeof(reason), "");
	else if (info->si_code == CLD_EXITED)
		sk_str_format(
			reason, sizeof(reason), "the scanner ended over it (status %d)", info->si_status);
	else if (info->si_status == SIGBUS)
		sk_str_copy(reason, sizeof(reason), "the medium could not be read");
	else
		sk_str_format(
			reason, sizeof(reason), "the scanner crashed over it (signal %d)", info->si_status);
	worker->pid = 0; /* sd-event has waited for it */
	worker_fail(worker, reason);
	return 0;
}

static int on_lookup(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Worker *worker = userdata;

	if (!worker->item || head->cookie != worker->job)
		return -EPROTO;
	worker->pool->events->lookup(
		worker->pool->userdata, worker->job, worker->item, ((const JobLookup *)head)->sha256);
	return 0;
}

static int on_result(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Worker *worker = userdata;
	const JobResult *result = (const JobResult *)head;

	if (!worker->item || head->cookie != worker->job)
		return -EPROTO;
	finish(worker, result);
	return 0;
}

static bool check_result(const SkHead *head)
{
	const JobResult *result = (const JobResult *)head;

	return result->verdict != SK_VERDICT_NONE && result->verdict < SK_VERDICT_MAX_ &&
	       SK_PROTO_TEXT_OK(result->finding) && SK_PROTO_TEXT_OK(result->mime);
}

const SkMsgSpec pool_specs[] = {
	{JOB_LOOKUP, 0, sizeof(JobLookup), on_lookup},
	{JOB_RESULT, 0, sizeof(JobResult), on_result, check_result},
	{0},
};

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Worker *worker = userdata;
	int r = sk_chan_dispatch(worker->chan, pool_specs, worker);

	if (r == -EAGAIN)
		return 0;
	if (r == 0 || r == -ECONNRESET) {
		/* It is ending: on_child() will know why. A worker that only closed its socket is made to. */
		kill(worker->pid, SIGKILL);
		sd_event_source_set_enabled(worker->io, SD_EVENT_OFF);
		return 0;
	}
	if (r < 0)
		worker_fail(worker, "the scanner answered nonsense");
	else if (!worker->item)
		worker->pool->events->idle(worker->pool->userdata);
	return 0;
}

static void run_worker(int fd, void *userdata)
{
	const Worker *worker = userdata;
	const PoolSetup *setup = &worker->pool->setup;
	const WorkerSetup mine = {.engine = setup->engine,
		.no_engine = setup->no_engine,
		.temporary = worker->temporary,
		.max_file_size = setup->max_file_size,
		.max_scan_size = setup->max_scan_size};

	worker_run(fd, &mine);
}

static void lower_priority(pid_t pid)
{
	setpriority(PRIO_PROCESS, (id_t)pid, WALK_NICE);
	syscall(SYS_ioprio_set, IO_WHO_PROCESS, pid, WALK_IO_PRIORITY);
}

static int worker_start(Worker *worker)
{
	Pool *pool = worker->pool;
	int fd, r;
	pid_t pid = child_spawn(run_worker, worker, &fd);

	if (pid < 0)
		return (int)pid;
	worker->pid = pid;
	worker->retire = false;
	worker->n_files = 0;
	if (!worker->express)
		lower_priority(pid);
	worker->chan = sk_chan_new(fd);
	r = worker->chan ? 0 : -ENOMEM;
	if (r == 0)
		r = sd_event_add_child(pool->setup.event, &worker->child, pid, WEXITED, on_child, worker);
	if (r >= 0)
		r = sd_event_add_io(pool->setup.event, &worker->io, fd, EPOLLIN, on_io, worker);
	if (r >= 0)
		r = sd_event_add_time_relative(
			pool->setup.event, &worker->timer, CLOCK_MONOTONIC, 0, 0, on_timeout, worker);
	if (r >= 0)
		r = sd_event_source_set_enabled(worker->timer, SD_EVENT_OFF);
	/* What a dead worker said before it died counts. */
	if (r >= 0)
		r = sd_event_source_set_priority(worker->child, SD_EVENT_PRIORITY_IDLE);
	if (r < 0)
		worker_stop(worker);
	return r < 0 ? r : 0;
}

OWN_DEFINE(Pool, pool_free)

int pool_new(const PoolSetup *setup, const PoolEvents *events, void *userdata, Pool **ret_pool)
{
	own_(pool_freep) Pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pool->setup = *setup;
	pool->events = events;
	pool->userdata = userdata;
	pool->n_workers = 1 + (setup->workers < POOL_WORKERS_MAX ? setup->workers : POOL_WORKERS_MAX);
	for (unsigned i = 0; i < pool->n_workers; i++) {
		Worker *worker = &pool->workers[i];
		int r;

		*worker = (Worker){.pool = pool, .slot = i, .express = i == 0};
		r = temporary_add(setup->temporary, i, worker->temporary, sizeof(worker->temporary));
		if (r == 0)
			r = worker_start(worker);
		if (r < 0)
			return r;
	}
	*ret_pool = own_take(pool);
	return 0;
}

Pool *pool_free(Pool *pool)
{
	if (!pool)
		return NULL;
	for (unsigned i = 0; i < pool->n_workers; i++) {
		Worker *worker = &pool->workers[i];

		if (worker->pid > 0)
			kill(worker->pid, SIGKILL);
		worker->pid = 0;
		worker_stop(worker);
		queue_item_free(worker->item);
	}
	sd_event_source_disable_unref(pool->retry);
	free(pool);
	return NULL;
}

static Worker *find_idle(const Pool *pool, bool waiting)
{
	for (unsigned i = waiting ? 0 : 1; i < pool->n_workers; i++)
		if (pool->workers[i].chan && !pool->workers[i].item)
			return (Worker *)&pool->workers[i];
	return NULL;
}

bool pool_has_idle(const Pool *pool, bool waiting)
{
	return find_idle(pool, waiting) != NULL;
}

unsigned pool_busy(const Pool *pool)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->n_workers; i++)
		n += pool->workers[i].item != NULL;
	return n;
}

/* A used worker makes way for a new one before its next file. */
static int worker_refresh(Worker *worker)
{
	if (!worker->retire && worker->n_files < FILES_PER_WORKER)
		return 0;
	worker_stop(worker);
	return worker_start(worker);
}

void pool_scan(Pool *pool, QueueItem *item)
{
	Worker *worker = find_idle(pool, !item->walk && !item->later);
	JobScan job = {.refuse_types = item->refuse_types, .scan = item->scan};
	int r = worker_refresh(worker);

	worker->item = item;
	worker->job = ++pool->n_jobs;
	worker->n_files++;
	worker->started_usec = now_usec();
	if (r < 0) {
		worker_fail(worker, strerror(-r));
		return;
	}
	sk_head_init(&job.head, JOB_SCAN, sizeof(job));
	job.head.cookie = worker->job;
	sd_event_source_set_time_relative(worker->timer, pool->setup.file_time_usec);
	sd_event_source_set_enabled(worker->timer, SD_EVENT_ONESHOT);
	/* A worker that cannot be told is ending; on_child() settles the file. */
	sk_chan_send(worker->chan, &job, &item->fd, 1);
}

void pool_answer(Pool *pool, uint64_t job, const SkScanKnown *known)
{
	JobKnown answer = {.known = *known};

	sk_head_init(&answer.head, JOB_KNOWN, sizeof(answer));
	answer.head.cookie = job;
	for (unsigned i = 0; i < pool->n_workers; i++)
		if (pool->workers[i].item && pool->workers[i].job == job)
			sk_chan_send(pool->workers[i].chan, &answer, NULL, 0);
}

void pool_cancel(Pool *pool, uint64_t volume)
{
	for (unsigned i = 0; i < pool->n_workers; i++)
		if (pool->workers[i].item && pool->workers[i].item->volume == volume)
			worker_fail(&pool->workers[i], "the medium was taken away");
}

void pool_renew(Pool *pool)
{
	for (unsigned i = 0; i < pool->n_workers; i++)
		pool->workers[i].retire = pool->workers[i].n_files > 0;
}
