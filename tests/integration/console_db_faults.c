/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kills, full disks, locks, restarts: what was acknowledged is there, what was not is not. */
#include "tests/integration/console_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/io.h"
#include "lib/base/str.h"

#define ROWS 3 /* of a transaction */

static int insert_rows(SkDb *db, void *userdata)
{
	const int64_t *number = userdata;
	int r = 0;

	for (int i = 0; i < ROWS && r == 0; i++)
		r = sk_db_exec(db, "INSERT INTO t (id, number, text) VALUES ($1, $2, $3)",
			SK_DB_ARGS(sk_db_int(*number * ROWS + i), sk_db_int(*number),
				sk_db_text("some text so that pages fill and the log is checkpointed now and "
					   "then")),
			NULL);
	return r;
}

static void make_table(SkDb *db)
{
	run_sql(db, "CREATE TABLE t (id BIGINT PRIMARY KEY, number BIGINT NOT NULL, text TEXT)");
}

/* Writes without end, and tells each number that was committed. */
static void write_for_ever(const char *url, int64_t from, int out)
{
	SkDb *db = NULL;

	if (sk_db_open(url, &db) < 0)
		_exit(1);
	for (int64_t number = from;; number++)
		if (sk_db_transact(db, insert_rows, &number) < 0 || write(out, &number, sizeof(number)) < 0)
			_exit(2);
}

static pid_t start_writer(const char *url, int64_t from, int *ret_in)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		write_for_ever(url, from, ends[1]);
	close(ends[1]);
	*ret_in = ends[0];
	return pid;
}

static int64_t last_told(int in, int64_t before)
{
	int64_t number, last = before;

	while (sk_io_read_up_to(in, &number, sizeof(number)) == sizeof(number))
		last = number;
	close(in);
	return last;
}

/* What a killed client sent is carried out to its end. */
static void wait_for_backends(SkDb *db)
{
	static const char others[] =
		"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
		" AND pid <> pg_backend_pid() AND query LIKE 'COMMIT%' AND state = 'active'";

	for (int i = 0; engine.is_pgsql && i < 100 && number_of(db, others) > 0; i++)
		usleep(20000);
	if (engine.is_pgsql)
		usleep(100000);
}

/* Whole transactions only, all that were acknowledged, at most one more. */
static int64_t check_rows(const char *url, int64_t acknowledged)
{
	own_db SkDb *db = engine_open(url);
	int64_t last;

	wait_for_backends(db);
	last = number_of(db, "SELECT COALESCE(max(number), 0) FROM t");
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), last * ROWS);
	assert_int_equal(
		number_of(db,
			"SELECT count(*) FROM (SELECT number FROM t GROUP BY number HAVING count(*) <> 3) x"),
		0);
	assert_true(last == acknowledged || last == acknowledged + 1);
	assert_db(db, sk_db_check(db), 0);
	return last;
}

