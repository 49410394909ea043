/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"

/* Between a worker and its parent only. */
#define WORKER_DONE 0x04f1

typedef struct WorkerReport {
	SkHead head;
	int32_t result;
	uint32_t reserved;
	MediaDetail detail;
} WorkerReport;

typedef struct Worker {
	SkMediaMount request;
	SkChan *chan;
	sd_event_source *io, *timer;
	MediaWorkerDone done;
	void *userdata;
	pid_t pid;
	bool reported;
	WorkerReport report;
	MediaPrepared prepared;
} Worker;

static unsigned n_workers;

unsigned media_workers(void)
{
	return n_workers;
}

static void worker_free(Worker *worker)
{
	sd_event_source_disable_unref(worker->io);
	sd_event_source_disable_unref(worker->timer);
	if (worker->chan)
		n_workers--;
	sk_chan_free(worker->chan);
	free(worker);
}
OWN_DEFINE(Worker, worker_free)

static void finish(Worker *worker, int result, const MediaDetail *detail)
{
	worker->done(worker->userdata, &worker->request, result, &worker->prepared, detail);
	worker_free(worker);
}

static int on_report(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const WorkerReport *report = (const WorkerReport *)message;
	Worker *worker = userdata;

	if (worker->reported || (report->result == 0) != (n_fds == 3))
		return -EPROTO;
	worker->reported = true;
	worker->report = *report;
	if (n_fds == 3)
		worker->prepared =
			(MediaPrepared){own_take_fd(&fds[0]), own_take_fd(&fds[1]), own_take_fd(&fds[2])};
	return 0;
}

static bool check_report(const SkHead *message)
{
	const WorkerReport *report = (const WorkerReport *)message;

	return SK_PROTO_TEXT_OK(report->detail.text) && report->result <= 0;
}

const SkMsgSpec media_worker_specs[] = {
	{WORKER_DONE, SK_CHAN_FDS_UP_TO | 3, sizeof(WorkerReport), on_report, check_report},
	{0},
};

/* The worker is heard out: while it has its own descriptors of the mount, nobody could unmount it again. */
static int on_worker_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Worker *worker = userdata;
	const MediaDetail nothing = {"the worker ended without an answer"};
	int r = sk_chan_dispatch(worker->chan, media_worker_specs, worker);

	if (r == 1 || r == -EAGAIN)
		return 0;
	if (r == 0 && worker->reported)
		finish(worker, worker->report.result, &worker->report.detail);
	else
		finish(worker, -ECHILD, &nothing);
	return 0;
}

static int on_worker_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	Worker *worker = userdata;
	const MediaDetail late = {"the medium does not answer"};

	/* What it made nobody has seen: it ends with the worker. */
	kill(worker->pid, SIGKILL);
	finish(worker, -ETIMEDOUT, &late);
	return 0;
}

/* Connections of the parent must not stay open because a worker takes long. */
static void close_all_but(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	if (low > 3)
		close_range(3, low - 1, 0);
	if (high - low > 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0u, 0);
}

/* Runs in the child. */
_Noreturn static void work(const MediaPrepareOrder *order, int fd)
{
	WorkerReport report = {0};
	MediaPrepared prepared = {-1, -1, -1};
	SkChan *parent = sk_chan_new(fd); /* closed last, by the end of the process */
	sigset_t none;

	close_all_but(order->device_fd, fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!parent)
		_exit(1);
	sk_head_init(&report.head, WORKER_DONE, sizeof(report));
	report.result = media_prepare(order, &prepared, &report.detail);
	const int fds[3] = {prepared.mount_fd, prepared.group_fd, prepared.root_fd};
	int r = sk_chan_send(parent, &report, fds, report.result == 0 ? 3 : 0);

	for (size_t i = 0; i < SK_ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	_exit(r < 0 ? 1 : 0);
}

static int watch(sd_event *event, Worker *worker)
{
	uint64_t seconds = worker->request.import_copy ? MEDIA_COPY_SECONDS : MEDIA_MOUNT_SECONDS;
	int r = sd_event_add_io(event, &worker->io, sk_chan_fd(worker->chan), EPOLLIN, on_worker_io, worker);

	if (r >= 0)
		r = sd_event_add_time_relative(event, &worker->timer, CLOCK_MONOTONIC, seconds * 1000000,
			1000000, on_worker_timeout, worker);
	return r < 0 ? r : 0;
}

int media_worker_start(sd_event *event, const MediaPrepareOrder *order, MediaWorkerDone done, void *userdata)
{
	own_(worker_freep) Worker *worker = calloc(1, sizeof(*worker));
	int sockets[2], r;

	if (n_workers >= MEDIA_WORKERS_MAX)
		return -EAGAIN;
	if (!worker)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	own_fd int there = sockets[1];

	worker->request = *order->request;
	worker->done = done;
	worker->userdata = userdata;
	worker->prepared = (MediaPrepared){-1, -1, -1};
	worker->chan = sk_chan_new(sockets[0]);
	if (!worker->chan)
		return -ENOMEM;
	n_workers++;
	r = watch(event, worker);
	if (r < 0)
		return r;
	worker->pid = fork();
	if (worker->pid < 0)
		return -errno;
	if (worker->pid == 0)
		work(order, own_take_fd(&there));
	own_take(worker);
	return 0;
}
