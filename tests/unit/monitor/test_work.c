/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/monitor/work.h"

typedef struct TestJob {
	Job job;
	int number;
} TestJob;

static sd_event *event;
static Work *work;
static unsigned n_done;
static int order_done[512];
static atomic_int n_at_once, most_at_once;
static sem_t gate;

static int prepare(void **state)
{
	n_done = 0;
	n_at_once = 0;
	most_at_once = 0;
	sem_init(&gate, 0, 0);
	assert_true(sd_event_new(&event) >= 0);
	return work_new(event, &n_done, &work);
}

static int clean_up(void **state)
{
	event = sd_event_unref(event);
	return 0;
}

static void on_done(void *userdata, Job *job)
{
	assert_ptr_equal(userdata, &n_done);
	order_done[n_done++] = ((TestJob *)job)->number;
	free(job);
}

static void start(const char *key, int number, void (*run)(Job *job))
{
	TestJob *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	snprintf(job->job.key, sizeof(job->job.key), "%s", key);
	job->job.run = run;
	job->job.done = on_done;
	job->number = number;
	work_start(work, &job->job);
}

static void wait_for(unsigned n)
{
	while (n_done < n)
		if (sd_event_run(event, 10 * 1000 * 1000) <= 0)
			fail_msg("%u of %u jobs came back", n_done, n);
}

static void run_counted(Job *job)
{
	int now = ++n_at_once, most = most_at_once;

	while (now > most && !atomic_compare_exchange_weak(&most_at_once, &most, now))
		;
	nanosleep(&(struct timespec){.tv_nsec = 500 * 1000}, NULL);
	n_at_once--;
}

static void run_waiting(Job *job)
{
	sem_wait(&gate);
}

static void run_opening(Job *job)
{
	sem_post(&gate);
}

static void jobs_of_one_device_keep_their_order(void **state)
{
	for (int i = 0; i < 50; i++)
		start("1-1", i, run_counted);
	wait_for(50);
	for (int i = 0; i < 50; i++)
		assert_int_equal(order_done[i], i);
	assert_int_equal(most_at_once, 1);
}

static void a_device_that_hangs_holds_up_no_other(void **state)
{
	start("1-1", 0, run_waiting);
	start("1-1", 1, run_counted);
	start("1-2", 2, run_counted);
	wait_for(1);
	assert_int_equal(order_done[0], 2);
	start("1-3", 3, run_opening);
	wait_for(4);
	assert_int_equal(n_done, 4);
}

static void more_jobs_than_threads_are_all_done(void **state)
{
	char key[16];

	work_warm(work);
	for (int i = 0; i < 400; i++) {
		snprintf(key, sizeof(key), "1-%d", i);
		start(key, i, run_counted);
	}
	wait_for(400);
	assert_in_range(most_at_once, 1, WORK_THREADS_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(jobs_of_one_device_keep_their_order, prepare, clean_up),
		cmocka_unit_test_setup_teardown(a_device_that_hangs_holds_up_no_other, prepare, clean_up),
		cmocka_unit_test_setup_teardown(more_jobs_than_threads_are_all_done, prepare, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
