/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whoever waits for a terminal hears at once of a commit, and of what was committed while nobody could
 * listen. */
#include "tests/integration/console_fixture.h"

#include <pthread.h>
#include <time.h>

#include "console/server/connections.h"
#include "console/server/wake.h"
#include "console/store/time.h"

#define FACILITY "01J0000000000000000FAC1TYA"
#define GROUP "01J00000000000000000GR0VPA"
#define TERMINAL "01J0000000000000000TERM1NA"
#define QUICK_MS 150 /* less than the time between two looks */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static int wakes;

static void on_wake(void *userdata)
{
	pthread_mutex_lock(&lock);
	wakes++;
	pthread_cond_signal(&woken);
	pthread_mutex_unlock(&lock);
}

static void wait_on(SkPoll *poll, SkWaiter *waiter)
{
	assert_int_equal(sk_poll_arm(poll, waiter, TERMINAL), 0);
	sk_poll_suspended(poll, waiter, sk_monotonic_ms() + 600000);
}

/* Return: ms until the waiter was woken, or -1. */
static int64_t until_woken(int64_t most_ms)
{
	int64_t begin = sk_monotonic_ms(), end = begin + most_ms;
	const struct timespec until = {.tv_sec = end / 1000, .tv_nsec = end % 1000 * 1000000};
	int r = 0;

	pthread_mutex_lock(&lock);
	while (wakes == 0 && r == 0)
		r = pthread_cond_clockwait(&woken, &lock, CLOCK_MONOTONIC, &until);
	r = wakes;
	wakes = 0;
	pthread_mutex_unlock(&lock);
	return r > 0 ? sk_monotonic_ms() - begin : -1;
}

static void change(SkDb *db)
{
	assert_db(db,
		sk_db_exec(db, "UPDATE terminal_revisions SET revision = revision + 1, changed = $1",
			SK_DB_ARGS(sk_db_int(sk_time_now())), NULL),
		0);
}

static void make_terminal(SkDb *db)
{
	run_sql(db, "INSERT INTO facilities (id, name, created) VALUES ('" FACILITY "', 'x', 1)");
	run_sql(db, "INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ('" GROUP
		    "', '" FACILITY "', 'x', 1)");
	run_sql(db, "INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES ('" TERMINAL
		    "', '" FACILITY "', '" GROUP "', 'x', 1)");
	run_sql(db, "INSERT INTO terminal_revisions (terminal_id, revision, changed) VALUES ('" TERMINAL
		    "', 1, 1)");
}

static void commits_are_heard(void **state)
{
	char url[URL_SIZE];
	SkDb *db = engine_migrated(url);
	SkWaiter *waiter;
	SkWake *wake;
	SkPoll *poll;
	int64_t ms;

	make_terminal(db);
	assert_int_equal(sk_poll_new(&poll), 0);
	assert_int_equal(sk_waiter_new(on_wake, NULL, &waiter), 0);
	assert_int_equal(sk_wake_new(url, poll, &wake), 0);
	usleep(300000);
	for (int i = 0; i < 10; i++) {
		wait_on(poll, waiter);
		assert_int_equal(until_woken(20), -1);
		change(db);
		ms = until_woken(3000);
		assert_in_range(ms, 0, 1000);
		/* The machine may be busy; that each of ten waited for a look has another reason. */
		if (ms < QUICK_MS)
			break;
		assert_int_not_equal(i, 9);
	}
	if (engine.is_pgsql) {
		/* Its connection is cut, and before it has another one something changes. */
		wait_on(poll, waiter);
		number_of(db, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> "
			      "pg_backend_pid() AND query LIKE '%terminal_revisions%'");
		change(db);
		assert_in_range(until_woken(5000), 0, 5000);
		/* And it listens again. */
		wait_on(poll, waiter);
		change(db);
		assert_in_range(until_woken(5000), 0, 5000);
	}
	sk_wake_free(wake);
	sk_waiter_free(poll, waiter);
	sk_poll_free(poll);
	sk_db_free(db);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(commits_are_heard)};
	int failed;

	engine_start(argc, argv, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	engine_stop();
	return failed;
}
