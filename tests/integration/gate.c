/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate against real programs: every way in, with a reader that has no privilege; a reader that dies; more
 * openers than anybody may wait with; and what a known verdict costs. The group and the mounts are made as
 * sekisho-media makes them. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/media/mark.h"
#include "agent/media/newmount.h"
#include "agent/media/stack.h"
#include "agent/media/workplace.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/gate/table.h"
#include "tests/integration/gate_ways.h"

#define USER_UID 51500
#define READER_UID 51700

static int n_failed;
static int group_fd, root_fd;
static const char *medium;

static void check(bool holds, const char *what)
{
	printf("%s %s\n", holds ? "ok  " : "FAIL", what);
	fflush(stdout);
	n_failed += !holds;
}

static void die(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

/* ---- the medium ---- */

static void write_file(int dir, const char *name)
{
	static const char text[] = "exit 0\n";
	char link[64];
	own_fd int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	if (fd < 0 || sk_io_write_all(fd, text, strlen(text)) < 0 || fchmod(fd, 0755) < 0)
		die(name, errno);
	sk_str_format(link, sizeof(link), "%s-link", name);
	if (linkat(dir, name, dir, link, 0) < 0)
		die(link, errno);
	sk_str_format(link, sizeof(link), "%s-symlink", name);
	if (symlinkat(name, dir, link) < 0)
		die(link, errno);
}

static int make_files(void)
{
	static const MediaOption options[] = {{MEDIA_OPTION_TEXT, "mode", "0755", false}, {0}};
	MediaDetail detail = {""};
	int mount_fd = media_mount_new(
		&(MediaMountOrder){.type = "tmpfs", .source = "test", .options = options, .writable = true},
		MEDIA_ATTR_COMMON, &detail);

	if (mount_fd < 0)
		die("tmpfs", mount_fd);
	own_fd int dir = media_root_open(mount_fd);

	write_file(dir, "clean");
	write_file(dir, "evil");
	write_file(dir, "slow");
	if (media_mount_freeze(mount_fd) < 0)
		die("freeze", errno);
	return mount_fd;
}

/* Like a worker of sekisho-media, but for the descriptors, which it shares with us. Return: the mount's. */
static int stack_in_worker(int mount_fd)
{
	MediaDetail detail = {""};
	int status = 0;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0) {
		int r = media_workplace_enter(&detail);

		if (r == 0)
			r = media_stack(mount_fd, &detail);
		_exit(r < 0 ? 255 : r);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || WEXITSTATUS(status) == 255)
		die("overlays", EIO);
	return WEXITSTATUS(status);
}

/* Attached, in a namespace of the test's own: users could not make mounts of an anonymous one. */
static void make_medium(void)
{
	char directory[] = "/tmp/sekisho-gate-XXXXXX";
	int mount_fd = stack_in_worker(make_files());

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		!mkdtemp(directory))
		die("namespace", errno);
	int r = media_move_mount(mount_fd, AT_FDCWD, directory);

	if (r < 0)
		die("attach", r);
	root_fd = media_root_open(mount_fd);
	group_fd = media_gate_new(root_fd, false);
	if (root_fd < 0 || group_fd < 0)
		die("gate", group_fd);
	close(mount_fd);
	medium = strdup(directory);
}

static void remove_medium(void)
{
	if (fchdir(root_fd) < 0 || umount2(medium, MNT_DETACH) < 0 || rmdir(medium) < 0)
		die(medium, errno);
}

/* ---- the reader: a process without privilege, as core is ---- */

typedef struct Reader {
	SkGateTable *table;
	uint64_t nanoseconds; /* spent in dispatching */
	uint64_t n_events;
} Reader;

static void on_open(void *userdata, SkGate *gate, SkGateEvent *event)
{
	Reader *reader = userdata;
	bool first;

	if (!S_ISREG(event->mode))
		(void)sk_gate_answer(gate, event, true);
	else
		sk_gate_table_admit(reader->table, event, &first);
}

static void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(254);
}

