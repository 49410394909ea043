/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/repair.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "agent/media/tool.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define FSCK "/usr/sbin/fsck.exfat"
/* Exit statuses of fsck(8). */
#define FSCK_WHOLE 0
#define FSCK_REPAIRED 1

/* exFAT file system specification, 3.1.13: VolumeFlags, little-endian, of which bit 1 is VolumeDirty. */
#define FLAGS_OFFSET 106
#define FLAG_DIRTY 0x02

/* For tables of the largest stick there is, and to read every folder of a full one. */
#define MEMORY_MAX (512u << 20)
#define PROCESSOR_SEC_MAX 120

static int run_fsck(const char *path, MediaDetail *detail)
{
	const char *const arguments[] = {"fsck.exfat", "-p", path, NULL};
	/* It reads what somebody else may have written: it gets at the device, and at nothing else. */
	const SkJailPath paths[] = {{path, SK_JAIL_WRITE_FILES}, {"/usr", SK_JAIL_RUN}, {"/lib", SK_JAIL_RUN},
		{"/lib64", SK_JAIL_RUN}, {"/etc/ld.so.cache", SK_JAIL_READ}, {0}};
	static const SkJailLimit limits[] = {
		{RLIMIT_AS, MEMORY_MAX}, {RLIMIT_CPU, PROCESSOR_SEC_MAX}, {.resource = -1}};
	const MediaTool fsck = {.program = FSCK,
		.arguments = arguments,
		.jail = {.name = "fsck.exfat",
			.uid = (uid_t)-1,
			.gid = (gid_t)-1,
			.limits = limits,
			.paths = paths}};

	return media_tool_run(&fsck, detail);
}

/* Return: 1, 0, or negative errno. */
static int is_open(int fd)
{
	uint8_t flags = 0;
	ssize_t n = pread(fd, &flags, sizeof(flags), FLAGS_OFFSET);

	if (n != (ssize_t)sizeof(flags))
		return n < 0 ? -errno : -EUCLEAN;
	return (flags & FLAG_DIRTY) != 0;
}

int media_repair_exfat(int fd, const char *path, MediaDetail *detail)
{
	int r = is_open(fd), status;

	if (r <= 0)
		return r;
	status = run_fsck(path, detail);
	if (status < 0)
		return status;
	if ((status != FSCK_WHOLE && status != FSCK_REPAIRED) || is_open(fd) != 0) {
		sk_str_format(detail->text, sizeof(detail->text), FSCK ": exit status %d", status);
		return -EUCLEAN;
	}
	sk_log(LOG_NOTICE, "the file system of %s was not closed; it is repaired", path);
	return fsync(fd) < 0 ? -errno : 0;
}
