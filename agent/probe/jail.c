/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/blkzoned.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/probe/probe.h"
#include "lib/base/str.h"
#include "lib/jail/jail.h"

#define IOCTL(request_) SK_JAIL_CALL_IF("ioctl", 1, 0xffffffff, request_)

/* Requests of a whole kind (second byte of the number) that libblkid tries and does without. */
#define IOCTL_KIND_REFUSE(kind_)                                                                             \
	{                                                                                                    \
		.name = "ioctl", .has_argument = 1, .argument = 1, .mask = 0xff00, .value = (kind_) << 8,    \
		.refuse = ENOTTY                                                                             \
	}

static const SkJailCall calls[] = {
	SK_JAIL_CALL("recvmsg"),     /* the job */
	SK_JAIL_CALL("sendmsg"),     /* the facts */
	SK_JAIL_CALL("pread64"),     /* the identity digest */
	SK_JAIL_CALL("fadvise64"),   /* libblkid: no read-ahead on the device */
	SK_JAIL_CALL("alarm"),	     /* the longest a job may take */
	SK_JAIL_CALL("setitimer"),   /* the same where alarm() is made of it */
	IOCTL(BLKGETSIZE64),	     /* size of the device */
	IOCTL(BLKSSZGET),	     /* libblkid: where GPT and others count in sectors */
	IOCTL(BLKGETZONESZ),	     /* libblkid: zoned disks */
	IOCTL(CDROM_GET_CAPABILITY), /* libblkid: is it optical, and how far is it written */
	IOCTL(CDROM_DRIVE_STATUS),
	IOCTL(CDROM_LAST_WRITTEN),
	IOCTL(CDROMMULTISESSION),
	IOCTL_KIND_REFUSE(0x02), /* is it a floppy drive? (2.36 and later) */
	IOCTL_KIND_REFUSE('p'),	 /* is it an OPAL disk that is locked? (2.40 and later) */
	/* libblkid looks into /sys for the whole disk of a partition and does without */
	SK_JAIL_CALL_REFUSE("open", EACCES),
	SK_JAIL_CALL_REFUSE("openat", EACCES),
	SK_JAIL_CALL_REFUSE("access", EACCES),
	SK_JAIL_CALL_REFUSE("faccessat", EACCES),
	SK_JAIL_CALL_REFUSE("faccessat2", EACCES),
	SK_JAIL_CALL_REFUSE("readlink", EACCES),
	SK_JAIL_CALL_REFUSE("readlinkat", EACCES),
	{.name = NULL},
};

static const SkJailLimit limits[] = {
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory is terabytes of address space */
	{RLIMIT_AS, 256 << 20},
#endif
	{RLIMIT_CPU, 5},     /* seconds; a job takes milliseconds */
	{RLIMIT_NOFILE, 16}, /* standard streams, the monitor's socket and a job's descriptors */
	{RLIMIT_FSIZE, 0},
	{RLIMIT_NPROC, 0},
	{RLIMIT_CORE, 0},
	{.resource = -1},
};

static const SkJailPath paths[] = {{.path = NULL}};

int probe_jail_enter(uid_t uid, gid_t gid)
{
	/* A process that is already this user cannot change its groups, and need not. */
	bool same = geteuid() != 0 && geteuid() == uid && getegid() == gid;
	const SkJail jail = {
		.name = "sekisho-probe",
		.uid = same ? (uid_t)-1 : uid,
		.gid = same ? (gid_t)-1 : gid,
		.limits = limits,
		.paths = paths,
		.calls = calls,
	};

	return sk_jail_enter(&jail);
}