static void judge(SkGateTable *table, const char *name, SkGateVerdict verdict, int dir)
{
	SkFileId file;
	mode_t mode;
	own_fd int fd = openat(dir, name, O_PATH | O_CLOEXEC);

	if (fd < 0 || sk_gate_file_id(fd, &file, &mode) < 0)
		_exit(253);
	sk_gate_table_resolve(table, &file, verdict);
}

static uint64_t now_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static Reader *measured;

static void on_end(int signal_number)
{
	printf("     %.1f us each in %llu answers of known verdicts\n",
		(double)measured->nanoseconds / (double)(measured->n_events ? measured->n_events : 1) / 1000,
		(unsigned long long)measured->n_events);
	fflush(stdout);
	_exit(0);
}

/* inherited: cleans up after the one before. Writes a byte when it is ready. */
_Noreturn static void run_reader(bool inherited, int ready_fd)
{
	static Reader reader;
	SkGate *gate = sk_gate_new(group_fd, on_open, &reader);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	become(READER_UID);
	reader.table = sk_gate_table_new(gate, 0);
	judge(reader.table, "clean", SK_GATE_ALLOW, root_fd);
	judge(reader.table, "evil", SK_GATE_DENY, root_fd);
	measured = &reader;
	signal(SIGTERM, on_end);
	int denied = inherited ? sk_gate_deny_outstanding(gate) : 0;

	if (sk_gate_start(gate) < 0)
		_exit(252);
	(void)!write(ready_fd, &denied, sizeof(denied));
	for (;;) {
		struct pollfd waiting = {.fd = sk_gate_fd(gate), .events = POLLIN};

		if (poll(&waiting, 1, -1) < 0)
			continue;
		uint64_t start = now_nanoseconds();
		int n = sk_gate_dispatch(gate);

		if (n < 0)
			_exit(252);
		reader.nanoseconds += now_nanoseconds() - start;
		reader.n_events += (uint64_t)n;
	}
}

/* Return: the process; how many events it denied for its predecessor. */
static pid_t start_reader(bool inherited, int *ret_denied)
{
	int ready[2], denied = -1;

	if (pipe(ready) < 0)
		die("pipe", errno);
	pid_t pid = fork();

	if (pid == 0)
		run_reader(inherited, ready[1]);
	close(ready[1]);
	if (read(ready[0], &denied, sizeof(denied)) != sizeof(denied))
		die("the reader did not start", ECHILD);
	close(ready[0]);
	if (ret_denied)
		*ret_denied = denied;
	return pid;
}

static void stop(pid_t pid, int signal_number)
{
	kill(pid, signal_number);
	waitpid(pid, NULL, 0);
}

/* ---- users ---- */

static pid_t start_user(int (*action)(const char *), const char *file)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fchdir(root_fd) < 0)
			_exit(251);
		become(USER_UID);
		alarm(30);
		_exit(action(file));
	}
	return pid;
}

static int finish(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 250;
}

