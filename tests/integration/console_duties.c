/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several processes share the duties of one database: each is done by one at a time, and killing whoever
 * holds it loses nothing. On both engines.
 */
#include "tests/lib/rules_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "console/server/duties.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "tests/lib/pg_server.h"

#define PROCESSES 3
#define ROWS 60

/* Rows of a table of the schema that is only texts and numbers. Each row is worked at in a transaction. */
static int do_one(const SkActor *actor, void *userdata)
{
	int64_t *left = userdata, changed;
	int r = sk_db_exec(actor->db,
		"UPDATE rate_counters SET count = count + 1 WHERE subject = 'work' AND window_start = "
		"(SELECT "
		"MIN(window_start) "
		"FROM rate_counters WHERE subject = 'work' AND count = 0)",
		SK_DB_NO_ARGS, &changed);

	*left = changed;
	return r;
}

static int work_slowly(SkDutyWork *work)
{
	int64_t left;
	int r;

	do {
		r = sk_duty_act(work, do_one, &left);
		usleep(20000);
		if (r == 0 && left > 0)
			r = sk_duty_go_on(work);
	} while (r == 0 && left > 0);
	return r;
}

/* Two at once would see the count of the other. */
static int work_alone(SkDutyWork *work)
{
	static const char *const steps[] = {
		"INSERT INTO rate_counters (subject, window_start, count) VALUES ('inside', 1, 1) ON "
		"CONFLICT "
		"(subject, "
		"window_start) DO UPDATE SET count = rate_counters.count + 1",
		"INSERT INTO rate_counters (subject, window_start, count) SELECT 'together', 1, 1 FROM "
		"rate_counters WHERE "
		"subject = 'inside' AND count > 1 ON CONFLICT DO NOTHING",
		"UPDATE rate_counters SET count = count - 1 WHERE subject = 'inside'",
		"INSERT INTO rate_counters (subject, window_start, count) VALUES ('turns', 1, 1) ON CONFLICT "
		"(subject, window_start) "
		"DO UPDATE SET count = rate_counters.count + 1",
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(steps); i++) {
		r = sk_db_exec(sk_duty_db(work), steps[i], SK_DB_NO_ARGS, NULL);
		usleep(5000);
	}
	return r;
}

static int fail_always(SkDutyWork *work)
{
	sk_duty_explain(work, "the receiver says no");
	return -ECONNREFUSED;
}

static const SkDuty slow_list[] = {{"slow", SK_DUTY_RULES, 600000, 1500, work_slowly}, {NULL}};
static const SkDuty alone_list[] = {{"alone", SK_DUTY_RULES, 1, 60000, work_alone},
	{"failing", SK_DUTY_MESSAGES, 1, 60000, fail_always}, {NULL}};

static void serve_until_killed(const char *url, const char *instance, const SkDuty *list)
{
	SkDuties *duties = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sk_duties_new(&(SkDutyHost){.database = url, .instance = instance}, list, &duties) < 0)
		_exit(1);
	for (;;)
		pause();
}

typedef struct Processes {
	char url[256];
	char instances[PROCESSES][SK_ID_SIZE];
	pid_t pids[PROCESSES];
} Processes;

static void start(Processes *p, int i, const SkDuty *list)
{
	p->pids[i] = fork();
	assert_true(p->pids[i] >= 0);
	if (p->pids[i] == 0)
		serve_until_killed(p->url, p->instances[i], list);
}

static void kill_one(Processes *p, int i)
{
	kill(p->pids[i], SIGKILL);
	waitpid(p->pids[i], NULL, 0);
}

static void start_all(Fixture *f, Processes *p, const SkDuty *list)
{
	rules_url(f, p->url, sizeof(p->url));
	for (int i = 0; i < PROCESSES; i++) {
		sk_str_format(p->instances[i], SK_ID_SIZE, "01J0000000000000000000000%d", i);
		p->instances[i][SK_ID_LENGTH - 1] = (char)('1' + i);
		p->instances[i][SK_ID_LENGTH] = 0;
		exec(f,
			"INSERT INTO instances (id, name, host, software, started, last_seen) VALUES ($1, "
			"$1, 'h', '0', 1, 1)",
			SK_DB_ARGS(sk_db_text(p->instances[i])));
		start(p, i, list);
	}
}

