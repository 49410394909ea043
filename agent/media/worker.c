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
#include <utlist.h>

#include "agent/media/erase.h"
#include "agent/media/format.h"
#include "agent/media/handover.h"
#include "agent/media/rekey.h"
#include "agent/media/store.h"
#include "agent/media/unlock.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/check.h"
#include "lib/ipc/check_carry.h"

/* Between a worker and its parent only. */
#define WORKER_DONE 0x04f1

typedef struct WorkerReport {
	SkHead head;
	int32_t result;
	uint32_t reserved;
	MediaDetail detail;
} WorkerReport;

typedef struct Worker {
	struct Worker *prev, *next;
	uint64_t number;
	MediaWork work; /* points into what follows */
	SkMediaMount mount;
	SkLuksWanted wanted;
	SkMediaFormat format;
	SkMediaRekey rekey;
	SkMediaErase erase;
	SkMediaUnmount close;
	SkMediaWritable thaw;
	SkMediaStore store;
	SkMediaHandOver handover;
	SkChan *chan;
	sd_event_source *io, *timer;
	MediaWorkerCalls calls;
	pid_t pid;
	bool reported;
	MediaDone done;
} Worker;

static Worker *workers;
static unsigned n_workers;

unsigned media_workers(void)
{
	return n_workers;
}

static void worker_free(Worker *worker)
{
	sd_event_source_disable_unref(worker->io);
	sd_event_source_disable_unref(worker->timer);
	if (worker->chan) {
		DL_DELETE(workers, worker);
		n_workers--;
	}
	sk_chan_free(worker->chan);
	free(worker);
}
OWN_DEFINE(Worker, worker_free)

static void finish(Worker *worker, int result, const char *why)
{
	worker->done.result = result;
	if (why)
		sk_str_copy(worker->done.detail.text, sizeof(worker->done.detail.text), why);
	worker->calls.done(worker->calls.userdata, &worker->work, &worker->done);
	worker_free(worker);
}

/* A mount comes with three descriptors, everything else with none. */
static int on_report(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const WorkerReport *report = (const WorkerReport *)message;
	Worker *worker = userdata;
	bool mounted = report->result == 0 && worker->work.mount;

	if (worker->reported || mounted != (n_fds == 3))
		return -EPROTO;
	worker->reported = true;
	worker->done.result = report->result;
	worker->done.detail = report->detail;
	if (n_fds == 3)
		worker->done.prepared =
			(MediaPrepared){own_take_fd(&fds[0]), own_take_fd(&fds[1]), own_take_fd(&fds[2])};
	return 0;
}

static bool check_report(const SkHead *message)
{
	const WorkerReport *report = (const WorkerReport *)message;

	return SK_PROTO_TEXT_OK(report->detail.text) && report->result <= 0;
}

/* How long a large medium takes nobody knows; that it goes on is enough. */
static int on_progress(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Worker *worker = userdata;

	if (worker->work.erase)
		sd_event_source_set_time_relative(worker->timer, MEDIA_LONG_SECONDS * 1000000ULL);
	worker->calls.tell(worker->calls.userdata, message);
	return 0;
}

/* Its answer finds the way back by the cookie. */
static int on_question(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Worker *worker = userdata;
	union {
		SkHead head;
		SkMediaEvaluate evaluate;
		SkMediaLeaseAsk lease;
	} question;

	if (message->size > sizeof(question))
		return -EPROTO;
	memcpy(&question, message, message->size);
	question.head.cookie = worker->number;
	worker->calls.tell(worker->calls.userdata, &question.head);
	return 0;
}

static int on_formatted(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Worker *worker = userdata;

	if (!worker->work.format)
		return -EPROTO;
	worker->done.formatted = *(const SkMediaFormatted *)message;
	return 0;
}

static int on_rekeyed(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Worker *worker = userdata;

	if (!worker->work.rekey)
		return -EPROTO;
	worker->done.rekeyed = *(const SkMediaRekeyed *)message;
	return 0;
}

static int on_erased(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Worker *worker = userdata;

	if (!worker->work.erase)
		return -EPROTO;
	worker->done.erased = *(const SkMediaErased *)message;
	return 0;
}

