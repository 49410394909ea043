/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that were judged are opened without events, and none of them with a content that was not judged:
 * however it is written to, whoever reads it, and when its reader dies. The group is made as sekisho-media
 * makes it, the reader has the rights of core. Needs root.
 */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/media/mark.h"
#include "lib/base/own.h"
#include "lib/gate/gate.h"

#define READER_UID 51700
#define PAGE 4096
#define SLOW_USEC 400000
#define EVIL 'E' /* what a file that is refused begins with */

static int n_failed;
static int group_fd;
static char medium[] = "/tmp/sekisho-kept-XXXXXX";

/* Of the reader, seen by all. */
static struct {
	atomic_int opens;
	atomic_bool forget;
} * seen;

static void check(bool holds, const char *what)
{
	printf("%s %s\n", holds ? "ok  " : "FAIL", what);
	fflush(stdout);
	n_failed += !holds;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- the reader, with no privilege but that of leases ---- */

static void on_open(void *userdata, SkGate *gate, SkGateEvent *event)
{
	char first = 0;

	if (!S_ISREG(event->mode)) {
		sk_gate_answer(gate, event, true);
		return;
	}
	sk_gate_lease(gate, event);
	event->judged = true;
	if (pread(event->fd, &first, 1, 0) < 0)
		first = EVIL;
	if (event->file.size > PAGE)
		usleep(SLOW_USEC); /* it is judged, and not answered yet */
	atomic_fetch_add(&seen->opens, 1);
	sk_gate_answer(gate, event, first != EVIL);
}

static void drop_privileges(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_LEASE) < 0 ||
		capng_change_id(READER_UID, READER_UID, CAPNG_DROP_SUPP_GRP) < 0)
		_exit(254);
}

_Noreturn static void run_reader(SkGateKeep keep, int ready_fd)
{
	SkGate *gate = sk_gate_new(group_fd, on_open, NULL);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	drop_privileges();
	if (!gate || sk_gate_deny_outstanding(gate) < 0 || sk_gate_start(gate) < 0)
		_exit(253);
	sk_gate_keep(gate, keep);
	(void)!write(ready_fd, "", 1);
	for (;;) {
		struct pollfd waiting = {.fd = sk_gate_fd(gate), .events = POLLIN};

		if (atomic_exchange(&seen->forget, false))
			sk_gate_keep(gate, keep);
		if (poll(&waiting, 1, 10) > 0 && sk_gate_dispatch(gate) < 0)
			_exit(252);
	}
}

static pid_t start_reader(SkGateKeep keep)
{
	int ready[2];
	char byte;

	if (pipe(ready) < 0)
		die("pipe");
	pid_t pid = fork();

	if (pid == 0)
		run_reader(keep, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("the reader did not start");
	close(ready[0]);
	return pid;
}

static void stop_reader(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- who uses the medium ---- */

static void make_file(const char *name, char first)
{
	char page[PAGE] = {first};
	own_fd int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0 || write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) || fchmod(fd, 0666) < 0)
		die(name);
}

