/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/media/blank.h"
#include "agent/media/header.h"
#include "agent/media/newmount.h"
#include "agent/media/store.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define PIECE (1u << 20)

/* Root's, and nobody else's, as long as it is mounted. */
static int mount_new(const char *source, MediaDetail *detail)
{
	static const MediaOption options[] = {{MEDIA_OPTION_TEXT, "fmask", "0177", false},
		{MEDIA_OPTION_TEXT, "dmask", "0077", false}, {MEDIA_OPTION_TEXT, "iocharset", "utf8", false},
		{MEDIA_OPTION_TEXT, "errors", "remount-ro", false}, {MEDIA_OPTION_END, NULL, NULL, false}};

	return media_mount_new(
		&(MediaMountOrder){.type = "exfat", .source = source, .options = options, .writable = true},
		MEDIA_ATTR_COMMON, detail);
}

/* From the medium, as far as the kernel can make it: what it remembers of the file is dropped first. */
static int read_back(int root_fd, const SkMediaHandOver *order)
{
	own_fd int fd = openat(root_fd, order->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	own_free char *piece = malloc(PIECE);
	uint8_t sha256[SK_SHA256_SIZE];
	uint64_t at = 0;
	SkSha256 hash;
	ssize_t n;

	if (fd < 0 || !piece)
		return fd < 0 ? -errno : -ENOMEM;
	if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		return -EIO;
	sk_sha256_init(&hash);
	while ((n = sk_io_pread_up_to(fd, piece, PIECE, at)) > 0) {
		sk_sha256_update(&hash, piece, (size_t)n);
		at += (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	sk_sha256_final(&hash, sha256);
	return at == order->size && memcmp(sha256, order->sha256, sizeof(sha256)) == 0 ? 0 : -EILSEQ;
}

static int write_all(const MediaWork *work, int root_fd)
{
	const SkMediaHandOver *order = work->handover;
	int r = media_store_file(root_fd, order->name, work->archive_fd);

	if (r == 0)
		r = media_store_slip(root_fd, order->serial, work->files);
	return r;
}

static int fill(const MediaWork *work, const char *source, MediaDetail *detail)
{
	own_fd int mount_fd = mount_new(source, detail);
	own_fd int root_fd = mount_fd < 0 ? mount_fd : media_root_open(mount_fd);
	int r = root_fd < 0 ? root_fd : write_all(work, root_fd), frozen;

	if (root_fd < 0)
		return r;
	frozen = media_mount_freeze(root_fd);
	if (r == 0)
		r = frozen;
	if (r == 0)
		r = read_back(root_fd, work->handover);
	if (r == -EILSEQ)
		sk_str_copy(
			detail->text, sizeof(detail->text), "it gives back something else than was written");
	return r;
}

int media_hand_over(const MediaWork *work, MediaDetail *detail)
{
	own_fd int device_fd = media_device_reopen(work->device_fd, 0);
	char source[64];
	uint64_t size = 0;
	int r = device_fd;

	if (r < 0)
		return r;
	if (ioctl(device_fd, BLKGETSIZE64, &size) < 0)
		return -errno;
	if (work->handover->size >= size)
		return -ENOSPC;
	r = media_device_path(device_fd, source, sizeof(source));
	if (r == 0)
		r = media_wipe(device_fd, size);
	if (r == 0)
		r = media_make_exfat(source, detail);
	return r < 0 ? r : fill(work, source, detail);
}
