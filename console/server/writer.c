/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "console/db/group.h"

/* A group holds up other writers and makes its members wait for one another. */
#define JOBS_MAX 256
#define SIZE_MAX_HERE (4u << 20)
/* Under load a commit follows the one before after this long: more than an fsync takes, less than anybody
 * notices. */
#define GATHER_NS INT64_C(10000000)

struct SkWriter {
	const char *database;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t came;
	SkWriteJob *first, **last;
	bool ending;
	SkDb *db; /* the thread's own; NULL before it could be opened */
	int64_t begun;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* As many as one transaction should hold, from the front; under the lock. */
static SkWriteJob *take_front(SkWriter *writer)
{
	SkWriteJob *jobs = writer->first, *last = jobs;
	size_t count = 1, size;

	if (!jobs)
		return NULL;
	for (size = last->size; last->next && count < JOBS_MAX && size < SIZE_MAX_HERE; count++) {
		last = last->next;
		size += last->size;
	}
	writer->first = last->next;
	last->next = NULL;
	if (!writer->first)
		writer->last = &writer->first;
	return jobs;
}

/* Waits until there are jobs. Return: a list of them, NULL at the end. */
static SkWriteJob *take(SkWriter *writer)
{
	const int64_t due = writer->begun + GATHER_NS;
	const struct timespec until = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
	SkWriteJob *jobs;

	pthread_mutex_lock(&writer->lock);
	while (!writer->first && !writer->ending)
		pthread_cond_wait(&writer->came, &writer->lock);
	while (!writer->ending && now_ns() < due)
		pthread_cond_clockwait(&writer->came, &writer->lock, CLOCK_MONOTONIC, &until);
	jobs = take_front(writer);
	pthread_mutex_unlock(&writer->lock);
	writer->begun = now_ns();
	return jobs;
}

static void fail_all(SkWriter *writer, SkWriteJob *jobs, int error)
{
	for (SkWriteJob *job = jobs; job; job = job->next)
		job->fail(job, writer->db, error);
}

/* Each in a transaction of its own, which it begins itself. */
static void run_alone(SkWriter *writer, SkWriteJob *jobs)
{
	for (SkWriteJob *job = jobs; job; job = job->next) {
		job->run(job, writer->db);
		/* Each would wait as long for a database that is away, and hold up all the others. */
		if (job->is_hopeless(job)) {
			fail_all(writer, job->next, -ENOTCONN);
			return;
		}
	}
}

/* Return: those that have to run alone, taken out of the list. */
static SkWriteJob *run_group(SkWriter *writer, SkWriteJob **jobs)
{
	SkWriteJob *alone = NULL, **link = jobs;

	while (*link) {
		SkWriteJob *job = *link;

		sk_db_group_next(writer->db);
		job->run(job, writer->db);
		if (sk_db_group_look(writer->db) == SK_DB_PART_OVER)
			break;
		if (sk_db_group_look(writer->db) == SK_DB_PART_ALONE) {
			*link = job->next;
			job->next = alone;
			alone = job;
		} else {
			link = &job->next;
		}
	}
	return alone;
}

static void tell_all(SkWriteJob *jobs)
{
	SkWriteJob *next;

	/* Whoever is told may be gone at once. */
	for (SkWriteJob *job = jobs; job; job = next) {
		next = job->next;
		job->done(job);
	}
}

static void write_jobs(SkWriter *writer, SkWriteJob *jobs)
{
	int r = writer->db ? 0 : sk_db_open(writer->database, &writer->db);
	SkWriteJob *alone = NULL;

	if (r == 0 && !jobs->next) {
		run_alone(writer, jobs);
		tell_all(jobs);
		return;
	}
	if (r == 0)
		r = sk_db_group_begin(writer->db);
	if (r < 0) {
		fail_all(writer, jobs, r == -EAGAIN ? r : -ENOTCONN);
		tell_all(jobs);
		return;
	}
	alone = run_group(writer, &jobs);
	r = sk_db_group_end(writer->db);
	if (r == -ENOTCONN)
		fail_all(writer, jobs, r);
	else if (r < 0)
		run_alone(writer, jobs);
	tell_all(jobs);
	run_alone(writer, alone);
	tell_all(alone);
}

static void *work(void *userdata)
{
	SkWriter *writer = userdata;
	SkWriteJob *jobs;

	while ((jobs = take(writer)))
		write_jobs(writer, jobs);
	sk_db_free(writer->db);
	return NULL;
}

int sk_writer_new(const char *database, SkWriter **ret_writer)
{
	SkWriter *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return -ENOMEM;
	writer->database = database;
	writer->last = &writer->first;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->came, NULL);
	if (pthread_create(&writer->thread, NULL, work, writer) != 0) {
		free(writer);
		return -EAGAIN;
	}
	*ret_writer = writer;
	return 0;
}

void sk_writer_end(SkWriter *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->ending = true;
	pthread_cond_signal(&writer->came);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
}

void sk_writer_free(SkWriter *writer)
{
	if (!writer)
		return;
	pthread_cond_destroy(&writer->came);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}

void sk_writer_put(SkWriter *writer, SkWriteJob *job)
{
	bool ending;

	pthread_mutex_lock(&writer->lock);
	ending = writer->ending;
	if (!ending) {
		if (!writer->first)
			pthread_cond_signal(&writer->came);
		job->next = NULL;
		*writer->last = job;
		writer->last = &job->next;
	}
	pthread_mutex_unlock(&writer->lock);
	if (ending) {
		job->fail(job, NULL, -ENOTCONN);
		job->done(job);
	}
}