static bool is_running(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static bool is_expected(int met, int expected)
{
	return expected == WAY_ANY_ERROR ? met != WAY_CONTENT : met == expected;
}

static void check_way(const Way *way)
{
	char what[128];
	int clean = finish(start_user(way->try, "clean")), evil = finish(start_user(way->try, "evil"));
	snprintf(what, sizeof(what), "%-28s clean: %s, evil: %s", way->name,
		clean ? strerror(clean) : "content", evil ? strerror(evil) : "content");
	check(is_expected(clean, way->clean) && is_expected(evil, way->evil), what);
}

static void check_ways(void)
{
	pid_t reader = start_reader(false, NULL);

	int namespaces = finish(start_user(gate_ways_namespaces, "clean"));

	for (size_t i = 0; i < n_gate_ways; i++)
		if (gate_ways[i].needs_namespace && namespaces != 0)
			printf("     %-28s closed to users of this machine: %s\n", gate_ways[i].name,
				strerror(namespaces));
		else
			check_way(&gate_ways[i]);
	stop(reader, SIGTERM);
}

static int open_plainly(const char *file)
{
	own_fd int fd = open(file, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

static void check_death_of_reader(void)
{
	int denied = -1;
	pid_t reader = start_reader(false, NULL);
	pid_t read_by_first = start_user(open_plainly, "slow");

	usleep(200000);
	check(is_running(read_by_first), "an open of an unknown file waits");
	stop(reader, SIGKILL);
	pid_t unread = start_user(open_plainly, "clean");

	usleep(300000);
	check(is_running(read_by_first), "it goes on waiting when the reader dies");
	check(is_running(unread), "and so does one that came while nobody read");
	reader = start_reader(true, &denied);
	printf("     %d denied by the next reader\n", denied);
	check(denied == 1, "the next reader denies what the dead one had read");
	check(finish(read_by_first) == EPERM, "so that the open fails");
	check(finish(unread) == 0, "and answers what nobody had read");
	check(finish(start_user(open_plainly, "evil")) == EPERM, "its own answers fall on its own events");
	check(finish(start_user(open_plainly, "clean")) == 0, "each on the right one");
	pid_t killed = start_user(open_plainly, "slow");

	usleep(100000);
	kill(killed, SIGKILL);
	check(finish(killed) == 250, "an open that waits can be killed");
	stop(reader, SIGTERM);
}

static void *open_in_thread(void *argument)
{
	own_fd int fd = open("slow", O_RDONLY | O_CLOEXEC);

	return (void *)(intptr_t)(fd < 0 ? errno : 0);
}

#define CROWD (SK_GATE_OUTSTANDING_MAX + 40)

/* Return: 0 when those beyond the limit were denied while the others wait. */
static int open_as_crowd(const char *file)
{
	static pthread_t threads[CROWD];
	pthread_attr_t attributes;
	int n_denied = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	for (int i = 0; i < CROWD; i++)
		if (pthread_create(&threads[i], &attributes, open_in_thread, NULL) != 0)
			return 1;
	sleep(1);
	for (int i = 0; i < CROWD; i++) {
		void *result;

		if (pthread_tryjoin_np(threads[i], &result) == 0)
			n_denied += (intptr_t)result == EPERM ? 1 : 1000;
	}
	return n_denied == CROWD - SK_GATE_OUTSTANDING_MAX ? 0 : 2;
}

static void check_crowd(void)
{
	int denied = 0;
	pid_t reader = start_reader(false, NULL);

	check(finish(start_user(open_as_crowd, "slow")) == 0, "more openers than may wait are denied");
	stop(reader, SIGKILL);
	reader = start_reader(true, &denied);
	printf("     %d of a crowd that is gone were denied\n", denied);
	check(finish(start_user(open_plainly, "clean")) == 0, "what a crowd leaves behind disturbs nobody");
	stop(reader, SIGTERM);
}

#define OPENS 5000

static int open_often(const char *file)
{
	uint64_t start = now_nanoseconds();

	for (int i = 0; i < OPENS; i++)
		if (open_plainly(file) != 0)
			return 1;
	printf("     %.1f us for one open, close and its answer by another process\n",
		(double)(now_nanoseconds() - start) / OPENS / 1000);
	fflush(stdout);
	return 0;
}

/* In a process without privilege, like core's. */
static bool is_needed(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		become(READER_UID);
		_exit(sk_gate_is_needed(group_fd) ? 1 : 0);
	}
	return finish(pid) != 0;
}

/* Unmounted, but somebody stands in it. */
static void check_end(void)
{
	pid_t reader = start_reader(false, NULL);
	own_fd int inside = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	check(is_needed(), "the gate is needed");
	remove_medium();
	check(is_needed(), "and so it is after unmounting, while somebody stands in the medium");
	check(finish(start_user(open_plainly, "evil")) == EPERM, "who still meets it");
	stop(reader, SIGTERM);
	close(own_take_fd(&inside));
	close(own_take_fd(&root_fd));
	if (chdir("/") < 0)
		die("/", errno);
	for (int i = 0; i < 200 && is_needed(); i++)
		usleep(10000);
	check(!is_needed(), "when they are gone, it is not");
}

static void check_cost(void)
{
	pid_t reader = start_reader(false, NULL);

	check(finish(start_user(open_often, "clean")) == 0, "many opens of a file with a known verdict");
	stop(reader, SIGTERM);
}

int main(void)
{
	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	make_medium();
	check_ways();
	check_death_of_reader();
	check_crowd();
	check_cost();
	check_end();
	return n_failed ? 1 : 0;
}
