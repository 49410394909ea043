/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both engines must do alike: values, errors, transactions, hooks, statements. */
#include "tests/integration/console_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/str.h"

static void test_values(void **state)
{
	static const uint8_t bytes[] = {0, 1, 0xff, 0, '\''};
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	own_rows SkDbRows *rows = NULL;
	size_t size;

	run_sql(db, "CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT, b BIGINT, c BYTEA)");
	for (int i = 0; i < 4; i++)
		assert_db(db,
			sk_db_exec(db, "INSERT INTO t (id, a, b, c) VALUES ($1, $2, $3, $4)",
				SK_DB_ARGS(sk_db_int(i),
					sk_db_text(i == 0   ? "関所 'x' $1"
						   : i == 1 ? ""
							    : NULL),
					i == 0	 ? sk_db_int(INT64_MIN)
					: i == 1 ? sk_db_int(INT64_MAX)
						 : sk_db_null(),
					sk_db_bytes(i == 0   ? bytes
						    : i == 1 ? (const void *)""
							     : NULL,
						i == 0 ? sizeof(bytes) : 0)),
				NULL),
			0);
	assert_db(db, sk_db_query(db, "SELECT a, b, c FROM t ORDER BY id", SK_DB_NO_ARGS, &rows), 0);
	assert_int_equal(sk_db_columns(rows), 3);
	assert_string_equal(sk_db_column_name(rows, 1), "b");
	assert_int_equal(sk_db_next(rows), 1);
	assert_string_equal(sk_db_get_text(rows, 0), "関所 'x' $1");
	assert_true(sk_db_get_int(rows, 1) == INT64_MIN);
	assert_memory_equal(sk_db_get_bytes(rows, 2, &size), bytes, sizeof(bytes));
	assert_int_equal(size, sizeof(bytes));
	/* Another type than the column's, and a column that is not there, read as nothing. */
	assert_null(sk_db_get_text(rows, 1));
	assert_int_equal(sk_db_get_int(rows, 0), 0);
	assert_true(sk_db_is_null(rows, 7));
	assert_int_equal(sk_db_next(rows), 1);
	assert_string_equal(sk_db_get_text(rows, 0), "");
	assert_true(sk_db_get_int(rows, 1) == INT64_MAX);
	assert_int_equal(sk_db_type(rows, 2), SK_DB_BYTES);
	assert_non_null(sk_db_get_bytes(rows, 2, &size));
	assert_int_equal(size, 0);
	assert_int_equal(sk_db_next(rows), 1);
	for (size_t i = 0; i < 3; i++)
		assert_true(sk_db_is_null(rows, i));
	assert_int_equal(sk_db_next(rows), 1);
	assert_int_equal(sk_db_next(rows), 0);
	assert_int_equal(sk_db_next(rows), 0);
}

static void test_expressions(void **state)
{
	static const struct {
		const char *sql;
		int64_t value;
	} cases[] = {
		{"SELECT count(*) FROM t", 3},
		{"SELECT CAST(sum(b) AS BIGINT) FROM t", 6},
		{"SELECT max(b) FROM t", 3},
		{"SELECT b > 1 FROM t WHERE b = 2", 1},
		{"SELECT EXISTS (SELECT 1 FROM t WHERE b = 9)", 0},
		{"SELECT COALESCE(max(b), 0) FROM t WHERE b > 9", 0},
		{"SELECT CASE WHEN b IN (1, 2) THEN 5 ELSE -5 END FROM t WHERE b = 3", -5},
		{"SELECT count(*) FROM t WHERE a LIKE 'X%'", 0}, /* not x */
		{"SELECT count(*) FROM t WHERE (b, a) > (2, 'a')", 1},
		{"SELECT length(a) FROM t WHERE b = 1", 2},
	};
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	int64_t number;

	run_sql(db, "CREATE TABLE t (a TEXT, b BIGINT)");
	run_sql(db, "INSERT INTO t (a, b) VALUES ('x1', 1), ('', 2), ('x3', 3)");
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		number = number_of(db, cases[i].sql);
		if (number != cases[i].value)
			fail_msg("%s: %lld", cases[i].sql, (long long)number);
	}
	assert_db(db, sk_db_query_int(db, "SELECT b FROM t WHERE b = 9", SK_DB_NO_ARGS, &number), -ENOENT);
	/* The same text once with a NULL and once with values. */
	assert_db(db,
		sk_db_query_int(db, "SELECT count(*) FROM t WHERE b = $1 OR a = $2",
			SK_DB_ARGS(sk_db_null(), sk_db_null()), &number),
		0);
	assert_int_equal(number, 0);
	assert_db(db,
		sk_db_query_int(db, "SELECT count(*) FROM t WHERE b = $1 OR a = $2",
			SK_DB_ARGS(sk_db_int(1), sk_db_text("x3")), &number),
		0);
	assert_int_equal(number, 2);
	/* A parameter that is used twice. */
	assert_db(db,
		sk_db_query_int(db, "SELECT count(*) FROM t WHERE b >= $1 AND b <= $1 + 1",
			SK_DB_ARGS(sk_db_int(1)), &number),
		0);
	assert_int_equal(number, 2);
}

