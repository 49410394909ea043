/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <scsi/sg.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "agent/burn/burn.h"
#include "lib/jail/jail.h"

/* The kernel's own, which no header for programs has. */
#define SCSI_IOCTL_GET_IDLUN 0x5382
#define SCSI_IOCTL_GET_BUS_NUMBER 0x5386

#define IOCTL(request) SK_JAIL_CALL_IF("ioctl", 1, 0xFFFFFFFF, request)

static const SkJailCall calls[] = {
	SK_JAIL_CALL("accept4"), /* core */
	SK_JAIL_CALL_IF("getsockopt", 1, 0xFFFFFFFF, SOL_SOCKET),
	SK_JAIL_CALL("recvmsg"),
	SK_JAIL_CALL("sendmsg"),
	SK_JAIL_CALL("poll"),
	SK_JAIL_CALL("pread64"), /* what goes onto the disc */
	/* the drive: commands, which the kernel judges; what kind of drive it is */
	IOCTL(SG_IO),
	IOCTL(SG_GET_SCSI_ID),
	IOCTL(SCSI_IOCTL_GET_IDLUN),
	IOCTL(SCSI_IOCTL_GET_BUS_NUMBER),
	IOCTL(CDROM_DRIVE_STATUS),
	IOCTL(CDROM_MEDIA_CHANGED),
	IOCTL(HDIO_GET_IDENTITY),
	IOCTL(BLKGETSIZE),
	IOCTL(BLKFLSBUF),
	/* threads: one makes the image, one writes it */
	SK_JAIL_CALL("clone"),
	SK_JAIL_CALL("clone3"),
	SK_JAIL_CALL("set_robust_list"),
	SK_JAIL_CALL("rseq"),
	SK_JAIL_CALL("sched_getaffinity"),
	SK_JAIL_CALL("sched_yield"),
	SK_JAIL_CALL("prctl"),
	SK_JAIL_CALL("nanosleep"),
	SK_JAIL_CALL("clock_nanosleep"),
	SK_JAIL_CALL("uname"),
	/* a file in place of a drive, in tests */
	SK_JAIL_CALL("dup"),
	SK_JAIL_CALL("fsync"),
	SK_JAIL_CALL("ftruncate"),
	SK_JAIL_CALL("fstatfs"),
	/* libburn looks for links and for siblings of the drive, and goes on without */
	SK_JAIL_CALL("stat"),
	SK_JAIL_CALL("lstat"),
	SK_JAIL_CALL("readlink"),
	SK_JAIL_CALL("statfs"),
	SK_JAIL_CALL_REFUSE("openat", EACCES),
	SK_JAIL_CALL_REFUSE("open", EACCES),
	{.name = NULL},
};

static const SkJailLimit limits[] = {
	{RLIMIT_NOFILE, 64},
	{RLIMIT_CORE, 0},
	{.resource = -1},
};

static const SkJailPath paths[] = {{.path = NULL}};

int burn_jail_enter(void)
{
	const SkJail jail = {.name = "sekisho-burn",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.limits = limits,
		.paths = paths,
		.calls = calls};

	return sk_jail_enter(&jail);
}
