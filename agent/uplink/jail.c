/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/uplink/jail.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/jail/jail.h"

/* One line, one reason. */
static const SkJailCall calls[] = {
	/* core */
	SK_JAIL_CALL("accept4"),
	SK_JAIL_CALL("memfd_create"),
	SK_JAIL_CALL_IF("ioctl", 1, 0xFFFFFFFF, 0x5401), /* TCGETS: is standard error a terminal? */
	/* state, what the resolver reads, the device of the TPM; Landlock says where */
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
	SK_JAIL_CALL("readv"),
	SK_JAIL_CALL("writev"),
	SK_JAIL_CALL("ftruncate"), /* a part of a file that begins anew */
	SK_JAIL_CALL("fsync"),
	SK_JAIL_CALL("rename"),
	SK_JAIL_CALL("renameat"),
	SK_JAIL_CALL("renameat2"),
	SK_JAIL_CALL("unlink"),
	SK_JAIL_CALL("unlinkat"),
	SK_JAIL_CALL("mkdir"),
	SK_JAIL_CALL("mkdirat"),
	SK_JAIL_CALL("dup"),
	SK_JAIL_CALL("geteuid"),
	SK_JAIL_CALL("getuid"),
	SK_JAIL_CALL("getegid"),
	SK_JAIL_CALL("getgid"),
	SK_JAIL_CALL("getppid"),
	SK_JAIL_CALL("prlimit64"),
	SK_JAIL_CALL("getrusage"),
	SK_JAIL_CALL("clock_nanosleep"),
	SK_JAIL_CALL("nanosleep"),
	/* secrets stay out of swap */
	SK_JAIL_CALL("mlock"),
	SK_JAIL_CALL("munlock"),
	{.name = NULL},
};

int uplink_jail_enter(const char *state_directory)
{
	static const SkJailLimit limits[] = {{RLIMIT_CORE, 0}, {-1, 0}};
	const SkJailPath paths[] = {
		{state_directory, SK_JAIL_WRITE},
		{"/dev/tpmrm0", SK_JAIL_WRITE},
		/* resolv.conf, hosts, nsswitch.conf and the modules that it names, where systemd-resolved is
		 */
		{"/etc", SK_JAIL_READ},
		{"/usr", SK_JAIL_READ},
		{"/lib", SK_JAIL_READ},
		{"/lib64", SK_JAIL_READ},
		{"/run", SK_JAIL_READ},
		{"/dev/urandom", SK_JAIL_READ},
		{"/sys/devices/system/cpu", SK_JAIL_READ},
		{.path = NULL},
	};
	const SkJail jail = {.name = "sekisho-uplink",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.limits = limits,
		.paths = paths,
		.loops = 1,
		.resolves = 1,
		.calls = calls};

	return sk_jail_enter(&jail);
}