static void test_errors(void **state)
{
	static const struct {
		const char *sql;
		int error;
	} cases[] = {
		{"INSERT INTO parent (id, n) VALUES ('a', 9)", -EEXIST},
		{"INSERT INTO parent (id, n) VALUES ('b', 1)", -EEXIST},
		{"INSERT INTO child (id, parent) VALUES ('d', 'nobody')", -ESTALE},
		{"DELETE FROM parent", -ESTALE}, {"INSERT INTO parent (id, n) VALUES ('b', -1)", -ESTALE},
		{"INSERT INTO parent (id, n) VALUES ('b', NULL)", -ESTALE},
		{"INSERT INTO nowhere (id) VALUES ('b')", -EBADMSG}, {"SELEC 1", -EBADMSG},
		{"INSERT INTO parent (id, \"nothing\") VALUES ('b', 2)", -EBADMSG},
		{"SELECT 1; SELECT 2", -EBADMSG},
		{"INSERT INTO parent (id, n) VALUES ('b', $1)", -EBADMSG}, /* no value */
		{"SELECT id FROM parent", -EBADMSG},			   /* rows of exec */
	};
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	int64_t changed;

	run_sql(db, "CREATE TABLE parent (id TEXT PRIMARY KEY, n BIGINT NOT NULL UNIQUE CHECK (n >= 0))");
	run_sql(db, "CREATE TABLE child (id TEXT PRIMARY KEY, parent TEXT NOT NULL REFERENCES parent (id))");
	run_sql(db, "INSERT INTO parent (id, n) VALUES ('a', 1)");
	run_sql(db, "INSERT INTO child (id, parent) VALUES ('c', 'a')");
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		int r = sk_db_exec(db, cases[i].sql, SK_DB_NO_ARGS, NULL);

		if (r != cases[i].error)
			fail_msg("%s: %d, expected %d: %s", cases[i].sql, r, cases[i].error,
				sk_db_message(db));
		assert_true(strlen(sk_db_message(db)) > 5);
	}
	/* No bytes that are no text; and the connection is as good as before. */
	assert_db(db,
		sk_db_exec(db, "INSERT INTO parent (id, n) VALUES ($1, 5)", SK_DB_ARGS(sk_db_text("\xff")),
			NULL),
		-EBADMSG);
	assert_db(db,
		sk_db_exec(db, "INSERT INTO parent (id, n) VALUES ('a', 5) ON CONFLICT (id) DO NOTHING",
			SK_DB_NO_ARGS, &changed),
		0);
	assert_int_equal(changed, 0);
	assert_db(db, sk_db_exec(db, "UPDATE parent SET n = n + 1", SK_DB_NO_ARGS, &changed), 0);
	assert_int_equal(changed, 1);
	assert_int_equal(number_of(db, "SELECT n FROM parent"), 2);
	assert_int_equal(number_of(db, "INSERT INTO parent (id, n) VALUES ('z', 7) RETURNING n"), 7);
	assert_int_equal(number_of(db, "SELECT count(*) FROM parent"), 2);
}

typedef struct Plan {
	const char *sql[4];
	int result; /* of fn */
	int seen[4];
	int runs;
} Plan;

static int run_plan(SkDb *db, void *userdata)
{
	Plan *plan = userdata;

	plan->runs++;
	for (int i = 0; i < 4 && plan->sql[i]; i++)
		plan->seen[i] = sk_db_exec(db, plan->sql[i], SK_DB_NO_ARGS, NULL);
	return plan->result;
}

