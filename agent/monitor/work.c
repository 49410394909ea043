/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/work.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

/* Enough for readlink(), a digest and a few paths; glibc's own need is below 16 KiB. */
#define STACK_SIZE (128 * 1024)

struct Work {
	Job *jobs; /* waiting and running, oldest first */
	unsigned n_running;
	int done_in, done_out; /* a pipe: addresses of finished jobs */
	pthread_attr_t attr;
	void *userdata;
};

/* On the thread. */
static void *run_job(void *argument)
{
	Job *job = argument;
	int done_in = job->running;
	ssize_t n;

	job->run(job);
	do {
		n = write(done_in, &job, sizeof(job));
	} while (n < 0 && errno == EINTR);
	return NULL;
}

/* An older job of the same key must end first. */
static bool is_blocked(const Work *work, const Job *job)
{
	for (const Job *older = work->jobs; older != job; older = older->next)
		if (sk_str_eq(older->key, job->key))
			return true;
	return false;
}

static void finish(Work *work, Job *job)
{
	DL_DELETE(work->jobs, job);
	job->done(work->userdata, job);
}

static void start_one(Work *work, Job *job)
{
	pthread_t thread;

	job->running = work->done_in;
	if (pthread_create(&thread, &work->attr, run_job, job) == 0) {
		work->n_running++;
		return;
	}
	job->run(job);
	finish(work, job);
}

static void start_ready(Work *work)
{
	Job *job, *next;

	DL_FOREACH_SAFE(work->jobs, job, next)
	{
		if (work->n_running >= WORK_THREADS_MAX)
			return;
		if (job->running < 0 && !is_blocked(work, job))
			start_one(work, job);
	}
}

void work_start(Work *work, Job *job)
{
	job->running = -1;
	DL_APPEND(work->jobs, job);
	if (work->n_running < WORK_THREADS_MAX && !is_blocked(work, job))
		start_one(work, job);
}

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	Work *work = userdata;
	Job *job;

	while (read(fd, &job, sizeof(job)) == (ssize_t)sizeof(job)) {
		work->n_running--;
		finish(work, job);
	}
	start_ready(work);
	return 0;
}

int work_new(sd_event *event, void *userdata, Work **ret_work)
{
	own_free Work *work = calloc(1, sizeof(*work));
	int fds[2], r;

	if (!work)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	/* Only the reader must not block. */
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	work->done_out = fds[0];
	work->done_in = fds[1];
	work->userdata = userdata;
	pthread_attr_init(&work->attr);
	pthread_attr_setdetachstate(&work->attr, PTHREAD_CREATE_DETACHED);
	r = pthread_attr_setstacksize(&work->attr, STACK_SIZE);
	if (r > 0)
		return -r;
	r = sd_event_add_io(event, NULL, work->done_out, EPOLLIN, on_done, work);
	if (r < 0)
		return r;
	*ret_work = own_take(work);
	return 0;
}
