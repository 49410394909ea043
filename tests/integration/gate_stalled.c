/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A medium that does not answer: a file system of a program (as ntfs-3g) that is stopped. The owner of its
 * gate and of another one goes on. Needs root and /dev/fuse.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/media/mark.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/gate/gate.h"

/* The owner's loop never takes longer for one turn, on the slowest machine of a test. */
#define TURN_MSEC 1000
#define FILE_NODE 2

static int n_failed;
static uint64_t longest_msec;

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

/* ---- the file system: one directory, one file ---- */

static void reply(int fd, const struct fuse_in_header *in, int error, const void *body, size_t size)
{
	char buffer[1024];
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof(out) + size), .error = error, .unique = in->unique};

	memcpy(buffer, &out, sizeof(out));
	if (size > 0)
		memcpy(buffer + sizeof(out), body, size);
	if (write(fd, buffer, out.len) < 0 && errno != ENOENT)
		_exit(1);
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){.ino = node,
		.size = node == FILE_NODE ? 5 : 0,
		.mode = node == FILE_NODE ? S_IFREG | 0444 : S_IFDIR | 0555,
		.nlink = 1,
		.blksize = 4096};
}

static void serve_request(int fd, const struct fuse_in_header *in)
{
	/* Names are remembered, so that an open reaches the gate at once; what a file is like is asked each
	 * time. */
	const struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_write = 4096,
		.max_pages = 1};
	const struct fuse_entry_out entry = {
		.nodeid = FILE_NODE, .entry_valid = 3600, .attr_valid = 3600, .attr = attributes(FILE_NODE)};
	const struct fuse_attr_out attr = {.attr_valid = 3600, .attr = attributes(in->nodeid)};
	const struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE};

	if (in->opcode == FUSE_INIT)
		reply(fd, in, 0, &init, sizeof(init));
	else if (in->opcode == FUSE_LOOKUP)
		reply(fd, in, 0, &entry, sizeof(entry));
	else if (in->opcode == FUSE_GETATTR)
		reply(fd, in, 0, &attr, sizeof(attr));
	else if (in->opcode == FUSE_OPEN || in->opcode == FUSE_OPENDIR)
		reply(fd, in, 0, &opened, sizeof(opened));
	else if (in->opcode == FUSE_RELEASE || in->opcode == FUSE_RELEASEDIR || in->opcode == FUSE_FLUSH)
		reply(fd, in, 0, NULL, 0); /* a flush at each close */
	else if (in->opcode == FUSE_READ)
		reply(fd, in, 0, "hello", 5);
	else if (in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET && in->opcode != FUSE_INTERRUPT)
		reply(fd, in, -ENOSYS, NULL, 0);
}

_Noreturn static void serve(int fd)
{
	static char buffer[FUSE_MIN_READ_BUFFER + 4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		if (n < 0 && errno == ENODEV)
			_exit(0);
		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			serve_request(fd, (const struct fuse_in_header *)(const void *)buffer);
	}
}