static void test_transactions(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	Plan good = {.sql = {"INSERT INTO t (id) VALUES (1)", "INSERT INTO t (id) VALUES (2)"}};
	Plan refused = {.sql = {"INSERT INTO t (id) VALUES (3)"}, .result = -EPERM};
	Plan swallowed = {.sql = {"INSERT INTO t (id) VALUES (4)", "INSERT INTO t (id) VALUES (1)",
				  "INSERT INTO t (id) VALUES (5)"}};

	run_sql(db, "CREATE TABLE t (id BIGINT PRIMARY KEY)");
	assert_db(db, sk_db_transact(db, run_plan, &good), 0);
	assert_db(db, sk_db_transact(db, run_plan, &refused), -EPERM);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 2);
	/* fn looks away, and returns 0: nothing of it is there. */
	assert_db(db, sk_db_transact(db, run_plan, &swallowed), -EEXIST);
	assert_int_equal(swallowed.seen[0], 0);
	assert_int_equal(swallowed.seen[1], -EEXIST);
	assert_int_equal(swallowed.seen[2], -EEXIST);
	/* Once more, in case that it was a collision. */
	assert_int_equal(swallowed.runs, engine.is_pgsql ? 2 : 1);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 2);
	assert_db(db, sk_db_snapshot(db, run_plan, &(Plan){.sql = {NULL}}), 0);
}

static int nest(SkDb *db, void *userdata)
{
	return sk_db_transact(db, run_plan, userdata) == -EBADMSG ? 0 : -1;
}

static char told[256];

static void tell(const char *word, int number)
{
	size_t used = strlen(told);

	sk_str_format(told + used, sizeof(told) - used, "%s%d ", word, number);
}

static int before_good(SkDb *db, void *userdata)
{
	tell("before", 0);
	return sk_db_exec(db, "INSERT INTO t (id) VALUES (10)", SK_DB_NO_ARGS, NULL);
}

static int before_bad(SkDb *db, void *userdata)
{
	tell("before", -1);
	return -EXDEV;
}

static void ended(void *userdata, int result)
{
	tell("ended", result);
}

static int with_hooks(SkDb *db, void *userdata)
{
	int *bad = userdata;
	int r = sk_db_hook(db, &(SkDbHook){before_good, ended, NULL});

	if (r == 0 && *bad)
		r = sk_db_hook(db, &(SkDbHook){before_bad, ended, NULL});
	return r == 0 ? sk_db_exec(db, "INSERT INTO t (id) VALUES (11)", SK_DB_NO_ARGS, NULL) : r;
}

static void test_hooks(void **state)
{
	char url[URL_SIZE], expected[64];
	own_db SkDb *db = engine_fresh(url);

	run_sql(db, "CREATE TABLE t (id BIGINT PRIMARY KEY)");
	told[0] = '\0';
	assert_db(db, sk_db_transact(db, with_hooks, &(int){1}), -EXDEV);
	sk_str_format(expected, sizeof(expected), "before0 before-1 ended%d ended%d ", -EXDEV, -EXDEV);
	assert_string_equal(told, expected);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 0);
	told[0] = '\0';
	assert_db(db, sk_db_transact(db, with_hooks, &(int){0}), 0);
	assert_string_equal(told, "before0 ended0 ");
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 2);
	told[0] = '\0';
	assert_db(db, sk_db_transact(db, with_hooks, &(int){0}), -EEXIST);
	sk_str_format(expected, sizeof(expected), "ended%d ", -EEXIST);
	if (engine.is_pgsql) /* run again, in case that it was a collision */
		sk_str_format(expected, sizeof(expected), "ended%1$d ended%1$d ", -EEXIST);
	assert_string_equal(told, expected);
	assert_int_equal(sk_db_hook(db, &(SkDbHook){NULL, ended, NULL}), -EBADMSG);
	assert_db(db, sk_db_transact(db, nest, &(Plan){.sql = {NULL}}), 0);
}

