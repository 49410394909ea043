/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/jail.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>

#include "agent/core/definitions.h"
#include "lib/base/str.h"
#include "lib/jail/jail.h"

/* One line, one reason. */
static const SkJailCall calls[] = {
	SK_JAIL_CALL("eventfd2"), /* the event loop */
	SK_JAIL_CALL("inotify_init1"),
	SK_JAIL_CALL("inotify_add_watch"),
	SK_JAIL_CALL("inotify_rm_watch"),
	SK_JAIL_CALL("waitid"),
	SK_JAIL_CALL("accept4"), /* programs in which somebody signs in */
	/* D-Bus */
	SK_JAIL_CALL("getpeername"),
	SK_JAIL_CALL("recvfrom"),
	SK_JAIL_CALL("shutdown"),
	SK_JAIL_CALL("memfd_create"), /* long messages to the journal */
	SK_JAIL_CALL("bind"),	      /* sd-bus binds its end to a name that tells who connects */
	/* state, settings, rules, sessions, who opened a file */
	SK_JAIL_CALL("openat"),
	SK_JAIL_CALL("open"),
	SK_JAIL_CALL("readv"),
	SK_JAIL_CALL("writev"),
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL("pwrite64"),
	SK_JAIL_CALL("preadv"),
	SK_JAIL_CALL("pwritev"),
	SK_JAIL_CALL("getdents64"),
	SK_JAIL_CALL("readlink"),
	SK_JAIL_CALL("readlinkat"),
	SK_JAIL_CALL("stat"),
	SK_JAIL_CALL("lstat"),
	SK_JAIL_CALL("statx"),
	SK_JAIL_CALL("access"),
	SK_JAIL_CALL("faccessat"),
	SK_JAIL_CALL("faccessat2"),
	SK_JAIL_CALL("fstatfs"),
	SK_JAIL_CALL("statfs"),
	SK_JAIL_CALL("fsync"),
	SK_JAIL_CALL("fdatasync"),
	SK_JAIL_CALL("ftruncate"),
	SK_JAIL_CALL("fallocate"),
	SK_JAIL_CALL("rename"),
	SK_JAIL_CALL("renameat"),
	SK_JAIL_CALL("renameat2"),
	SK_JAIL_CALL("unlink"),
	SK_JAIL_CALL("unlinkat"),
	SK_JAIL_CALL("linkat"), /* key state of the records */
	SK_JAIL_CALL("mkdir"),
	SK_JAIL_CALL("mkdirat"),
	SK_JAIL_CALL("fchmod"),
	SK_JAIL_CALL("fchmodat"),
	SK_JAIL_CALL("fchown"),
	SK_JAIL_CALL("flock"),
	SK_JAIL_CALL("geteuid"),
	SK_JAIL_CALL("getuid"),
	SK_JAIL_CALL("getegid"),
	SK_JAIL_CALL("getgid"),
	SK_JAIL_CALL("umask"),
	SK_JAIL_CALL("getcwd"),
	SK_JAIL_CALL("uname"),
	SK_JAIL_CALL("sysinfo"),
	SK_JAIL_CALL("prlimit64"),
	SK_JAIL_CALL("sync_file_range"),
	SK_JAIL_CALL_IF("ioctl", 1, 0xFFFFFFFF, 0x5401), /* TCGETS: is standard error a terminal? */
	/* secrets stay out of swap */
	SK_JAIL_CALL("mlock"),
	SK_JAIL_CALL("munlock"),
	/* pidfd of the scanner is compared by what it says; dup for what is handed on */
	SK_JAIL_CALL("dup"),
	SK_JAIL_CALL("dup3"),
	SK_JAIL_CALL("fanotify_mark"), /* files that need no more events */
	SK_JAIL_CALL("pidfd_send_signal"),
	/* the reader of each gate is a thread, and no process; flags that a filter cannot see are not taken
	 */
	SK_JAIL_CALL_IF("clone", 0, CLONE_THREAD, CLONE_THREAD),
	SK_JAIL_CALL_REFUSE("clone3", ENOSYS),
	/* the C library: locale, clocks */
	SK_JAIL_CALL("adjtimex"),
	SK_JAIL_CALL("clock_adjtime"),
	SK_JAIL_CALL("clock_nanosleep"),
	SK_JAIL_CALL("sched_getaffinity"),
	SK_JAIL_CALL("getppid"),
	SK_JAIL_CALL("prctl"),
	SK_JAIL_CALL("set_robust_list"),
	SK_JAIL_CALL("rseq"),
	SK_JAIL_CALL("pipe2"),
	SK_JAIL_CALL("keyctl"), /* sd-bus and sd-id128 ask for the invocation id */
	{.name = NULL},
};

int core_jail_enter(const char *state_directory)
{
	/*
	 * Reading is allowed wherever user sekisho may: Landlock is also asked about the descriptors of
	 * fanotify events, and those lie on mounts that are beneath no path of ours. What is left is writing,
	 * and there is one place for that.
	 */
	char definitions[PATH_MAX];
	const SkJailPath paths[] = {
		{state_directory, SK_JAIL_WRITE},
		{definitions, SK_JAIL_WRITE},
		{.path = NULL},
	};
	/* Leases on files of others, for lib/gate/reader.h: what somebody wants to write to waits for us, and
	 * that for as long as /proc/sys/fs/lease-break-time at most. */
	static const int capabilities[] = {CAP_LEASE, -1};
	const SkJail jail = {.name = "sekishod",
		.uid = (uid_t)-1,
		/* Without it, as in tests, every open is asked for. */
		.capabilities = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_LEASE, 0, 0) == 1
					? capabilities
					: NULL,
		.gid = (gid_t)-1,
		.paths = paths,
		.reads_anywhere = 1,
		.loops = 1,
		.calls = calls};

	if (!sk_str_format(definitions, sizeof(definitions), "%s" DEFINITIONS_SUFFIX, state_directory))
		return -ENAMETOOLONG;
	return sk_jail_enter(&jail);
}
