/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/erase.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/media/header.h"
#include "agent/media/progress.h"
#include "agent/media/zeros.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/luks2/erased.h"
#include "lib/luks2/profile.h"
#include "lib/reason/reason.h"

/* A device that was pulled out fails first, and is gone a moment later. */
#define GONE_TRIES 10
#define GONE_MSEC 200

typedef struct Erasing {
	const MediaWork *work;
	int device_fd; /* for writing, ours alone, past the kernel's memory of it */
	uint8_t *piece;
	SkMediaErased *erased;
	uint32_t step, percent;
} Erasing;

static void begin_step(Erasing *erasing, uint32_t step)
{
	erasing->step = step;
	erasing->percent = 0;
	media_progress_tell(erasing->work, step, 0);
}

static void on_piece(void *userdata, uint64_t at)
{
	Erasing *erasing = userdata;
	uint32_t percent = (uint32_t)(at / (erasing->erased->size / 100 + 1));

	if (percent == erasing->percent)
		return;
	erasing->percent = percent;
	media_progress_tell(erasing->work, erasing->step, percent);
}

static int fail(Erasing *erasing, const char *what, uint64_t at, int result)
{
	sk_str_format(erasing->erased->detail, sizeof(erasing->erased->detail), "%s at byte %llu: %s", what,
		(unsigned long long)at, result == -EBADMSG ? "not what was written" : strerror(-result));
	return result;
}

static int flush(Erasing *erasing)
{
	return fsync(erasing->device_fd) < 0 ? fail(erasing, "writing", 0, -errno) : 0;
}

static void make_mark(const Erasing *erasing, bool done, uint8_t *ret_page)
{
	const SkMediaErase *order = erasing->work->erase;
	SkErasedMark mark = {.done = done};

	memcpy(mark.medium, order->medium, sizeof(mark.medium));
	memcpy(mark.uuid, order->uuid, sizeof(mark.uuid));
	sk_erased_mark_format(&mark, ret_page);
}

static int write_mark(Erasing *erasing, bool done)
{
	ssize_t n;

	make_mark(erasing, done, erasing->piece);
	n = pwrite(erasing->device_fd, erasing->piece, SK_ERASED_PAGE_SIZE, 0);
	if (n != SK_ERASED_PAGE_SIZE)
		return fail(erasing, "writing", 0, n < 0 ? -errno : -EIO);
	return flush(erasing);
}

static int check_mark(Erasing *erasing, bool done)
{
	uint8_t mark[SK_ERASED_PAGE_SIZE];
	ssize_t n;

	make_mark(erasing, done, mark);
	if (ioctl(erasing->device_fd, BLKFLSBUF, 0) < 0)
		return fail(erasing, "reading", 0, -errno);
	n = pread(erasing->device_fd, erasing->piece, sizeof(mark), 0);
	if (n != sizeof(mark))
		return fail(erasing, "reading", 0, n < 0 ? -errno : -EIO);
	return memcmp(erasing->piece, mark, sizeof(mark)) == 0 ? 0 : fail(erasing, "reading", 0, -EBADMSG);
}

static int write_zeros(Erasing *erasing, uint64_t from, uint64_t to)
{
	MediaZeros zeros = {.device_fd = erasing->device_fd,
		.piece = erasing->piece,
		.from = from,
		.to = to,
		.tell = on_piece,
		.userdata = erasing};
	int r = media_zeros_write(&zeros);

	erasing->erased->written = zeros.at;
	return r < 0 ? fail(erasing, "writing", zeros.at, r) : flush(erasing);
}

static int destroy_keys(Erasing *erasing)
{
	int r;

	begin_step(erasing, SK_MEDIA_STEP_DESTROY);
	r = write_mark(erasing, false);
	return r < 0 ? r : write_zeros(erasing, SK_ERASED_PAGE_SIZE, SK_LUKS2_DATA_OFFSET);
}

/* To discard is no proof, and most sticks cannot: it is told, and then all is written anyway. */
static int overwrite(Erasing *erasing)
{
	const uint64_t data[2] = {SK_LUKS2_DATA_OFFSET, erasing->erased->size - SK_LUKS2_DATA_OFFSET};

	begin_step(erasing, SK_MEDIA_STEP_OVERWRITE);
	erasing->erased->discarded = ioctl(erasing->device_fd, BLKDISCARD, data) == 0;
	return write_zeros(erasing, SK_LUKS2_DATA_OFFSET, erasing->erased->size);
}

static int read_back(Erasing *erasing)
{
	MediaZeros zeros = {.device_fd = erasing->device_fd,
		.piece = erasing->piece,
		.from = SK_ERASED_PAGE_SIZE,
		.to = erasing->erased->size,
		.tell = on_piece,
		.userdata = erasing};
	int r;

	begin_step(erasing, SK_MEDIA_STEP_COMPARE);
	r = check_mark(erasing, false);
	if (r < 0)
		return r;
	r = media_zeros_check(&zeros);
	erasing->erased->compared = zeros.at;
	return r < 0 ? fail(erasing, "reading", zeros.at, r) : 0;
}

static int do_all(Erasing *erasing)
{
	int r;

	if (erasing->erased->size < SK_LUKS2_MEDIUM_MIN)
		return fail(erasing, "the size", erasing->erased->size, -EINVAL);
	r = destroy_keys(erasing);
	if (r == 0)
		r = overwrite(erasing);
	if (r == 0)
		r = read_back(erasing);
	if (r == 0)
		r = write_mark(erasing, true);
	return r < 0 ? r : check_mark(erasing, true);
}

static bool is_gone(const MediaWork *work)
{
	for (int i = 0; i < GONE_TRIES; i++) {
		own_fd int fd = media_device_reopen(work->device_fd, 0);

		if (fd == -ENXIO || fd == -ENODEV)
			return true;
		poll(NULL, 0, GONE_MSEC);
	}
	return false;
}

int media_erase(const MediaWork *work, SkMediaErased *erased)
{
	own_fd int device_fd = media_device_reopen(work->device_fd, O_EXCL | O_DIRECT);
	own_free uint8_t *piece = media_piece_new();
	Erasing erasing = {.work = work, .device_fd = device_fd, .piece = piece, .erased = erased};
	int r = device_fd;

	if (!piece)
		return -ENOMEM;
	/* An erasure whose core has died goes on to its end. */
	if (device_fd == -EBUSY) {
		erased->code = SK_MEDIUM_BUSY;
		return 0;
	}
	if (device_fd < 0)
		(void)fail(&erasing, "opening", 0, device_fd);
	else if (ioctl(device_fd, BLKGETSIZE64, &erased->size) < 0)
		r = fail(&erasing, "the size", 0, -errno);
	else
		r = do_all(&erasing);
	if (r < 0)
		erased->code = is_gone(work) ? SK_ERASURE_CUT : SK_ERASURE_FAILED;
	return 0;
}
