/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/definitions/jail.h"

#include <sys/socket.h>

#include "lib/jail/jail.h"

static const SkJailCall calls[] = {
	SK_JAIL_CALL_IF("socket", 0, 0xFFFFFFFF, AF_UNIX),
	SK_JAIL_CALL("ioctl"), /* is standard error a terminal? */
	SK_JAIL_CALL("wait4"),
	SK_JAIL_CALL("dup"),
	/* the child that looks at signatures sets up a jail of its own */
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
		.resolves = 1,
		.calls = calls};

	return sk_jail_enter(&jail);
}
