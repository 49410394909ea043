/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/unlock.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/media/crypt.h"
#include "agent/media/header.h"
#include "agent/media/luks.h"
#include "agent/media/newmount.h"
#include "agent/media/repair.h"
#include "agent/media/target.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "lib/ipc/proto_probe.h"
#include "lib/luks2/profile.h"

static int ask_luks(const MediaWork *work, SkLuksOpened *opened)
{
	SkLuksOpen order = {.wanted = *work->wanted};
	own_fd int header_fd = -1;

	if (ioctl(work->device_fd, BLKGETSIZE64, &order.medium_size) < 0)
		return -errno;
	if (order.medium_size < SK_LUKS2_MEDIUM_MIN)
		return -EUCLEAN;
	header_fd = media_header_copy(work->device_fd);
	if (header_fd < 0)
		return header_fd;
	return media_luks_open(&(MediaLuks){.parent = work->parent,
				       .run_uid = work->luks.uid,
				       .run_gid = work->luks.gid,
				       .header_fd = header_fd,
				       .passphrase_fd = work->passphrase_fd},
		&order, opened);
}

/* Only reading: as any medium. Writing: the file system has no owners, so all of it is the user's, and the
 * scanner may read; it may be written to later (SkMediaWritable). */
static int mount_plain(const MediaWork *work, const char *source, MediaDetail *detail)
{
	static const MediaOption options[] = {{MEDIA_OPTION_UID, "uid", NULL, false},
		{MEDIA_OPTION_GID, "gid", NULL, false}, {MEDIA_OPTION_TEXT, "fmask", "0137", false},
		{MEDIA_OPTION_TEXT, "dmask", "0027", false}, {MEDIA_OPTION_TEXT, "iocharset", "utf8", false},
		{MEDIA_OPTION_TEXT, "errors", "remount-ro", false}, {MEDIA_OPTION_END, NULL, NULL, false}};
	const MediaOwner owner = {work->mount->uid, work->mount->scanner_gid};
	int r;

	if (work->wanted->purpose == SK_MEDIA_FOR_READING)
		return media_mount_device(media_filesystem_find(SK_CONTENT_EXFAT), source, &owner, detail);
	r = media_mount_new(
		&(MediaMountOrder){.type = "exfat", .source = source, .options = options, .owner = owner},
		MEDIA_ATTR_COMMON, detail);
	return r == -EINVAL ? -EUCLEAN : r;
}

static int map_and_mount(const MediaWork *work, const SkLuksVolume *volume, MediaDetail *detail)
{
	const MediaCrypt crypt = {.device_fd = work->device_fd,
		.read_only = work->wanted->purpose == SK_MEDIA_FOR_READING,
		.volume = volume};
	char path[MEDIA_CRYPT_PATH_SIZE];
	own_fd int fd = media_crypt_open(&crypt, path);
	int r, released;

	if (fd < 0) {
		sk_str_copy(detail->text, sizeof(detail->text), "it cannot be mapped");
		return fd;
	}
	r = crypt.read_only ? 0 : media_repair_exfat(fd, path, detail);
	if (r == 0)
		r = mount_plain(work, path, detail);
	released = media_crypt_release(fd);
	if (r >= 0 && released < 0) {
		close(r);
		return released;
	}
	return r;
}

int media_unlock(const MediaWork *work, MediaDetail *detail)
{
	SkLuksOpened opened = {.code = 0};
	int r = ask_luks(work, &opened);

	if (r < 0) {
		sk_str_copy(detail->text, sizeof(detail->text), "its header could not be looked at");
	} else if (opened.code) {
		detail->code = opened.code;
		sk_str_copy(detail->text, sizeof(detail->text), opened.detail);
		r = -EKEYREJECTED;
	} else {
		r = map_and_mount(work, &opened.volume, detail);
	}
	sk_secret_wipe(&opened, sizeof(opened));
	return r;
}

int media_lock(const MediaWork *work)
{
	const SkMediaUnmount *close = work->close;
	struct statvfs fs;
	struct stat st;
	bool was_read_only;
	int r;

	if (fstat(work->device_fd, &st) < 0)
		return -errno;
	if (close->lazy) {
		r = media_target_detach(work->base_fd, work->base, close->path, true);
		int cut = media_crypt_cut(st.st_dev); /* whatever has become of the mount */

		return r < 0 ? r : cut;
	}
	/* Now everything is written, and marked as whole; and nobody has a file open for writing. */
	was_read_only = fstatvfs(work->device_fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
	r = media_mount_freeze(work->device_fd);
	if (r == -EBUSY)
		return r;
	if (r < 0) {
		(void)media_target_detach(work->base_fd, work->base, close->path, true);
		(void)media_crypt_cut(st.st_dev);
		return -EIO;
	}
	r = media_target_detach(work->base_fd, work->base, close->path, false);
	/* Core ended after an earlier try, and asks again: it is where nobody sees it. */
	if (r == -ENOENT)
		return 0;
	if (r < 0 && !was_read_only)
		(void)media_mount_thaw(work->device_fd);
	return r;
}