static void test_statements(void **state)
{
	char url[URL_SIZE], sql[64];
	own_db SkDb *db = engine_fresh(url);
	int count = 0;

	run_sql(db, "CREATE TABLE t (id BIGINT PRIMARY KEY)");
	/* More texts than are kept, several times over. */
	for (int i = 0; i < 1500; i++) {
		sk_str_format(sql, sizeof(sql), "INSERT INTO t (id) VALUES (%d)", i % 700 + (i / 700) * 700);
		run_sql(db, sql);
	}
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 1500);
	/* The same text while its rows are read. */
	for (int depth = 0; depth < 3; depth++) {
		own_rows SkDbRows *outer = NULL, *inner = NULL;

		assert_db(db, sk_db_query(db, "SELECT id FROM t ORDER BY id", SK_DB_NO_ARGS, &outer), 0);
		assert_db(db, sk_db_query(db, "SELECT id FROM t ORDER BY id", SK_DB_NO_ARGS, &inner), 0);
		assert_int_equal(sk_db_next(outer), 1);
		assert_int_equal(sk_db_next(inner), 1);
		assert_int_equal(sk_db_next(inner), 1);
		assert_int_equal(sk_db_get_int(outer, 0), 0);
		assert_int_equal(sk_db_get_int(inner, 0), 1);
		while (sk_db_next(outer) > 0)
			count++;
	}
	assert_int_equal(count, 3 * 1499);
}

typedef struct Worker {
	char url[URL_SIZE];
	int times;
	const char *mine;
	atomic_int runs;
	int result;
} Worker;

static int count_up(SkDb *db, void *userdata)
{
	Worker *worker = userdata;
	int64_t n;
	int r = sk_db_query_int(db, "SELECT n FROM counter", SK_DB_NO_ARGS, &n);

	atomic_fetch_add(&worker->runs, 1);
	return r < 0 ? r : sk_db_exec(db, "UPDATE counter SET n = $1", SK_DB_ARGS(sk_db_int(n + 1)), NULL);
}

static void *count_thread(void *userdata)
{
	Worker *worker = userdata;
	SkDb *db = engine_open(worker->url);

	for (int i = 0; i < worker->times && worker->result == 0; i++)
		worker->result = sk_db_transact(db, count_up, worker);
	sk_db_free(db);
	return NULL;
}

static void test_lost_updates(void **state)
{
	enum { THREADS = 4, TIMES = 50 };
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	Worker workers[THREADS] = {0};
	pthread_t threads[THREADS];
	int runs = 0;

	run_sql(db, "CREATE TABLE counter (n BIGINT)");
	run_sql(db, "INSERT INTO counter (n) VALUES (0)");
	for (int i = 0; i < THREADS; i++) {
		sk_str_copy(workers[i].url, URL_SIZE, url);
		workers[i].times = TIMES;
		pthread_create(&threads[i], NULL, count_thread, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].result, 0);
		runs += workers[i].runs;
	}
	print_message("%d transactions, run %d times\n", THREADS * TIMES, runs);
	assert_int_equal(number_of(db, "SELECT n FROM counter"), THREADS * TIMES);
	/* Otherwise nothing collided, and this test has seen nothing. */
	if (engine.is_pgsql)
		assert_true(runs > THREADS * TIMES);
}

/* Of two doctors on call one may go, never both: each reads both rows and changes another. */
static int go_home(SkDb *db, void *userdata)
{
	Worker *worker = userdata;
	int64_t there;
	int r = sk_db_query_int(db, "SELECT CAST(sum(there) AS BIGINT) FROM duty", SK_DB_NO_ARGS, &there);

	if (atomic_fetch_add(&worker->runs, 1) == 0)
		usleep(300000);
	if (r == 0 && there < 2)
		return -EPERM;
	return r < 0 ? r
		     : sk_db_exec(db, "UPDATE duty SET there = 0 WHERE name = $1",
			       SK_DB_ARGS(sk_db_text(worker->mine)), NULL);
}

static void *home_thread(void *userdata)
{
	Worker *worker = userdata;
	SkDb *db = engine_open(worker->url);

	worker->result = sk_db_transact(db, go_home, worker);
	sk_db_free(db);
	return NULL;
}