static int64_t counted(Fixture *f, const char *subject)
{
	return count(f,
		"SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM rate_counters WHERE subject = $1",
		subject);
}

static int holder(Fixture *f, const Processes *p, const char *name)
{
	for (int i = 0; i < PROCESSES; i++) {
		int64_t n;

		must(f, sk_db_query_int(f->db,
				"SELECT count(*) FROM duties WHERE name = $1 AND instance_id = $2 AND "
				"held_until > $3",
				SK_DB_ARGS(sk_db_text(name), sk_db_text(p->instances[i]),
					sk_db_int(sk_time_now())),
				&n));
		if (n > 0)
			return i;
	}
	return -1;
}

static void test_a_duty_goes_on_when_its_holder_is_killed(void **state)
{
	Fixture *f = *state;
	Processes p = {.url = ""};
	int killed = 0;

	for (int64_t i = 0; i < ROWS; i++)
		exec(f, "INSERT INTO rate_counters (subject, window_start, count) VALUES ('work', $1, 0)",
			SK_DB_ARGS(sk_db_int(i)));
	start_all(f, &p, slow_list);
	for (int i = 0; i < 1500 && counted(f, "work") < ROWS; i++) {
		int who = holder(f, &p, "slow");

		if (killed < 2 && who >= 0 && counted(f, "work") > 10 * (killed + 1)) {
			kill_one(&p, who);
			start(&p, who, slow_list);
			killed++;
		}
		usleep(10000);
	}
	assert_int_equal(killed, 2);
	/* Each row once: a piece of work is a transaction, whoever is killed. */
	assert_int_equal(counted(f, "work"), ROWS);
	assert_int_equal(
		count(f, "SELECT count(*) FROM rate_counters WHERE subject = $1 AND count = 1", "work"),
		ROWS);
	for (int i = 0; i < 100 && holder(f, &p, "slow") >= 0; i++)
		usleep(20000);
	assert_int_equal(
		count(f, "SELECT count(*) FROM duties WHERE name = $1 AND last_done > 0", "slow"), 1);
	for (int i = 0; i < PROCESSES; i++)
		kill_one(&p, i);
}

static void test_one_at_a_time_and_failures_are_told(void **state)
{
	Fixture *f = *state;
	Processes p = {.url = ""};

	start_all(f, &p, alone_list);
	for (int i = 0; i < 800 && counted(f, "turns") < 4; i++)
		usleep(10000);
	assert_true(counted(f, "turns") >= 4);
	assert_int_equal(counted(f, "together"), 0);
	assert_int_equal(count(f,
				 "SELECT count(*) FROM duties WHERE name = 'failing' AND failures > 0 AND "
				 "last_failed > 0 "
				 "AND error = $1 AND last_done = 0",
				 "the receiver says no"),
		1);
	for (int i = 0; i < PROCESSES; i++)
		kill_one(&p, i);
}

/* A clock that was ahead and was put back holds nobody up for years. */
static void test_times_of_a_clock_that_was_put_back(void **state)
{
	Fixture *f = *state;
	Processes p = {.url = ""};

	exec(f, "INSERT INTO duties (name, instance_id, held_until, last_done) VALUES ('alone', $1, $2, $2)",
		SK_DB_ARGS(sk_db_text(INSTANCE), sk_db_int(f->now + 365 * 24 * HOUR)));
	start_all(f, &p, alone_list);
	for (int i = 0; i < 500 && counted(f, "turns") < 1; i++)
		usleep(10000);
	assert_true(counted(f, "turns") >= 1);
	for (int i = 0; i < PROCESSES; i++)
		kill_one(&p, i);
}

static int group(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_duty_goes_on_when_its_holder_is_killed, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_one_at_a_time_and_failures_are_told, rules_setup, rules_teardown),
		cmocka_unit_test_setup_teardown(
			test_times_of_a_clock_that_was_put_back, rules_setup, rules_teardown),
	};

	return cmocka_run_group_tests_name("duties", tests, NULL, NULL);
}

int main(void)
{
	return rules_run(group);
}