static void test_kill_writer(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	int64_t last = 0;

	make_table(db);
	for (int round = 0; round < 40; round++) {
		int in;
		pid_t pid = start_writer(url, last + 1, &in);

		usleep(5000 + (useconds_t)(random() % 100000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		last = check_rows(url, last_told(in, last));
	}
	print_message("%lld transactions survived 40 kills\n", (long long)last);
	assert_true(last > 10);
}

static void test_crash_server(void **state)
{
	char url[URL_SIZE];
	SkDb *db;
	int64_t last = 0;

	if (!engine.is_pgsql)
		return;
	db = engine_fresh(url);
	make_table(db);
	sk_db_free(db);
	for (int round = 0; round < 4; round++) {
		int in;
		pid_t pid = start_writer(url, last + 1, &in);

		usleep(300000 + (useconds_t)(random() % 200000));
		pg_server_stop(&engine.server, SIGQUIT);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pg_server_restart(&engine.server, (const char *[]){"fsync=on", NULL});
		last = check_rows(url, last_told(in, last));
	}
	print_message("%lld transactions survived 4 crashes of the server\n", (long long)last);
	assert_true(last > 4);
}

/* Connections that were idle, listening, or in the middle of something while the server went and came. */
static int restart_inside(SkDb *db, void *userdata)
{
	int *runs = userdata;
	int64_t number = 100;
	int r = insert_rows(db, &number);

	if (r == 0 && ++*runs == 1) {
		pg_server_restart(&engine.server, NULL);
		number = 101;
		r = insert_rows(db, &number);
		assert_int_equal(r, -EAGAIN);
	}
	return r;
}

static void test_restart(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = NULL;
	own_db SkDb *listener = NULL;
	int64_t number = 1;
	int runs = 0;

	if (!engine.is_pgsql)
		return;
	db = engine_fresh(url);
	listener = engine_open(url);
	make_table(db);
	assert_db(listener, sk_db_listen(listener, "changes"), 0);
	assert_db(db, sk_db_transact(db, insert_rows, &number), 0);
	pg_server_restart(&engine.server, NULL);
	number = 2;
	assert_db(db, sk_db_transact(db, insert_rows, &number), 0);
	assert_int_equal(sk_db_read_notices(listener, NULL, NULL), -ENOTCONN);
	assert_db(listener, sk_db_listen(listener, "changes"), 0);
	pg_server_restart(&engine.server, NULL);
	/* Outside of a transaction too. */
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 2 * ROWS);
	assert_db(db, sk_db_transact(db, restart_inside, &runs), 0);
	assert_int_equal(runs, 2);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 3 * ROWS);
}

typedef struct Patient {
	SkDb *db;
	int result;
} Patient;

static void *insert_patiently(void *userdata)
{
	Patient *patient = userdata;

	patient->result = sk_db_transact(patient->db, insert_rows, &(int64_t){1});
	return NULL;
}

static void test_server_away(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = NULL;
	SkDb *other = NULL;
	int64_t number = 1, began;
	Patient patient = {.result = -1};
	pthread_t thread;

	if (!engine.is_pgsql)
		return;
	db = engine_fresh(url);
	make_table(db);
	pg_server_stop(&engine.server, SIGINT);
	began = now_ms();
	assert_int_equal(sk_db_transact(db, insert_rows, &number), -ENOTCONN);
	assert_in_range(now_ms() - began, 5000, 15000);
	assert_int_equal(sk_db_open(url, &other), -ENOTCONN);
	assert_true(strlen(sk_db_open_message()) > 10);
	/* Away for a moment: the transaction waits for it. */
	patient.db = db;
	pthread_create(&thread, NULL, insert_patiently, &patient);
	usleep(1500000);
	pg_server_restart(&engine.server, NULL);
	pthread_join(thread, NULL);
	assert_int_equal(patient.result, 0);
}

/* The connection is lost while the commit is under way: nobody knows, and the caller is told so. */
static int kill_own_backend(SkDb *db, void *userdata)
{
	own_db SkDb *other = engine_open(userdata);
	int64_t pid = number_of(db, "SELECT pg_backend_pid()"), gone;

	assert_db(other,
		sk_db_query_int(other, "SELECT pg_terminate_backend(CAST($1 AS INTEGER))",
			SK_DB_ARGS(sk_db_int(pid)), &gone),
		0);
	usleep(200000);
	return 0;
}

static int hook_kill(SkDb *db, void *userdata)
{
	int64_t number = 7;
	int r = insert_rows(db, &number);

	return r < 0 ? r : sk_db_hook(db, &(SkDbHook){kill_own_backend, NULL, userdata});
}

static void test_doubtful_commit(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = NULL;

	if (!engine.is_pgsql)
		return;
	db = engine_fresh(url);
	make_table(db);
	assert_int_equal(sk_db_transact(db, hook_kill, url), -ENOTCONN);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 0);
}

static char heard[128];

