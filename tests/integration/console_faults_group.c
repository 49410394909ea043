/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Group commit and notices on both engines: what is told was committed, and one that fails spoils nobody. */
#include "tests/integration/console_fixture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include "console/db/group.h"
#include "console/server/writer.h"

static int insert(SkDb *db, void *userdata)
{
	const int64_t *number = userdata;

	return sk_db_exec(db, "INSERT INTO t (n) VALUES ($1)", SK_DB_ARGS(sk_db_int(*number)), NULL);
}

static int insert_and_refuse(SkDb *db, void *userdata)
{
	int r = insert(db, userdata);

	return r < 0 ? r : 7;
}

static int insert_and_hook(SkDb *db, void *userdata)
{
	const SkDbHook hook = {NULL, NULL, NULL};
	int r = insert(db, userdata);

	return r < 0 ? r : sk_db_hook(db, &hook);
}

static SkDb *fresh(char url[URL_SIZE])
{
	SkDb *db = engine_fresh(url);

	run_sql(db, "CREATE TABLE t (n BIGINT PRIMARY KEY)");
	return db;
}

static int transact(SkDb *db, int (*fn)(SkDb *, void *), int64_t number)
{
	sk_db_group_next(db);
	return sk_db_transact(db, fn, &number);
}

static void parts_stand_alone(void **state)
{
	char url[URL_SIZE];
	SkDb *db = fresh(url), *other = engine_open(url);

	assert_db(db, sk_db_group_begin(db), 0);
	assert_db(db, transact(db, insert, 1), 0);
	assert_db(db, transact(db, insert_and_refuse, 2), 7);
	assert_db(db, transact(db, insert, 1), -EEXIST); /* on PostgreSQL an error ends a transaction */
	assert_db(db, transact(db, insert, 3), 0);
	assert_int_equal(sk_db_group_look(db), SK_DB_PART_GOOD);
	/* Nobody sees anything of it before the end. */
	assert_int_equal(number_of(other, "SELECT count(*) FROM t"), 0);
	assert_db(db, sk_db_group_end(db), 0);
	assert_int_equal(number_of(other, "SELECT count(*) FROM t"), 2);
	assert_int_equal(number_of(other, "SELECT count(*) FROM t WHERE n IN (1, 3)"), 2);
	/* And afterwards everything is as before. */
	assert_db(db, transact(db, insert_and_hook, 4), 0);
	sk_db_free(db);
	sk_db_free(other);
}

static void hooks_come_alone(void **state)
{
	char url[URL_SIZE];
	SkDb *db = fresh(url);

	assert_db(db, sk_db_group_begin(db), 0);
	assert_db(db, transact(db, insert, 1), 0);
	assert_db(db, transact(db, insert_and_hook, 2), -ENOTSUP);
	assert_int_equal(sk_db_group_look(db), SK_DB_PART_ALONE);
	assert_db(db, transact(db, insert, 3), 0);
	assert_int_equal(sk_db_group_look(db), SK_DB_PART_GOOD);
	assert_db(db, sk_db_group_end(db), 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t WHERE n IN (1, 3)"), 2);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 2);
	sk_db_free(db);
}

static int again(SkDb *db, void *userdata)
{
	return -EAGAIN;
}

static void end_takes_all(void **state)
{
	char url[URL_SIZE];
	SkDb *db = fresh(url);

	assert_db(db, sk_db_group_begin(db), 0);
	assert_db(db, transact(db, insert, 1), 0);
	assert_db(db, transact(db, again, 2), -ECANCELED);
	assert_int_equal(sk_db_group_look(db), SK_DB_PART_OVER);
	assert_db(db, transact(db, insert, 3), -ECANCELED);
	assert_db(db, sk_db_group_end(db), -ECANCELED);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 0);
	assert_int_equal(sk_db_group_look(db), SK_DB_PART_GOOD);
	sk_db_free(db);
}

/* What a handler asks before its part, as whether a terminal is enrolled. */
static void a_question_that_fails_ends_it(void **state)
{
	char url[URL_SIZE];
	SkDb *db = fresh(url);
	int64_t number = 0;

	assert_db(db, sk_db_group_begin(db), 0);
	assert_db(db, transact(db, insert, 1), 0);
	sk_db_group_next(db);
	assert_db(db, sk_db_query_int(db, "SELECT n FROM nowhere", SK_DB_NO_ARGS, &number), -EBADMSG);
	assert_int_equal(sk_db_group_look(db), SK_DB_PART_OVER);
	assert_db(db, transact(db, insert, 2), -ECANCELED);
	assert_db(db, sk_db_group_end(db), -ECANCELED);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 0);
	/* Each alone, as the writer does it. */
	assert_db(db, transact(db, insert, 1), 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 1);
	sk_db_free(db);
}