const SkMsgSpec media_worker_specs[] = {
	{WORKER_DONE, SK_CHAN_FDS_UP_TO | 3, sizeof(WorkerReport), on_report, check_report},
	{SK_MEDIA_EVALUATE, 0, sizeof(SkMediaEvaluate), on_question, sk_check_media_evaluate},
	{SK_MEDIA_LEASE_ASK, 0, sizeof(SkMediaLeaseAsk), on_question, sk_check_media_lease_ask},
	{SK_MEDIA_PROGRESS, 0, sizeof(SkMediaProgress), on_progress, sk_check_media_progress},
	{SK_MEDIA_FORMATTED, 0, sizeof(SkMediaFormatted), on_formatted, sk_check_media_formatted},
	{SK_MEDIA_REKEYED, 0, sizeof(SkMediaRekeyed), on_rekeyed, sk_check_media_rekeyed},
	{SK_MEDIA_ERASED, 0, sizeof(SkMediaErased), on_erased, sk_check_media_erased},
	{0},
};

void media_worker_answer(const SkHead *message)
{
	Worker *worker;

	DL_FOREACH (workers, worker)
		if (worker->number == message->cookie)
			(void)sk_chan_send(worker->chan, message, NULL, 0);
}

/* The worker is heard out: while it has its own descriptors of the mount, nobody could unmount it again. */
static int on_worker_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Worker *worker = userdata;
	int r = sk_chan_dispatch(worker->chan, media_worker_specs, worker);

	if (r == 1 || r == -EAGAIN)
		return 0;
	if (r == 0 && worker->reported)
		finish(worker, worker->done.result, NULL);
	else
		finish(worker, -ECHILD, "the worker ended without an answer");
	return 0;
}

static int on_worker_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	Worker *worker = userdata;

	/* What it made nobody has seen: it ends with the worker. */
	kill(worker->pid, SIGKILL);
	finish(worker, -ETIMEDOUT, "the medium does not answer");
	return 0;
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Connections of the parent must not stay open because a worker takes long. */
static void close_all_but(int *fds, size_t n)
{
	int from = 3;

	qsort(fds, n, sizeof(*fds), compare_fds);
	for (size_t i = 0; i < n; i++) {
		if (fds[i] < from)
			continue;
		if (fds[i] > from)
			close_range((unsigned)from, (unsigned)fds[i] - 1, 0);
		from = fds[i] + 1;
	}
	close_range((unsigned)from, ~0u, 0);
}

static int run_format(const MediaWork *work, MediaDetail *detail)
{
	SkMediaFormatted formatted = {.volume = 0};
	int r;

	formatted.volume = work->format->volume;
	sk_head_init(&formatted.head, SK_MEDIA_FORMATTED, sizeof(formatted));
	r = media_format(work, &formatted, detail);
	sk_str_copy(formatted.detail, sizeof(formatted.detail), detail->text);
	return r < 0 ? r : sk_chan_send(work->parent, &formatted, NULL, 0);
}

static int run_rekey(const MediaWork *work, MediaDetail *detail)
{
	SkMediaRekeyed rekeyed = {.volume = work->rekey->volume};
	int r;

	sk_head_init(&rekeyed.head, SK_MEDIA_REKEYED, sizeof(rekeyed));
	r = media_rekey(work, &rekeyed, detail);
	sk_str_copy(rekeyed.detail, sizeof(rekeyed.detail), detail->text);
	return r < 0 ? r : sk_chan_send(work->parent, &rekeyed, NULL, 0);
}

static int run_erase(const MediaWork *work)
{
	SkMediaErased erased = {.volume = work->erase->volume};
	int r = media_erase(work, &erased);

	sk_head_init(&erased.head, SK_MEDIA_ERASED, sizeof(erased));
	return r < 0 ? r : sk_chan_send(work->parent, &erased, NULL, 0);
}

static int run(const MediaWork *work, MediaPrepared *prepared, MediaDetail *detail)
{
	if (work->close)
		return media_lock(work);
	if (work->rekey)
		return run_rekey(work, detail);
	if (work->erase)
		return run_erase(work);
	if (work->thaw)
		return media_mount_thaw(work->device_fd);
	if (work->store)
		return media_store(work, detail);
	if (work->handover)
		return media_hand_over(work, detail);
	return work->format ? run_format(work, detail) : media_prepare(work, prepared, detail);
}

