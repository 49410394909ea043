/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/format.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/media/blank.h"
#include "agent/media/crypt.h"
#include "agent/media/header.h"
#include "agent/media/luks.h"
#include "agent/media/progress.h"
#include "agent/media/zeros.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"

typedef struct Formatting {
	const MediaWork *work;
	int device_fd; /* for writing */
	uint64_t size;
	int header_fd;
	SkLuksFormed formed;
	MediaDetail *detail;
} Formatting;

static int make_header(Formatting *formatting)
{
	const MediaWork *work = formatting->work;
	SkLuksForm order = {.medium_size = formatting->size, .plan = work->format->plan};

	media_progress_tell(formatting->work, SK_MEDIA_STEP_KEYS, 0);
	return media_luks_form(&(MediaLuks){.parent = work->parent,
				       .run_uid = work->luks.uid,
				       .run_gid = work->luks.gid,
				       .header_fd = formatting->header_fd,
				       .passphrase_fd = work->passphrase_fd},
		&order, &formatting->formed);
}

static int make_files(const Formatting *formatting)
{
	const MediaCrypt crypt = {.device_fd = formatting->device_fd, .volume = &formatting->formed.volume};
	char path[MEDIA_CRYPT_PATH_SIZE];
	own_fd int fd = -1;
	int r;

	media_progress_tell(formatting->work, SK_MEDIA_STEP_FILES, 0);
	fd = media_crypt_open(&crypt, path);
	if (fd < 0) {
		sk_str_copy(
			formatting->detail->text, sizeof(formatting->detail->text), "it cannot be mapped");
		return fd;
	}
	r = media_make_exfat(path, formatting->detail);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	(void)media_crypt_release(fd); /* it ends with us */
	return r;
}

/* The wipe left zeros there. */
static int store_header(const Formatting *formatting)
{
	const MediaHeaderChange change = {formatting->device_fd, -1, formatting->header_fd};

	media_progress_tell(formatting->work, SK_MEDIA_STEP_HEADER, 0);
	return media_header_change(&change, formatting->detail);
}

static int do_all(Formatting *formatting)
{
	int r = make_header(formatting);

	if (r < 0 || formatting->formed.code) {
		if (formatting->formed.detail[0])
			sk_str_copy(formatting->detail->text, sizeof(formatting->detail->text),
				formatting->formed.detail);
		return r;
	}
	media_progress_tell(formatting->work, SK_MEDIA_STEP_WIPE, 0);
	r = media_wipe(formatting->device_fd, formatting->size);
	if (r == 0)
		r = make_files(formatting);
	return r < 0 ? r : store_header(formatting);
}

int media_format(const MediaWork *work, SkMediaFormatted *formatted, MediaDetail *detail)
{
	own_fd int header_fd = memfd_create("sekisho-header", MFD_CLOEXEC);
	own_fd int device_fd = media_device_reopen(work->device_fd, 0);
	Formatting formatting = {
		.work = work, .device_fd = device_fd, .header_fd = header_fd, .detail = detail};
	int r = 0;

	if (device_fd < 0)
		return device_fd;
	if (header_fd < 0)
		return -ENOMEM;
	/* The memory is as large as the medium, and only what is written of it exists. */
	if (ioctl(work->device_fd, BLKGETSIZE64, &formatting.size) < 0 ||
		ftruncate(header_fd, (off_t)formatting.size) < 0)
		return -errno;
	r = do_all(&formatting);
	sk_secret_wipe(&formatting.formed.volume, sizeof(formatting.formed.volume));
	if (r < 0)
		return r;
	formatted->code = formatting.formed.code;
	formatted->made = formatting.formed.made;
	return 0;
}
