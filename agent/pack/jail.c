/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/resource.h>
#include <sys/socket.h>

#include "agent/pack/pack.h"
#include "lib/jail/jail.h"

static const SkJailCall calls[] = {
	SK_JAIL_CALL("accept4"), /* core */
	SK_JAIL_CALL_IF("getsockopt", 1, 0xFFFFFFFF, SOL_SOCKET),
	SK_JAIL_CALL_IF("setsockopt", 1, 0xFFFFFFFF, SOL_SOCKET),
	SK_JAIL_CALL("recvmsg"),
	SK_JAIL_CALL("sendmsg"),
	SK_JAIL_CALL("pread64"), /* files, the passphrase */
	SK_JAIL_CALL("fsync"),	 /* the archive */
	SK_JAIL_CALL("mlock"),	 /* secrets */
	SK_JAIL_CALL("munlock"),
	SK_JAIL_CALL("getuid"), /* random numbers of OpenSSL, where libarchive uses it */
	SK_JAIL_CALL("geteuid"),
	{.name = NULL},
};

static const SkJailLimit limits[] = {
	{RLIMIT_NOFILE, 64},
	{RLIMIT_NPROC, 0},
	{RLIMIT_CORE, 0}, /* the passphrase is in its memory */
	{.resource = -1},
};

static const SkJailPath paths[] = {{.path = NULL}};

int pack_jail_enter(void)
{
	const SkJail jail = {.name = "sekisho-pack",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.limits = limits,
		.paths = paths,
		.calls = calls};

	return sk_jail_enter(&jail);
}