/* Return: 0 or errno. */
static int try_open(const char *name)
{
	own_fd int fd = open(name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

/* Is the reader asked when it is opened? */
static bool is_asked(const char *name)
{
	int before = atomic_load(&seen->opens);

	return try_open(name) != 0 || atomic_load(&seen->opens) != before;
}

/* It is kept a moment after its open was answered. */
static bool becomes_quiet(const char *name)
{
	for (int i = 0; i < 200; i++) {
		if (!is_asked(name))
			return true;
		usleep(5000);
	}
	return false;
}

static bool stays_asked(const char *name)
{
	for (int i = 0; i < 20; i++) {
		if (!is_asked(name))
			return false;
		usleep(5000);
	}
	return true;
}

static void make_quiet(const char *name)
{
	make_file(name, 'c');
	if (!becomes_quiet(name))
		check(false, "a file that was judged is opened without events");
}

/* A writer that waits for the lease, and is not kept waiting. */
static int open_to_write(const char *name, int flags)
{
	double began = now();
	int fd = open(name, O_RDWR | O_CLOEXEC | flags);

	if (fd < 0)
		die(name);
	if (now() - began > 1)
		check(false, "who writes is held up");
	return fd;
}

static void check_write(void)
{
	make_quiet("written");
	own_fd int fd = open_to_write("written", 0);

	check(stays_asked("written"), "what is open for writing is asked for each time");
	check(pwrite(fd, "E", 1, 0) == 1 && try_open("written") == EPERM,
		"written to: judged again, while it is open");
	close(own_take_fd(&fd));
	check(try_open("written") == EPERM, "and when it is closed");
}

static void check_mapping(void)
{
	make_quiet("mapped");
	int fd = open_to_write("mapped", 0);
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		die("mmap");
	close(fd);
	page[1] = 'x'; /* from here on a change of the page changes no time */
	check(stays_asked("mapped"), "what is mapped for writing is asked for each time");
	page[0] = EVIL;
	check(try_open("mapped") == EPERM, "written by a mapping: judged again");
	page[0] = 'c';
	munmap(page, PAGE);
	check(becomes_quiet("mapped"), "and when the mapping is gone it is kept again");
}

static void check_direct(void)
{
	_Alignas(PAGE) static char page[PAGE] = {EVIL};

	make_quiet("direct");
	own_fd int fd = open_to_write("direct", O_DIRECT);

	check(write(fd, page, PAGE) == PAGE && try_open("direct") == EPERM,
		"written by O_DIRECT: judged again");
}

/* As open(2) says: who will not wait tries again. */
static void check_impatient(void)
{
	int fd, first;

	make_quiet("impatient");
	fd = open("impatient", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	first = fd < 0 ? errno : 0;
	for (int i = 0; fd < 0 && i < 200; i++) {
		usleep(5000);
		fd = open("impatient", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	}
	check(first == EWOULDBLOCK && fd >= 0, "who does not wait for the lease has the file a moment later");
	check(pwrite(fd, "E", 1, 0) == 1 && try_open("impatient") == EPERM, "and what it writes is judged");
	close(fd);
}

/* Somebody writes between the reading and the answer, and is gone before it. */
static void check_meanwhile(void)
{
	make_file("slow", 'c');
	if (truncate("slow", 2 * PAGE) < 0)
		die("slow");
	pid_t opener = fork();

	if (opener == 0)
		_exit(try_open("slow"));
	usleep(SLOW_USEC / 2);
	make_file("slow", EVIL);
	waitpid(opener, NULL, 0);
	usleep(100000);
	check(try_open("slow") == EPERM, "written to while it was judged: judged again");
}

static void check_names(void)
{
	struct statfs before, after = {0};

	make_quiet("cut");
	check(truncate("cut", 0) == 0 && is_asked("cut"), "truncated by its path: judged again");
	make_quiet("replaced");
	make_file("other", EVIL);
	check(rename("other", "replaced") == 0 && try_open("replaced") == EPERM,
		"another file under its name: judged");
	make_quiet("deleted");
	statfs(".", &before);
	unlink("deleted");
	for (int i = 0; i < 100; i++) {
		statfs(".", &after);
		if (after.f_ffree > before.f_ffree)
			break;
		usleep(100000);
	}
	check(after.f_ffree > before.f_ffree, "a file that was deleted gives its room back");
}

/* Many in a row: more breaks than signals that are waiting may be. */
#define MANY 3000

static void check_many(void)
{
	char name[32];
	int n_kept = 0, n_evil = 0;

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		make_file(name, 'c');
		try_open(name);
	}
	usleep(200000);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		n_kept += !is_asked(name);
	}
	check(n_kept == MANY, "many are kept");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		make_file(name, EVIL);
		n_evil += try_open(name) == EPERM;
	}
	check(n_evil == MANY, "and judged again, each of them");
}

static void check_forgetting(void)
{
	make_quiet("known");
	atomic_store(&seen->forget, true);
	usleep(100000);
	check(is_asked("known"), "what is forgotten is asked for");
	check(becomes_quiet("known"), "and kept again");
}

static void check_death(pid_t *reader)
{
	make_quiet("left");
	stop_reader(*reader);
	int fd = open_to_write("left", 0);
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	page[0] = EVIL;
	*reader = start_reader(SK_GATE_KEEP_LEASED);
	check(try_open("left") == EPERM, "the next reader knows nothing of what the dead one had kept");
	munmap(page, PAGE);
}

static void make_medium(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		!mkdtemp(medium) ||
		mount("test", medium, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755") < 0 ||
		chdir(medium) < 0)
		die(medium);
	own_fd int root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	group_fd = media_gate_new(root, true);
	if (root < 0 || group_fd < 0)
		die("gate");
}

/* As the unit of core has it: what is held for long is above the numbers of events. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("limit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("limit");
}

int main(void)
{
	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	raise_limit();
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_medium();
	pid_t reader = start_reader(SK_GATE_KEEP_LEASED);

	make_quiet("file");
	check(!is_asked("file"), "a file that was judged is opened without events");
	check_write();
	check_mapping();
	check_direct();
	check_meanwhile();
	check_impatient();
	check_names();
	check_many();
	check_forgetting();
	check_death(&reader);
	stop_reader(reader);
	reader = start_reader(SK_GATE_KEEP_MARKED);
	check(becomes_quiet("known"), "so it is on a medium that nobody writes to");
	check_forgetting();
	stop_reader(reader);
	reader = start_reader(SK_GATE_KEEP_NONE);
	check(stays_asked("known"), "and where nothing is kept each open is asked for");
	stop_reader(reader);
	if (chdir("/") < 0 || umount2(medium, MNT_DETACH) < 0 || rmdir(medium) < 0)
		die(medium);
	return n_failed ? 1 : 0;
}
