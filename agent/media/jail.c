/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>

#include "agent/media/media.h"
#include "lib/jail/jail.h"

/*
 * Four capabilities, each without a weaker substitute:
 * SYS_ADMIN: every mount, the permission group, the private mount namespace of a worker.
 * DAC_READ_SEARCH: overlays look into the file system beneath with the rights of their maker, and files
 *   there belong to others. Reading only; nothing here writes where root is not the owner.
 * SETUID, SETGID: ntfs-3g, the copying of files and the look for busy programs run as other users.
 */
static const int capabilities[] = {CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH, CAP_SETUID, CAP_SETGID, -1};

/* A worker may take a mount namespace of its own and no other; fork() sets none of these. */
#define OTHER_NAMESPACES                                                                                     \
	(CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const SkJailCall calls[] = {
	/* core, workers */
	SK_JAIL_CALL("accept4"),
	SK_JAIL_CALL("socketpair"),
	SK_JAIL_CALL("pipe2"),
	/* workers and what they start */
	SK_JAIL_CALL_IF("clone", 0, OTHER_NAMESPACES | CLONE_NEWNS, 0),
	SK_JAIL_CALL_REFUSE("clone3", ENOSYS), /* flags out of a filter's reach; libc then uses clone() */
	SK_JAIL_CALL_IF("unshare", 0, ~(uint64_t)CLONE_NEWNS, 0),
	SK_JAIL_CALL("wait4"),
	SK_JAIL_CALL("waitid"),
	SK_JAIL_CALL("kill"),
	SK_JAIL_CALL("prctl"),
	SK_JAIL_CALL("set_robust_list"),
	SK_JAIL_CALL("sched_yield"),
	SK_JAIL_CALL("close_range"),
	SK_JAIL_CALL("dup2"),
	SK_JAIL_CALL("alarm"),
	SK_JAIL_CALL("setitimer"),
	SK_JAIL_CALL("setgroups"),
	SK_JAIL_CALL("setresuid"),
	SK_JAIL_CALL("setresgid"),
	SK_JAIL_CALL("setfsuid"),
	SK_JAIL_CALL("setfsgid"),
	/* mounts and gates */
	SK_JAIL_CALL("fsopen"),
	SK_JAIL_CALL("fsconfig"),
	SK_JAIL_CALL("fsmount"),
	SK_JAIL_CALL("fspick"),
	SK_JAIL_CALL("open_tree"),
	SK_JAIL_CALL("move_mount"),
	SK_JAIL_CALL("mount"), /* a worker's namespace is made private */
	SK_JAIL_CALL("umount2"),
	SK_JAIL_CALL("fanotify_init"),
	SK_JAIL_CALL("fanotify_mark"),
	/* /media, /proc, /sys, copies */
	SK_JAIL_CALL("openat"),
	SK_JAIL_CALL("mkdir"),
	SK_JAIL_CALL("mkdirat"),
	SK_JAIL_CALL("unlinkat"),
	SK_JAIL_CALL("symlinkat"), /* second names of mount points */
	SK_JAIL_CALL("readlink"),
	SK_JAIL_CALL("readlinkat"),
	SK_JAIL_CALL("getdents64"),
	SK_JAIL_CALL("stat"),
	SK_JAIL_CALL("statx"),
	SK_JAIL_CALL("statfs"),
	SK_JAIL_CALL("fstatfs"),
	SK_JAIL_CALL("fchdir"),
	SK_JAIL_CALL("fchmod"),
	SK_JAIL_CALL("utimensat"),
	SK_JAIL_CALL("sendfile"),
	SK_JAIL_CALL("fadvise64"), /* what is read back comes from the medium */
	SK_JAIL_CALL("fgetxattr"),
	SK_JAIL_CALL("fsetxattr"), /* access control lists, the mark of a mount point */
	SK_JAIL_CALL("ioctl"), /* block devices, the device mapper; answers to ntfs-3g; the device, by it */
	/* ntfs-3g: it lives under this filter and a narrower one of its own (ntfs_serve.c) */
	SK_JAIL_CALL("seccomp"),
	SK_JAIL_CALL("process_vm_readv"),
	SK_JAIL_CALL("pidfd_open"),
	SK_JAIL_CALL("execve"),
	SK_JAIL_CALL("arch_prctl"),
	SK_JAIL_CALL("set_tid_address"),
	SK_JAIL_CALL("rseq"),
	SK_JAIL_CALL("prlimit64"),
	SK_JAIL_CALL("access"),
	SK_JAIL_CALL("faccessat"),
	SK_JAIL_CALL("faccessat2"),
	SK_JAIL_CALL("chdir"),
	SK_JAIL_CALL("getcwd"),
	SK_JAIL_CALL("umask"),
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL("readv"),
	SK_JAIL_CALL("writev"),
	SK_JAIL_CALL("getuid"),
	SK_JAIL_CALL("geteuid"),
	SK_JAIL_CALL("getgid"),
	SK_JAIL_CALL("getegid"),
	SK_JAIL_CALL("getresuid"),
	SK_JAIL_CALL("getresgid"),
	SK_JAIL_CALL("getppid"),
	/* the list of umount(8), by libmount */
	SK_JAIL_CALL("flock"),
	SK_JAIL_CALL("rename"),
	SK_JAIL_CALL("fchown"),
	SK_JAIL_CALL("unlink"),
	/* carry-out media: the header's copy, the device */
	SK_JAIL_CALL("memfd_create"),
	SK_JAIL_CALL("ftruncate"),
	SK_JAIL_CALL("pwrite64"),
	SK_JAIL_CALL("fsync"),
	/* sekisho-luks, mkfs.exfat and fsck.exfat: they live under this filter and their own jails, which
	   they enter */
	SK_JAIL_CALL("capget"),
	SK_JAIL_CALL("capset"),
	SK_JAIL_CALL("setrlimit"),
	SK_JAIL_CALL("landlock_create_ruleset"),
	SK_JAIL_CALL("landlock_add_rule"),
	SK_JAIL_CALL("landlock_restrict_self"),
	SK_JAIL_CALL("mlock"),
	SK_JAIL_CALL("mlock2"),
	SK_JAIL_CALL("munlock"),
	SK_JAIL_CALL("sysinfo"),
	SK_JAIL_CALL("uname"),
	SK_JAIL_CALL("sched_getaffinity"),
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL_REFUSE("setpriority", EACCES),
	{.name = NULL},
};

static const SkJailLimit limits[] = {
	{RLIMIT_CORE, 0},
	{RLIMIT_NOFILE, 1024},
	{-1, 0},
};

int media_jail_enter(void)
{
	const SkJail jail = {
		.name = "sekisho-media",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.capabilities = capabilities,
		.limits = limits,
		.loops = 1,
		.calls = calls,
	};

	return sk_jail_enter(&jail);
}