static bool hears(SkDb *listener)
{
	struct pollfd fd = {.fd = sk_db_fd(listener), .events = POLLIN};
	bool heard = poll(&fd, 1, 300) == 1;

	if (heard)
		assert_db(listener, sk_db_read_notices(listener, NULL, NULL), 0);
	return heard;
}

static int change(SkDb *db, void *userdata)
{
	return sk_db_exec(db, "UPDATE terminal_revisions SET revision = revision + 1", SK_DB_NO_ARGS, NULL);
}

static int change_and_refuse(SkDb *db, void *userdata)
{
	int r = change(db, userdata);

	return r < 0 ? r : 7;
}

static void revisions_are_told(void **state)
{
	char url[URL_SIZE];
	SkDb *db = engine_migrated(url), *listener = engine_open(url);

	assert_db(listener, sk_db_listen(listener, SK_DB_REVISIONS), 0);
	assert_true(sk_db_fd(listener) >= 0);
	assert_false(hears(listener));
	assert_db(db, change(db, NULL), 0);
	assert_true(hears(listener));
	assert_db(db, sk_db_transact(db, change, NULL), 0);
	assert_true(hears(listener));
	/* What did not happen is not told. */
	assert_db(db, sk_db_transact(db, change_and_refuse, NULL), 7);
	assert_false(hears(listener));
	assert_db(db, sk_db_group_begin(db), 0);
	assert_db(db, sk_db_transact(db, change, NULL), 0);
	assert_false(hears(listener));
	assert_db(db, sk_db_group_end(db), 0);
	assert_true(hears(listener));
	sk_db_free(listener);
	assert_db(db, change(db, NULL), 0);
	sk_db_free(db);
}

#define JOBS 2000

typedef struct Job {
	SkWriteJob job;
	int64_t number;
	int result;
	bool told;
} Job;

static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned told;
static SkDb *witness; /* of what is committed when somebody is told */

static void run_job(SkWriteJob *job, SkDb *db)
{
	Job *of = (Job *)job;

	of->result = sk_db_transact(db,
		of->number % 10 == 3   ? insert_and_refuse
		: of->number % 10 == 7 ? insert_and_hook
				       : insert,
		&of->number);
}

static void fail_job(SkWriteJob *job, SkDb *db, int error)
{
	((Job *)job)->result = error;
}

static bool never(const SkWriteJob *job)
{
	return false;
}

static void end_job(SkWriteJob *job)
{
	Job *of = (Job *)job;
	int64_t there = -1;

	pthread_mutex_lock(&told_lock);
	if (of->number % 50 == 0) {
		if (sk_db_query_int(witness, "SELECT count(*) FROM t WHERE n = $1",
			    SK_DB_ARGS(sk_db_int(of->number)), &there) < 0 ||
			there != 1)
			abort();
	}
	of->told = true;
	told++;
	pthread_mutex_unlock(&told_lock);
}

static SkWriter *writer_of_test;

static void *put_jobs(void *userdata)
{
	Job *jobs = userdata;

	for (size_t i = 0; i < JOBS / 4; i++)
		sk_writer_put(writer_of_test, &jobs[i].job);
	return NULL;
}

static void writer_tells_what_is_there(void **state)
{
	static Job jobs[JOBS + 1];
	pthread_t threads[4];
	char url[URL_SIZE];
	SkDb *db = fresh(url);

	witness = engine_open(url);
	told = 0;
	memset(jobs, 0, sizeof(jobs));
	for (int i = 0; i <= JOBS; i++)
		jobs[i] = (Job){
			.job = {.run = run_job, .fail = fail_job, .is_hopeless = never, .done = end_job},
			.number = i,
			.result = 1};
	assert_int_equal(sk_writer_new(url, &writer_of_test), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_jobs, &jobs[i * (JOBS / 4)]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	sk_writer_end(writer_of_test);
	/* What comes too late is told so, and not left waiting. */
	jobs[JOBS].number = 49;
	sk_writer_put(writer_of_test, &jobs[JOBS].job);
	sk_writer_free(writer_of_test);
	assert_int_equal(told, JOBS + 1);
	assert_int_equal(jobs[JOBS].result, -ENOTCONN);
	for (int i = 0; i < JOBS; i++)
		assert_int_equal(jobs[i].result, i % 10 == 3 ? 7 : 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), JOBS / 10 * 9);
	sk_db_free(witness);
	sk_db_free(db);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_stand_alone),
		cmocka_unit_test(hooks_come_alone),
		cmocka_unit_test(end_takes_all),
		cmocka_unit_test(a_question_that_fails_ends_it),
		cmocka_unit_test(revisions_are_told),
		cmocka_unit_test(writer_tells_what_is_there),
	};
	int failed;

	engine_start(argc, argv, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	engine_stop();
	return failed;
}
