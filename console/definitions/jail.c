/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/definitions/jail.h"

#include <sys/socket.h>

#include "lib/jail/jail.h"

static const SkJailCall calls[] = {
	/* the network; libcurl resolves names in a thread and wakes itself */
	SK_JAIL_CALL_IF("socket", 0, 0xFFFFFFFF, AF_INET),
	SK_JAIL_CALL_IF("socket", 0, 0xFFFFFFFF, AF_INET6),
	SK_JAIL_CALL_IF("socket", 0, 0xFFFFFFFF, AF_NETLINK),
	SK_JAIL_CALL_IF("socket", 0, 0xFFFFFFFF, AF_UNIX),
	SK_JAIL_CALL_IF("socketpair", 0, 0xFFFFFFFF, AF_UNIX),
	SK_JAIL_CALL("connect"),
	SK_JAIL_CALL("bind"),
	SK_JAIL_CALL("getsockname"),
	SK_JAIL_CALL("getpeername"),
	SK_JAIL_CALL("getsockopt"),
	SK_JAIL_CALL("setsockopt"),
	SK_JAIL_CALL("sendto"),
	SK_JAIL_CALL("recvfrom"),
	SK_JAIL_CALL("sendmsg"),
	SK_JAIL_CALL("recvmsg"),
	SK_JAIL_CALL("sendmmsg"),
	SK_JAIL_CALL("shutdown"),
	SK_JAIL_CALL("poll"),
	SK_JAIL_CALL("ppoll"),
	SK_JAIL_CALL("eventfd2"),
	SK_JAIL_CALL("pipe2"),
	SK_JAIL_CALL("ioctl"), /* FIONREAD of the resolver */
	SK_JAIL_CALL("uname"),
	SK_JAIL_CALL("clone"),
	SK_JAIL_CALL("clone3"),
	SK_JAIL_CALL("set_robust_list"),
	SK_JAIL_CALL("rseq"),
	SK_JAIL_CALL("sched_getaffinity"),
	SK_JAIL_CALL("sched_yield"),
	SK_JAIL_CALL("sysinfo"),
	SK_JAIL_CALL("wait4"),
	SK_JAIL_CALL("dup"),
	/* the child that looks at signatures sets up a jail of its own */
	SK_JAIL_CALL("prctl"),
	SK_JAIL_CALL("seccomp"),
	SK_JAIL_CALL("capget"),
	SK_JAIL_CALL("capset"),
	SK_JAIL_CALL("close_range"),
	SK_JAIL_CALL("landlock_create_ruleset"),
	SK_JAIL_CALL("landlock_add_rule"),
	SK_JAIL_CALL("landlock_restrict_self"),
	SK_JAIL_CALL("prlimit64"),
	SK_JAIL_CALL("setrlimit"),
	/* the folder; Landlock says where */
	SK_JAIL_CALL("open"),
	SK_JAIL_CALL("openat"),
	SK_JAIL_CALL("stat"),
	SK_JAIL_CALL("lstat"),
	SK_JAIL_CALL("statx"),
	SK_JAIL_CALL("access"),
	SK_JAIL_CALL("faccessat"),
	SK_JAIL_CALL("faccessat2"),
	SK_JAIL_CALL("readlink"),
	SK_JAIL_CALL("getdents64"),
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL("ftruncate"),
	SK_JAIL_CALL("fsync"),
	SK_JAIL_CALL("fchmod"),
	SK_JAIL_CALL("rename"),
	SK_JAIL_CALL("renameat"),
	SK_JAIL_CALL("renameat2"),
	SK_JAIL_CALL("unlink"),
	SK_JAIL_CALL("unlinkat"),
	SK_JAIL_CALL("getcwd"),
	SK_JAIL_CALL("getuid"),
	SK_JAIL_CALL("geteuid"),
	SK_JAIL_CALL("getgid"),
	SK_JAIL_CALL("getegid"),
	{.name = NULL},
};

int mirror_jail_enter(const char *directory)
{
	static const SkJailLimit limits[] = {{RLIMIT_CORE, 0}, {-1, 0}};
	const SkJailPath paths[] = {{directory, SK_JAIL_WRITE},
		/* the resolver: its files, its modules */
		{"/etc", SK_JAIL_READ}, {"/run/systemd", SK_JAIL_READ}, {"/usr/lib", SK_JAIL_RUN},
		{"/lib", SK_JAIL_RUN}, {"/lib64", SK_JAIL_RUN}, {"/dev/urandom", SK_JAIL_READ},
		{"/dev/null", SK_JAIL_READ}, {NULL, 0}};
	const SkJail jail = {.name = "sekisho-definitions",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.limits = limits,
		.paths = paths,
		.calls = calls};

	return sk_jail_enter(&jail);
}
