/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/rekey.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/media/header.h"
#include "agent/media/luks.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/luks2/profile.h"

static int ask_luks(const MediaWork *work, int header_fd, SkLuksRekeyed *answer)
{
	SkLuksRekey order = {.change = work->rekey->change};

	if (ioctl(work->device_fd, BLKGETSIZE64, &order.medium_size) < 0)
		return -errno;
	if (order.medium_size < SK_LUKS2_MEDIUM_MIN)
		return -EUCLEAN;
	return media_luks_rekey(&(MediaLuks){.parent = work->parent,
					.run_uid = work->luks.uid,
					.run_gid = work->luks.gid,
					.header_fd = header_fd,
					.secret_fd = work->secret_fd,
					.passphrase_fd = work->passphrase_fd},
		&order, answer);
}

int media_rekey(const MediaWork *work, SkMediaRekeyed *rekeyed, MediaDetail *detail)
{
	own_fd int device_fd = media_device_reopen(work->device_fd, 0);
	own_fd int before_fd = -1, after_fd = -1;
	SkLuksRekeyed answer = {.code = 0};
	int r;

	if (device_fd < 0)
		return device_fd;
	before_fd = media_header_copy(device_fd);
	if (before_fd < 0)
		return before_fd;
	/* What was read once, once more: nobody but sekisho-luks changes this one. */
	after_fd = media_header_copy(before_fd);
	if (after_fd < 0)
		return after_fd;
	r = ask_luks(work, after_fd, &answer);
	if (r == 0 && !answer.code)
		r = media_header_change(&(MediaHeaderChange){device_fd, before_fd, after_fd}, detail);
	if (r < 0)
		return r;
	rekeyed->code = answer.code;
	rekeyed->made = answer.made;
	sk_str_copy(detail->text, sizeof(detail->text), answer.detail);
	return 0;
}