static pid_t mount_fuse(const char *directory)
{
	own_fd int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];

	if (fd < 0)
		exit(77); /* skipped */
	sk_str_format(options, sizeof(options),
		"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fd);
	if (mount("test", directory, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		exit(errno == EPERM || errno == ENODEV ? 77 : 1);
	pid_t pid = fork();

	if (pid == 0)
		serve(fd);
	return pid;
}

static void mount_tmpfs(const char *directory)
{
	char path[128];

	if (mount("test", directory, "tmpfs", 0, NULL) < 0)
		die("tmpfs");
	sk_str_format(path, sizeof(path), "%s/file", directory);
	own_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);

	if (fd < 0 || write(fd, "hello", 5) != 5)
		die(path);
}

/* ---- the owner of two gates ---- */

static void allow(void *userdata, SkGate *gate, SkGateEvent *event)
{
	(void)sk_gate_answer(gate, event, true);
}

static SkGate *gate_open(const char *directory)
{
	own_fd int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int group = media_gate_new(root, false);
	SkGate *gate = group < 0 ? NULL : sk_gate_new(group, allow, NULL);

	if (!gate || sk_gate_start(gate) < 0)
		die("gate");
	return gate;
}

static uint64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void turn(SkGate *const gates[2])
{
	struct pollfd waiting[2];
	nfds_t n = 0;

	for (size_t i = 0; i < 2; i++)
		if (gates[i])
			waiting[n++] = (struct pollfd){.fd = sk_gate_fd(gates[i]), .events = POLLIN};
	poll(waiting, n, 20);
	uint64_t began = now_msec();

	for (size_t i = 0; i < 2; i++)
		if (gates[i])
			sk_gate_dispatch(gates[i]);
	if (now_msec() - began > longest_msec)
		longest_msec = now_msec() - began;
}

static pid_t start_opener(const char *directory)
{
	char path[128];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sk_str_format(path, sizeof(path), "%s/file", directory);
	_exit(open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
}

/* Return: its exit status; -1 it still waits. */
static int turn_until(SkGate *const gates[2], pid_t opener, uint64_t msec)
{
	uint64_t end = now_msec() + msec;
	int status;

	while (now_msec() < end) {
		turn(gates);
		if (waitpid(opener, &status, WNOHANG) == opener)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	}
	return -1;
}

static void check_stalled(SkGate *gates[2], const char *stalling, const char *other, pid_t server)
{
	check(turn_until(gates, start_opener(stalling), 5000) == 0, "a file of each medium opens: the first");
	check(turn_until(gates, start_opener(other), 5000) == 0, "a file of each medium opens: the second");
	kill(server, SIGSTOP);
	longest_msec = 0;
	pid_t waits = start_opener(stalling);

	check(turn_until(gates, waits, 1000) == -1, "the medium stands still: who opens a file waits");
	for (int i = 0; i < 20; i++)
		if (turn_until(gates, start_opener(other), 5000) != 0)
			check(false, "meanwhile a file of the other one opens");
	printf("     the longest turn took %llu ms\n", (unsigned long long)longest_msec);
	check(longest_msec < TURN_MSEC, "and the loop goes on turning");
	check(turn_until(gates, waits, 100) == -1, "who waited waits on");
	kill(server, SIGCONT);
	check(turn_until(gates, waits, 5000) == 0, "it answers again: the file opens");
}

static void check_free(SkGate *gates[2], const char *stalling, pid_t server)
{
	SkGate *stalled = gates[0];

	kill(server, SIGSTOP);
	pid_t waits = start_opener(stalling);

	check(turn_until(gates, waits, 500) == -1, "it stands still again");
	uint64_t began = now_msec();

	gates[0] = NULL;
	sk_gate_free(stalled);
	check(now_msec() - began < TURN_MSEC, "its gate is given up at once");
	check(turn_until(gates, waits, 1000) == -1, "which lets nobody in");
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	int result = turn_until(gates, waits, 5000);

	printf("     %s\n", strerror(result));
	check(result > 0, "when it dies, who waited is refused");
}

int main(void)
{
	char stalling[] = "/tmp/sekisho-stalled-XXXXXX", other[] = "/tmp/sekisho-other-XXXXXX";

	if (getuid() != 0)
		return 77;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		!mkdtemp(stalling) || !mkdtemp(other))
		die("namespace");
	pid_t server = mount_fuse(stalling);

	mount_tmpfs(other);
	SkGate *gates[2] = {gate_open(stalling), gate_open(other)};

	check_stalled(gates, stalling, other, server);
	check_free(gates, stalling, server);
	sk_gate_free(gates[1]);
	umount2(stalling, MNT_DETACH);
	umount2(other, MNT_DETACH);
	rmdir(stalling);
	rmdir(other);
	printf("%d failed\n", n_failed);
	return n_failed ? 1 : 0;
}
