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

/* Enough for a digest and a few paths; glibc's own need is below 16 KiB. */
#define STACK_SIZE (128 * 1024)
/* Threads that stay, waiting: waking one costs less than making one, and an order is wanted soon. */
#define PARKED_MAX 2

struct Work {
	Job *jobs; /* waiting and running, oldest first; touched by the loop only */
	unsigned n_running;
	int done_in, done_out; /* a pipe: addresses of finished jobs */
	pthread_attr_t attr;
	void *userdata;

	/* Shared with the threads, under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	Job *ready; /* by next_ready */
	unsigned n_ready, n_parked;
};

static void report(int done_in, Job *job)
{
	ssize_t n;

	do {
		n = write(done_in, &job, sizeof(job));
	} while (n < 0 && errno == EINTR);
}

/* Called with the lock. NULL: enough threads wait already. */
static Job *take_ready(Work *work)
{
	Job *job;

	while (!work->ready) {
		if (work->n_parked >= PARKED_MAX)
			return NULL;
		work->n_parked++;
		pthread_cond_wait(&work->wake, &work->lock);
		work->n_parked--;
	}
	job = work->ready;
	work->ready = job->next_ready;
	work->n_ready--;
	return job;
}

static void *run_jobs(void *argument)
{
	Work *work = argument;
	Job *job;

	pthread_mutex_lock(&work->lock);
	while ((job = take_ready(work))) {
		pthread_mutex_unlock(&work->lock);
		job->run(job);
		report(work->done_in, job);
		pthread_mutex_lock(&work->lock);
	}
	pthread_mutex_unlock(&work->lock);
	return NULL;
}

static int make_thread(Work *work)
{
	pthread_t thread;

	return -pthread_create(&thread, &work->attr, run_jobs, work);
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

/* Puts it where a thread will find it. Return: is a thread free for it? */
static bool make_ready(Work *work, Job *job)
{
	bool enough;

	pthread_mutex_lock(&work->lock);
	LL_APPEND2(work->ready, job, next_ready);
	work->n_ready++;
	enough = work->n_ready <= work->n_parked;
	pthread_mutex_unlock(&work->lock);
	/* Not under the lock: the thread would only wake up to wait for that. */
	if (enough)
		pthread_cond_signal(&work->wake);
	return enough;
}

/* Back from where make_ready() put it. Return: false when a thread was quicker. */
static bool take_back(Work *work, Job *job)
{
	bool found = false;

	pthread_mutex_lock(&work->lock);
	for (const Job *ready = work->ready; ready; ready = ready->next_ready)
		found |= ready == job;
	if (found) {
		LL_DELETE2(work->ready, job, next_ready);
		work->n_ready--;
	}
	pthread_mutex_unlock(&work->lock);
	return found;
}

static void start_one(Work *work, Job *job)
{
	job->running = 1;
	work->n_running++;
	if (make_ready(work, job) || make_thread(work) == 0 || !take_back(work, job))
		return;
	work->n_running--;
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
		if (!job->running && !is_blocked(work, job))
			start_one(work, job);
	}
}

void work_start(Work *work, Job *job)
{
	job->running = 0;
	job->next_ready = NULL;
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
	pthread_mutex_init(&work->lock, NULL);
	pthread_cond_init(&work->wake, NULL);
	r = pthread_attr_setstacksize(&work->attr, STACK_SIZE);
	if (r > 0)
		return -r;
	r = sd_event_add_io(event, NULL, work->done_out, EPOLLIN, on_done, work);
	if (r < 0)
		return r;
	*ret_work = own_take(work);
	return 0;
}

void work_warm(Work *work)
{
	make_thread(work);
}