static void hear(void *userdata, const char *payload)
{
	sk_str_copy(heard, sizeof(heard), payload);
}

static int notify(SkDb *db, void *userdata)
{
	int r = sk_db_notify(db, "changes", "terminal 'x'");

	return r < 0 ? r : *(int *)userdata;
}

static void test_notices(void **state)
{
	char url[URL_SIZE];
	own_db SkDb *db = engine_fresh(url);
	own_db SkDb *listener = engine_open(url);

	assert_db(listener, sk_db_listen(listener, "changes"), 0);
	assert_db(db, sk_db_transact(db, notify, &(int){-EPERM}), -EPERM);
	usleep(200000);
	assert_db(listener, sk_db_read_notices(listener, hear, NULL), 0);
	assert_string_equal(heard, "");
	assert_db(db, sk_db_transact(db, notify, &(int){0}), 0);
	usleep(200000);
	assert_db(listener, sk_db_read_notices(listener, hear, NULL), 0);
	assert_string_equal(heard, engine.is_pgsql ? "terminal 'x'" : "");
	assert_true(sk_db_fd(listener) >= 0);
	assert_int_equal(sk_db_listen(db, "x; DROP TABLE t"), -EINVAL);
}

static int hold(SkDb *db, void *userdata)
{
	int64_t number = 50;
	int r = insert_rows(db, &number);

	if (write(*(int *)userdata, "x", 1) != 1)
		return -EIO;
	usleep(1000000);
	return r;
}

/* Another process holds the lock of the file. */
static void test_locked(void **state)
{
	char url[URL_SIZE], byte;
	own_db SkDb *db = engine_fresh(url);
	int64_t number = 1;
	int ends[2];
	pid_t pid;

	make_table(db);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		SkDb *other = NULL;

		_exit(sk_db_open(url, &other) < 0 || sk_db_transact(other, hold, &ends[1]) < 0);
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_db(db, sk_db_transact(db, insert_rows, &number), 0);
	waitpid(pid, NULL, 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM t"), 2 * ROWS);
	close(ends[0]);
	close(ends[1]);
}

static int64_t fill(SkDb *db, int *ret_error)
{
	int64_t number = 0;

	do
		number++;
	while ((*ret_error = sk_db_transact(db, insert_rows, &number)) == 0 && number < 100000);
	return number - 1;
}

/* The kernel refuses to let the file grow. */
static void test_file_limit(void **state)
{
	struct rlimit old, small = {.rlim_cur = 400000};
	char url[URL_SIZE];
	own_db SkDb *db = NULL;
	int64_t committed;
	int error;

	if (engine.is_pgsql)
		return;
	db = engine_fresh(url);
	make_table(db);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	committed = fill(db, &error);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(error, -ENOSPC);
	assert_true(committed > 20);
	check_rows(url, committed);
	/* And on it goes. */
	committed++;
	assert_db(db, sk_db_transact(db, insert_rows, &committed), 0);
	check_rows(url, committed);
}

/* A file system that is full, where this test may mount one. */
static void fill_small_disk(const char *place)
{
	char url[URL_SIZE], filler[128];
	SkDb *db = NULL;
	int64_t committed;
	int error;

	sk_str_format(url, sizeof(url), "sqlite:%s/x.db", place);
	sk_str_format(filler, sizeof(filler), "%s/filler", place);
	if (sk_db_open(url, &db) < 0)
		_exit(1);
	make_table(db);
	committed = fill(db, &error);
	if (error != -ENOSPC || committed < 20)
		_exit(2);
	check_rows(url, committed);
	if (unlink(filler) < 0)
		_exit(3);
	committed++;
	assert_db(db, sk_db_transact(db, insert_rows, &committed), 0);
	check_rows(url, committed);
	sk_db_free(db);
	_exit(0);
}

static void test_full_disk(void **state)
{
	char place[128], filler[160];
	int status = -1;
	pid_t pid;

	if (engine.is_pgsql || geteuid() != 0)
		return;
	sk_str_format(place, sizeof(place), "%s/small", engine.directory);
	sk_str_format(filler, sizeof(filler), "%s/filler", place);
	assert_int_equal(mkdir(place, 0700), 0);
	pid = fork();
	if (pid == 0) {
		own_free char *zeros = calloc(1, 1 << 20);
		int fd;

		if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
			mount("tmpfs", place, "tmpfs", 0, "size=3m") < 0)
			_exit(77);
		fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || sk_io_write_all(fd, zeros, 1 << 20) < 0)
			_exit(78);
		close(fd);
		fill_small_disk(place);
	}
	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) == 77)
		print_message("no mounts allowed here\n");
	else
		assert_int_equal(status, 0);
}

