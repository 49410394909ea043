/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/jail.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/scanner/content.h"
#include "agent/scanner/pool.h"
#include "agent/scanner/queue.h"
#include "lib/jail/jail.h"

/* What setting up a child's jail takes. */
#define CALLS_TO_JAIL                                                                                        \
	SK_JAIL_CALL("prctl"), SK_JAIL_CALL("seccomp"), SK_JAIL_CALL("capget"), SK_JAIL_CALL("capset"),      \
		SK_JAIL_CALL("prlimit64"), SK_JAIL_CALL("setrlimit"), SK_JAIL_CALL("getrlimit"),             \
		SK_JAIL_CALL("landlock_create_ruleset"), SK_JAIL_CALL("landlock_add_rule"),                  \
		SK_JAIL_CALL("landlock_restrict_self")

/* What libc does at the start and end of processes and threads. */
#define CALLS_OF_LIBC                                                                                        \
	SK_JAIL_CALL("set_robust_list"), SK_JAIL_CALL("rseq"), SK_JAIL_CALL("sched_getaffinity"),            \
		SK_JAIL_CALL("getppid"), SK_JAIL_CALL("getuid"), SK_JAIL_CALL("geteuid"),                    \
		SK_JAIL_CALL("getgid"), SK_JAIL_CALL("getegid"), SK_JAIL_CALL("uname"),                      \
		SK_JAIL_CALL("sysinfo"), SK_JAIL_CALL("umask")

/* A thread for each walk; messages; the walk itself. Nothing is opened by a path of the system's: no openat
 * here. */
#define CALLS_OF_WALKER                                                                                      \
	SK_JAIL_CALL("clone"), SK_JAIL_CALL("clone3"), SK_JAIL_CALL("recvmsg"), SK_JAIL_CALL("sendmsg"),     \
		SK_JAIL_CALL("openat2"), SK_JAIL_CALL("getdents64"), SK_JAIL_CALL("fadvise64")

/* Messages, and the file at hand. */
#define CALLS_OF_WORKER                                                                                      \
	SK_JAIL_CALL("recvmsg"), SK_JAIL_CALL("sendmsg"), SK_JAIL_CALL("pread64"), SK_JAIL_CALL("fadvise64")

/* Archives are unpacked into files of the worker's temporary folder (Landlock knows no other); libxml2 asks
 * where it is, libclamav for the time spent, its image decoder for idle turns. */
#define CALLS_OF_LIBCLAMAV                                                                                   \
	SK_JAIL_CALL("open"), SK_JAIL_CALL("openat"), SK_JAIL_CALL("stat"), SK_JAIL_CALL("lstat"),           \
		SK_JAIL_CALL("statx"), SK_JAIL_CALL("access"), SK_JAIL_CALL("faccessat"),                    \
		SK_JAIL_CALL("faccessat2"), SK_JAIL_CALL("getdents64"), SK_JAIL_CALL("mkdir"),               \
		SK_JAIL_CALL("chmod"), SK_JAIL_CALL("fchmod"), SK_JAIL_CALL("rmdir"),                        \
		SK_JAIL_CALL("unlink"), SK_JAIL_CALL("unlinkat"), SK_JAIL_CALL("rename"),                    \
		SK_JAIL_CALL("ftruncate"), SK_JAIL_CALL("pwrite64"), SK_JAIL_CALL("readv"),                  \
		SK_JAIL_CALL("writev"), SK_JAIL_CALL("readlink"), SK_JAIL_CALL("dup"),                       \
		SK_JAIL_CALL("getcwd"), SK_JAIL_CALL("getrusage"), SK_JAIL_CALL("times"),                    \
		SK_JAIL_CALL("sched_yield"), SK_JAIL_CALL("clock_getres")

/* A child's filter comes on top of its parent's, so the parent's has all of theirs. */
static const SkJailCall parent_calls[] = {
	CALLS_TO_JAIL,
	CALLS_OF_LIBC,
	CALLS_OF_WALKER,
	CALLS_OF_WORKER,
	CALLS_OF_LIBCLAMAV,
	/* children */
	SK_JAIL_CALL("close_range"),
	SK_JAIL_CALL("dup2"),
	SK_JAIL_CALL("dup3"),
	SK_JAIL_CALL("wait4"),
	SK_JAIL_CALL("waitid"),
	SK_JAIL_CALL("kill"),
	SK_JAIL_CALL("pidfd_open"),
	SK_JAIL_CALL("pidfd_send_signal"),
	SK_JAIL_CALL("setpriority"),
	SK_JAIL_CALL("ioprio_set"),
	/* core, children */
	SK_JAIL_CALL_IF("socketpair", 0, ~0ull, AF_UNIX),
	SK_JAIL_CALL("accept4"),
	/* reading definitions; the folders of the workers */
	SK_JAIL_CALL("statfs"),
	SK_JAIL_CALL("fstatfs"),
	SK_JAIL_CALL("readlinkat"),
	{.name = NULL},
};

int jail_parent(uid_t uid, gid_t gid)
{
	struct rlimit files;
	SkJailLimit limits[] = {
		{RLIMIT_CORE, 0},
		{RLIMIT_NOFILE, QUEUE_WAITING_MAX + 2 * POOL_WORKERS_MAX + 1024},
		{-1, 0},
	};
	const SkJail jail = {.name = "sekisho-scanner",
		.uid = uid,
		.gid = gid,
		.limits = limits,
		.loops = 1,
		.calls = parent_calls};

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < limits[1].value)
		limits[1].value = files.rlim_max;
	return sk_jail_enter(&jail);
}

static const SkJailCall walker_calls[] = {CALLS_OF_LIBC, CALLS_OF_WALKER, {.name = NULL}};

int jail_walker(void)
{
	static const SkJailLimit limits[] = {{RLIMIT_CORE, 0}, {RLIMIT_FSIZE, 0}, {-1, 0}};
	const SkJail jail = {.name = "sekisho-scanner (walker)",
		.uid = (uid_t)-1,
		.limits = limits,
		.calls = walker_calls};

	return sk_jail_enter(&jail);
}

static const SkJailCall worker_calls[] = {CALLS_OF_LIBC, CALLS_OF_WORKER, CALLS_OF_LIBCLAMAV, {.name = NULL}};

/* What the parent's engine takes up, shared but counted. */
static rlim_t address_space(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (file) {
		if (fscanf(file, "%lu", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

int jail_worker(const WorkerSetup *setup)
{
	/* The file, its copy, what is unpacked from it, and as much again for libclamav's own tables. */
	const rlim_t own =
		setup->max_file_size + 2 * setup->max_scan_size + CONTENT_COPY_MAX + (512ull << 20);
	const SkJailLimit limits[] = {
		{RLIMIT_CORE, 0},
		{RLIMIT_AS, address_space() + own},
		{RLIMIT_FSIZE, setup->max_scan_size},
		{RLIMIT_NOFILE, 256},
		{RLIMIT_NPROC, 0},
		{-1, 0},
	};
	const SkJailPath paths[] = {{setup->temporary, SK_JAIL_WRITE}, {NULL}};
	const SkJail jail = {.name = "sekisho-scanner (worker)",
		.uid = (uid_t)-1,
		.limits = limits,
		.paths = paths,
		.calls = worker_calls};

	return sk_jail_enter(&jail);
}
