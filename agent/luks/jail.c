/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/fs.h>
#include <sys/resource.h>

#include "agent/luks/luks.h"
#include "lib/jail/jail.h"

static const SkJailCall calls[] = {
	SK_JAIL_CALL("recvmsg"), /* the job, the console's half */
	SK_JAIL_CALL("sendmsg"),
	SK_JAIL_CALL("openat"), /* the header once more, by /proc/self/fd: Landlock knows no other file */
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL("pwrite64"),
	SK_JAIL_CALL("fsync"),
	SK_JAIL_CALL("fstatfs"),
	SK_JAIL_CALL("mlock"),
	SK_JAIL_CALL("mlock2"),
	SK_JAIL_CALL("munlock"), /* secrets */
	SK_JAIL_CALL("sysinfo"), /* libcryptsetup: what Argon2 may take at most */
	SK_JAIL_CALL("getuid"),
	SK_JAIL_CALL("geteuid"),
	SK_JAIL_CALL("getppid"),
	SK_JAIL_CALL("uname"),
	SK_JAIL_CALL("sched_getaffinity"), /* how many processors: sysconf() */
	/* It asks block devices for their topology, and looks for the device mapper; here is neither. */
	SK_JAIL_CALL_REFUSE("ioctl", ENOTTY),
	SK_JAIL_CALL_REFUSE("access", EACCES),
	SK_JAIL_CALL_REFUSE("faccessat2", EACCES),
	SK_JAIL_CALL_REFUSE("readlink", EACCES),
	SK_JAIL_CALL_REFUSE("setpriority", EACCES),
	SK_JAIL_CALL_REFUSE("socket", EACCES),
	{.name = NULL},
};

static const SkJailLimit limits[] = {
	{RLIMIT_CPU, 600}, /* seconds: Argon2 on a slow PC, four times */
	{RLIMIT_NOFILE, 32},
	{RLIMIT_NPROC, 0},
	{RLIMIT_CORE, 0},
	{.resource = -1},
};

static const SkJailPath paths[] = {{.path = NULL}};

int luks_jail_enter(void)
{
	const SkJail jail = {
		.name = "sekisho-luks",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.limits = limits,
		.paths = paths,
		.calls = calls,
	};

	return sk_jail_enter(&jail);
}