static void test_write_skew(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	Worker workers[2] = {{.mine = "a"}, {.mine = "b"}};
	pthread_t threads[2];

	run_sql(db, "CREATE TABLE duty (name TEXT PRIMARY KEY, there BIGINT)");
	run_sql(db, "INSERT INTO duty (name, there) VALUES ('a', 1), ('b', 1)");
	for (int i = 0; i < 2; i++) {
		sk_str_copy(workers[i].url, URL_SIZE, url);
		pthread_create(&threads[i], NULL, home_thread, &workers[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(number_of(db, "SELECT CAST(sum(there) AS BIGINT) FROM duty"), 1);
	assert_int_equal(workers[0].result + workers[1].result, -EPERM);
}

/* The first of a family makes its room; whoever comes later finds it. */
static int find_room(SkDb *db, void *userdata)
{
	Worker *worker = userdata;
	int64_t rooms;
	int r = sk_db_query_int(db, "SELECT count(*) FROM rooms WHERE family = 'x'", SK_DB_NO_ARGS, &rooms);

	if (atomic_fetch_add(&worker->runs, 1) == 0)
		usleep(300000);
	if (r < 0 || rooms > 0)
		return r;
	return sk_db_exec(db, "INSERT INTO rooms (id, family, name) VALUES ($1, 'x', 'room')",
		SK_DB_ARGS(sk_db_text(worker->mine)), NULL);
}

static void *room_thread(void *userdata)
{
	Worker *worker = userdata;
	SkDb *db = engine_open(worker->url);

	worker->result = sk_db_transact(db, find_room, worker);
	sk_db_free(db);
	return NULL;
}

static int make_room(SkDb *db, void *userdata)
{
	int *runs = userdata;

	++*runs;
	return sk_db_exec(
		db, "INSERT INTO rooms (id, family, name) VALUES ('c', 'x', 'room')", SK_DB_NO_ARGS, NULL);
}

/* PostgreSQL does not call this a collision. */
static void test_made_at_once(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	Worker workers[2] = {{.mine = "a"}, {.mine = "b"}};
	pthread_t threads[2];
	int runs = 0;

	run_sql(db,
		"CREATE TABLE rooms (id TEXT PRIMARY KEY, family TEXT, name TEXT, UNIQUE (family, name))");
	for (int i = 0; i < 2; i++) {
		sk_str_copy(workers[i].url, URL_SIZE, url);
		pthread_create(&threads[i], NULL, room_thread, &workers[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(number_of(db, "SELECT count(*) FROM rooms"), 1);
	assert_int_equal(workers[0].result, 0);
	assert_int_equal(workers[1].result, 0);
	/* What really is there stays an error, and is not tried for ever. */
	assert_db(db, sk_db_transact(db, make_room, &runs), -EEXIST);
	assert_true(runs <= 2);
}

static int look_twice(SkDb *db, void *userdata)
{
	SkDb *other = userdata;
	int64_t before = number_of(db, "SELECT count(*) FROM t");

	/* A writer comes through while this one reads, and is not seen. */
	run_sql(other, "INSERT INTO t (id) VALUES (2)");
	assert_int_equal(before, 1);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 1);
	return 0;
}

static void test_snapshot(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	own_db SkDb *other = engine_open(url);

	run_sql(db, "CREATE TABLE t (id BIGINT PRIMARY KEY)");
	run_sql(db, "INSERT INTO t (id) VALUES (1)");
	assert_db(db, sk_db_snapshot(db, look_twice, other), 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 2);
}

static int insert_one(SkDb *db, void *userdata)
{
	int64_t *id = userdata;

	return sk_db_exec(db,
		"INSERT INTO t (id, text) VALUES ($1, 'a row of some forty characters, as usual')",
		SK_DB_ARGS(sk_db_int(++*id)), NULL);
}

/* No judgement: a figure for whoever reads the log. */
static void test_rate(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	int64_t id = 0, began, n;

	run_sql(db, "CREATE TABLE t (id BIGINT PRIMARY KEY, text TEXT)");
	began = now_ms();
	while (now_ms() - began < 1000)
		assert_db(db, sk_db_transact(db, insert_one, &id), 0);
	print_message("%lld transactions of one insert a second\n", (long long)id);
	began = now_ms();
	for (n = 0; now_ms() - began < 500; n++)
		assert_int_equal(number_of(db, "SELECT id FROM t WHERE id = 7"), 7);
	print_message("%lld queries of one row a second\n", (long long)n * 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_lost_updates),
		cmocka_unit_test(test_write_skew),
		cmocka_unit_test(test_made_at_once),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_rate),
	};
	int failed;

	engine_start(argc, argv, (const char *[]){"fsync=on", NULL});
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	engine_stop();
	return failed ? 1 : 0;
}