/* Runs in the child. */
_Noreturn static void work_as_told(MediaWork *work, int fd)
{
	bool has_slip = work->store || work->handover;
	int kept[] = {work->device_fd, work->passphrase_fd, work->rekey ? work->secret_fd : -1,
		work->close ? work->base_fd : -1, fd, has_slip ? work->files[0] : -1,
		has_slip ? work->files[1] : -1, has_slip ? work->files[2] : -1,
		work->handover ? work->archive_fd : -1};
	WorkerReport report = {0};
	MediaPrepared prepared = {-1, -1, -1};
	SkChan *parent = sk_chan_new(fd); /* closed last, by the end of the process */
	sigset_t none;

	close_all_but(kept, SK_ARRAY_SIZE(kept));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!parent)
		_exit(1);
	work->parent = parent;
	sk_head_init(&report.head, WORKER_DONE, sizeof(report));
	report.result = run(work, &prepared, &report.detail);
	const int fds[3] = {prepared.mount_fd, prepared.group_fd, prepared.root_fd};
	int r = sk_chan_send(parent, &report, fds, prepared.mount_fd >= 0 ? 3 : 0);

	for (size_t i = 0; i < SK_ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	_exit(r < 0 ? 1 : 0);
}

static int watch(sd_event *event, Worker *worker)
{
	const MediaWork *work = &worker->work;
	bool is_long = !work->mount || work->mount->import_copy;
	uint64_t seconds = is_long ? MEDIA_LONG_SECONDS : MEDIA_MOUNT_SECONDS;
	int r = sd_event_add_io(event, &worker->io, sk_chan_fd(worker->chan), EPOLLIN, on_worker_io, worker);

	if (r >= 0)
		r = sd_event_add_time_relative(event, &worker->timer, CLOCK_MONOTONIC, seconds * 1000000,
			1000000, on_worker_timeout, worker);
	return r < 0 ? r : 0;
}

static void copy_work(Worker *worker, const MediaWork *work)
{
	worker->work = *work;
	if (work->mount)
		worker->work.mount = memcpy(&worker->mount, work->mount, sizeof(worker->mount));
	if (work->wanted)
		worker->work.wanted = memcpy(&worker->wanted, work->wanted, sizeof(worker->wanted));
	if (work->format)
		worker->work.format = memcpy(&worker->format, work->format, sizeof(worker->format));
	if (work->rekey)
		worker->work.rekey = memcpy(&worker->rekey, work->rekey, sizeof(worker->rekey));
	if (work->erase)
		worker->work.erase = memcpy(&worker->erase, work->erase, sizeof(worker->erase));
	if (work->close)
		worker->work.close = memcpy(&worker->close, work->close, sizeof(worker->close));
	if (work->thaw)
		worker->work.thaw = memcpy(&worker->thaw, work->thaw, sizeof(worker->thaw));
	if (work->store)
		worker->work.store = memcpy(&worker->store, work->store, sizeof(worker->store));
	if (work->handover)
		worker->work.handover = memcpy(&worker->handover, work->handover, sizeof(worker->handover));
}

int media_worker_start(sd_event *event, const MediaWork *work, const MediaWorkerCalls *calls)
{
	static uint64_t last_number;
	own_(worker_freep) Worker *worker = calloc(1, sizeof(*worker));
	int sockets[2], r;

	if (n_workers >= MEDIA_WORKERS_MAX)
		return -EAGAIN;
	if (!worker)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	own_fd int there = sockets[1];

	copy_work(worker, work);
	worker->calls = *calls;
	worker->number = ++last_number;
	worker->done.prepared = (MediaPrepared){-1, -1, -1};
	worker->chan = sk_chan_new(sockets[0]);
	if (!worker->chan)
		return -ENOMEM;
	DL_APPEND(workers, worker);
	n_workers++;
	r = watch(event, worker);
	if (r < 0)
		return r;
	worker->pid = fork();
	if (worker->pid < 0)
		return -errno;
	if (worker->pid == 0)
		work_as_told(&worker->work, own_take_fd(&there));
	own_take(worker);
	return 0;
}
