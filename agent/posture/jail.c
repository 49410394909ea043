/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/jail.h"

#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/base/str.h"
#include "lib/jail/jail.h"

#define PATHS_MAX 24
#define CPU_SEC 5
#define MEMORY (1ull << 30)

/* What setting up the jail of a check takes. */
#define CALLS_TO_JAIL                                                                                        \
	SK_JAIL_CALL("prctl"), SK_JAIL_CALL("seccomp"), SK_JAIL_CALL("capget"), SK_JAIL_CALL("capset"),      \
		SK_JAIL_CALL("prlimit64"), SK_JAIL_CALL("setrlimit"), SK_JAIL_CALL("getrlimit"),             \
		SK_JAIL_CALL("landlock_create_ruleset"), SK_JAIL_CALL("landlock_add_rule"),                  \
		SK_JAIL_CALL("landlock_restrict_self")

/* Files, which Landlock limits; SQLite and libarchive use more ways than we do. */
#define CALLS_OF_CHECK                                                                                       \
	SK_JAIL_CALL("openat2"), SK_JAIL_CALL("open"), SK_JAIL_CALL("openat"), SK_JAIL_CALL("stat"),         \
		SK_JAIL_CALL("lstat"), SK_JAIL_CALL("statx"), SK_JAIL_CALL("access"),                        \
		SK_JAIL_CALL("faccessat"), SK_JAIL_CALL("faccessat2"), SK_JAIL_CALL("getdents64"),           \
		SK_JAIL_CALL("readlink"), SK_JAIL_CALL("readlinkat"), SK_JAIL_CALL("pread64"),               \
		SK_JAIL_CALL("readv"), SK_JAIL_CALL("writev"), SK_JAIL_CALL("fadvise64"),                    \
		SK_JAIL_CALL("getcwd"), SK_JAIL_CALL("sysinfo"), SK_JAIL_CALL("uname"),                      \
		SK_JAIL_CALL("sched_getaffinity"), SK_JAIL_CALL("getuid"), SK_JAIL_CALL("geteuid"),          \
		SK_JAIL_CALL("getgid"), SK_JAIL_CALL("getegid"), SK_JAIL_CALL("getppid"),                    \
		SK_JAIL_CALL("set_robust_list"),                                                             \
		SK_JAIL_CALL("rseq"), /* the answers of kernel and chronyd */                                \
		SK_JAIL_CALL("recvfrom"), SK_JAIL_CALL("recvmsg"), SK_JAIL_CALL("poll")

/* sd-bus */
#define CALLS_OF_BUS                                                                                         \
	SK_JAIL_CALL_IF("socket", 0, 0xffffffff, AF_UNIX), SK_JAIL_CALL("connect"), SK_JAIL_CALL("bind"),    \
		SK_JAIL_CALL("getsockname"), SK_JAIL_CALL("getpeername"), SK_JAIL_CALL("getsockopt"),        \
		SK_JAIL_CALL("setsockopt"), SK_JAIL_CALL("sendmsg"), SK_JAIL_CALL("sendto"),                 \
		SK_JAIL_CALL("ppoll"), SK_JAIL_CALL("shutdown"), SK_JAIL_CALL("memfd_create"),               \
		SK_JAIL_CALL("dup")

/* The filter of a check comes on top of this one, which so has all of its calls. */
static const SkJailCall round_calls[] = {
	CALLS_TO_JAIL,
	CALLS_OF_CHECK,
	CALLS_OF_BUS,
	/* children, and what they say */
	SK_JAIL_CALL("clone"),
	SK_JAIL_CALL("clone3"),
	SK_JAIL_CALL("pipe2"),
	SK_JAIL_CALL("wait4"),
	SK_JAIL_CALL("kill"),
	SK_JAIL_CALL("getrusage"),
	/* core */
	SK_JAIL_CALL("accept4"),
	{.name = NULL},
};

static const SkJailCall check_calls[] = {CALLS_OF_CHECK, {.name = NULL}};
static const SkJailCall bus_calls[] = {CALLS_OF_CHECK, CALLS_OF_BUS, {.name = NULL}};

int posture_jail_enter(void)
{
	static const SkJailLimit limits[] = {{RLIMIT_CORE, 0}, {RLIMIT_FSIZE, 0}, {-1, 0}};
	static const SkJailPath nothing_to_change[] = {{.path = NULL}};
	const SkJail jail = {.name = "sekisho-posture",
		.uid = (uid_t)-1,
		.limits = limits,
		.paths = nothing_to_change,
		.reads_anywhere = 1,
		.calls = round_calls};

	return sk_jail_enter(&jail);
}

static void add_path(SkJailPath *paths, size_t *count, const char *path)
{
	if (path[0] && *count < PATHS_MAX - 1)
		paths[(*count)++] = (SkJailPath){path, SK_JAIL_READ};
}

int posture_jail_check(const Posture *posture, const PostureCheck *check, const char *root)
{
	static const SkJailLimit limits[] = {
		{RLIMIT_CORE, 0},
		{RLIMIT_FSIZE, 0},
		{RLIMIT_NPROC, 0},
		{RLIMIT_NOFILE, 64},
		{RLIMIT_CPU, CPU_SEC},
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory is terabytes of address space */
		{RLIMIT_AS, MEMORY},
#endif
		{-1, 0},
	};
	SkJailPath paths[PATHS_MAX] = {{.path = NULL}};
	const SkJail jail = {.name = "sekisho-posture (check)",
		.uid = (uid_t)-1,
		.limits = limits,
		.paths = paths,
		.calls = check->uses & POSTURE_BUS ? bus_calls : check_calls};
	size_t count = 0;

	if (!sk_str_eq(root, "/"))
		add_path(paths, &count, root);
	for (const char *const *path = check->paths; *path; path++)
		add_path(paths, &count, *path);
	if (check->uses & POSTURE_DEFINITIONS)
		for (size_t i = 0; i < SK_ARRAY_SIZE(posture->options->definitions); i++)
			add_path(paths, &count, posture->options->definitions[i]);
	if (check->uses & POSTURE_MODULES_FILE)
		add_path(paths, &count, posture->options->modules_file);
	return sk_jail_enter(&jail);
}
