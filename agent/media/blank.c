/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/blank.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/media/tool.h"
#include "agent/media/zeros.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/luks2/profile.h"

#define MKFS "/usr/sbin/mkfs.exfat"

int media_wipe(int device_fd, uint64_t size)
{
	own_free uint8_t *piece = media_piece_new();
	MediaZeros zeros = {.device_fd = device_fd, .piece = piece, .to = SK_LUKS2_DATA_OFFSET};
	const uint64_t whole[2] = {0, size};
	int r;

	if (!piece)
		return -ENOMEM;
	(void)ioctl(device_fd, BLKDISCARD, whole); /* most sticks cannot */
	r = media_zeros_write(&zeros);
	zeros.from = size - MEDIA_PIECE;
	zeros.to = size;
	if (r == 0)
		r = media_zeros_write(&zeros);
	if (r == 0 && fsync(device_fd) < 0)
		r = -errno;
	/* Its partitions go, or somebody uses one. */
	if (r == 0 && ioctl(device_fd, BLKRRPART) < 0)
		r = -errno;
	return r;
}

int media_make_exfat(const char *path, MediaDetail *detail)
{
	const char *const arguments[] = {"mkfs.exfat", path, NULL};
	const MediaTool mkfs = {.program = MKFS,
		.arguments = arguments,
		.jail = {.name = "mkfs.exfat", .uid = (uid_t)-1, .gid = (gid_t)-1}};
	int r = media_tool_run(&mkfs, detail);

	if (r <= 0)
		return r;
	sk_str_format(detail->text, sizeof(detail->text), MKFS ": exit status %d", r);
	return -EIO;
}