static void overwrite(const char *url, off_t at, const char *text)
{
	int fd = open(url + strlen("sqlite:"), O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	close(fd);
}

static void test_files(void **state)
{
	char url[URL_SIZE];
	struct stat file;
	SkDb *db = NULL, *other = NULL;

	if (engine.is_pgsql)
		return;
	db = engine_fresh(url);
	make_table(db);
	assert_int_equal(stat(url + 7, &file), 0);
	assert_int_equal(file.st_mode & 07777, 0600);
	sk_db_free(db);
	assert_int_equal(chmod(url + 7, 0644), 0);
	sk_db_free(engine_open(url));
	assert_int_equal(stat(url + 7, &file), 0);
	assert_int_equal(file.st_mode & 07777, 0600);
	overwrite(url, 68, "abcd"); /* application_id */
	assert_int_equal(sk_db_open(url, &other), -EUCLEAN);
	overwrite(url, 0, "This is no database.");
	assert_int_equal(sk_db_open(url, &other), -EUCLEAN);
	assert_true(strlen(sk_db_open_message()) > 5);
	assert_int_equal(sk_db_open("sqlite:relative.db", &other), -EINVAL);
	assert_int_equal(sk_db_open("sqlite:/proc/nowhere/x.db", &other), -ENOENT);
	assert_int_equal(sk_db_open("sqlite:/etc", &other), -EACCES);
	assert_int_equal(sk_db_open("mysql://x", &other), -EINVAL);
}

static int create_if_missing(SkDb *db, void *userdata)
{
	return sk_db_exec(db, "CREATE TABLE IF NOT EXISTS t (id BIGINT)", SK_DB_NO_ARGS, NULL);
}

/* Processes that find no database, all from one moment on. */
static void open_when_told(const char *url, int start)
{
	SkDb *db = NULL;
	char byte;

	if (read(start, &byte, 1) != 0 || sk_db_open(url, &db) < 0)
		_exit(1);
	_exit(sk_db_transact(db, create_if_missing, NULL) < 0);
}

static void test_opened_at_once(void **state)
{
	enum { PROCESSES = 6 };

	for (int round = 0; round < 20 && !engine.is_pgsql; round++) {
		char url[URL_SIZE];
		pid_t pids[PROCESSES];
		int start[2], status;

		engine_new_database(url);
		assert_int_equal(pipe2(start, O_CLOEXEC), 0);
		for (int i = 0; i < PROCESSES; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				close(start[1]);
				open_when_told(url, start[0]);
			}
		}
		usleep(20000);
		close(start[0]);
		close(start[1]);
		for (int i = 0; i < PROCESSES; i++) {
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_int_equal(status, 0);
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill_writer),
		cmocka_unit_test(test_crash_server),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_server_away),
		cmocka_unit_test(test_doubtful_commit),
		cmocka_unit_test(test_notices),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_file_limit),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_opened_at_once),
	};
	int failed;

	engine_start(argc, argv, (const char *[]){"fsync=on", NULL});
	srandom((unsigned)getpid());
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	engine_stop();
	return failed ? 1 : 0;
}
