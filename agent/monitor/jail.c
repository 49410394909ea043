/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/jail.h"

#include <errno.h>
#include <linux/blkzoned.h>
#include <linux/capability.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/resource.h>

#include "lib/base/str.h"
#include "lib/jail/jail.h"

/* The strictest of stacked filters decides: what the probe's own refuses softly must not be trapped by ours.
 */
#define IOCTL_KIND_REFUSE(kind_)                                                                             \
	{                                                                                                    \
		.name = "ioctl", .has_argument = 1, .argument = 1, .mask = 0xff00, .value = (kind_) << 8,    \
		.refuse = ENOTTY                                                                             \
	}
#define IOCTL(request_) SK_JAIL_CALL_IF("ioctl", 1, 0xffffffff, request_)

/* Namespaces are none of a monitor's business. */
#define NEW_NAMESPACES                                                                                       \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |        \
		CLONE_NEWNET)

static const SkJailCall calls[] = {
	/* a loop that watches /dev */
	SK_JAIL_CALL("inotify_init1"),
	SK_JAIL_CALL("inotify_add_watch"),
	SK_JAIL_CALL("inotify_rm_watch"),
	/* core, probes, uevents */
	SK_JAIL_CALL("accept4"),
	SK_JAIL_CALL("shutdown"),
	SK_JAIL_CALL("socketpair"),
	/* sysfs, /proc, /dev */
	SK_JAIL_CALL("pwrite64"),
	SK_JAIL_CALL("open"),
	SK_JAIL_CALL("openat"),
	SK_JAIL_CALL("readlink"),
	SK_JAIL_CALL("readlinkat"),
	SK_JAIL_CALL("getdents64"),
	SK_JAIL_CALL("access"),
	SK_JAIL_CALL("renameat"), /* the flag for the udev rules, replaced as a whole */
	SK_JAIL_CALL("unlinkat"),
	SK_JAIL_CALL("fsync"),
	SK_JAIL_CALL("faccessat"),
	SK_JAIL_CALL("faccessat2"),
	SK_JAIL_CALL("stat"),
	SK_JAIL_CALL("lstat"),
	SK_JAIL_CALL("statx"),
	SK_JAIL_CALL("statfs"), /* libraries of the probe, as they are loaded */
	SK_JAIL_CALL("fstatfs"),
	SK_JAIL_CALL("sysinfo"), /* qsort() of many names: how much memory is there? */
	SK_JAIL_CALL("getcwd"),	 /* only where a test mocks /sys; says nothing worth hiding */
	SK_JAIL_CALL("chmod"),	 /* nodes of media: to root alone */
	SK_JAIL_CALL("fchmodat"),
	SK_JAIL_CALL("fchownat"),
	IOCTL(BLKROSET), /* media: read-only */
	IOCTL(BLKROGET),
	IOCTL(BLKGETSIZE64),
	IOCTL(CDROM_DRIVE_STATUS),
	IOCTL(CDROM_LOCKDOOR),
	IOCTL(CDROMEJECT),
	IOCTL(0x5401 /* TCGETS: is standard error a terminal? */),
	SK_JAIL_CALL("clock_nanosleep"), /* until the kernel has taken a new device */
	/* threads for what a device can make slow */
	SK_JAIL_CALL_IF("clone", 0, NEW_NAMESPACES, 0),
	SK_JAIL_CALL_REFUSE(
		"clone3", ENOSYS), /* its flags are out of a filter's reach; libc then uses clone() */
	SK_JAIL_CALL("set_robust_list"),
	SK_JAIL_CALL("rseq"),
	SK_JAIL_CALL("sched_yield"),
	SK_JAIL_CALL("sched_getaffinity"),
	SK_JAIL_CALL("pipe2"),
	/* starting, watching and ending probes */
	SK_JAIL_CALL("vfork"),
	SK_JAIL_CALL("execve"),
	SK_JAIL_CALL("dup2"),
	SK_JAIL_CALL("dup3"),
	SK_JAIL_CALL("kill"),
	SK_JAIL_CALL("pidfd_open"),
	SK_JAIL_CALL("pidfd_send_signal"),
	SK_JAIL_CALL("waitid"),
	SK_JAIL_CALL("wait4"),
	/* what a probe calls until it is in its own jail: the dynamic linker, then lib/jail */
	SK_JAIL_CALL("arch_prctl"),
	SK_JAIL_CALL("set_tid_address"),
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL("close_range"),
	SK_JAIL_CALL("prlimit64"),
	SK_JAIL_CALL("setrlimit"),
	SK_JAIL_CALL("getrlimit"),
	SK_JAIL_CALL("getuid"),
	SK_JAIL_CALL("geteuid"),
	SK_JAIL_CALL("getgid"),
	SK_JAIL_CALL("getegid"),
	SK_JAIL_CALL("getgroups"),
	SK_JAIL_CALL("getppid"),
	SK_JAIL_CALL("setgroups"),
	SK_JAIL_CALL("setresuid"),
	SK_JAIL_CALL("setresgid"),
	SK_JAIL_CALL("capget"),
	SK_JAIL_CALL("capset"),
	SK_JAIL_CALL("prctl"),
	SK_JAIL_CALL("landlock_create_ruleset"),
	SK_JAIL_CALL("landlock_add_rule"),
	SK_JAIL_CALL("landlock_restrict_self"),
	SK_JAIL_CALL("seccomp"),
	/* what a probe calls at its work, and we do not */
	SK_JAIL_CALL("fadvise64"),
	SK_JAIL_CALL("alarm"),
	SK_JAIL_CALL("setitimer"),
	IOCTL(BLKSSZGET),
	IOCTL(BLKGETZONESZ),
	IOCTL(CDROM_GET_CAPABILITY),
	IOCTL(CDROM_LAST_WRITTEN),
	IOCTL_KIND_REFUSE(0x02), /* a floppy drive? */
	IOCTL_KIND_REFUSE('p'),	 /* an OPAL disk? */
	IOCTL(CDROMMULTISESSION),
	{.name = NULL},
};

static const int capabilities[] = {
	CAP_SYS_ADMIN, /* BLKROSET */
	CAP_SETUID,    /* the probes change their identity */
	CAP_SETGID,    /* likewise */
	CAP_SETPCAP,   /* and empty their bounding set */
	CAP_KILL,      /* a probe that hangs is another user's process */
	-1,
};

static const SkJailLimit limits[] = {
	{RLIMIT_CORE, 0},
	{RLIMIT_FSIZE, 1 << 20}, /* attributes and messages; it keeps no files */
	{.resource = -1},
};

int monitor_jail_enter(const char *probe, const char *run_directory, const char *also)
{
	SkJailPath paths[] = {
		{"/sys", SK_JAIL_WRITE},
		{"/dev", SK_JAIL_WRITE_FILES}, /* a drive that burns a disc */
		{"/proc", SK_JAIL_READ},
		{run_directory, SK_JAIL_WRITE},	    /* the flag for the udev rules */
		{"/etc/ld.so.cache", SK_JAIL_READ}, /* for probes */
		{"/usr", SK_JAIL_RUN},
		{"/lib", SK_JAIL_RUN}, /* where it is no link to /usr/lib */
		{"/lib64", SK_JAIL_RUN},
		{probe, SK_JAIL_RUN},
		{also, SK_JAIL_WRITE},
		{.path = NULL},
	};
	const SkJail jail = {
		.name = "sekisho-monitor",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.capabilities = capabilities,
		.limits = limits,
		.paths = paths,
		.loops = 1,
		.calls = calls,
	};

	return sk_jail_enter(&jail);
}
