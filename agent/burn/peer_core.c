/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/burn/burn.h"
#include "agent/burn/drive.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/check_burn.h"
#include "lib/slip/name.h"

#define TICK_MSEC 500
#define PIECE (64u << 10)

typedef struct Burn {
	SkChan *core;
	bool stand_in;
	BurnDrive *drive;
	Image *image;
	int fds[5]; /* as of SkBurnBegin */
	bool done;
	SkReason code; /* why not, when something failed */
	char detail[256];
	uint32_t told_step, told_percent;
} Burn;

/* Return: -ECANCELED. */
static int fail(Burn *burn, SkReason code, const char *detail)
{
	burn->code = code;
	sk_str_copy(burn->detail, sizeof(burn->detail), detail);
	return -ECANCELED;
}

static int fail_by_drive(Burn *burn, SkReason code)
{
	char text[256];

	drive_explain(text, sizeof(text));
	return fail(burn, code, text);
}

static int tell_progress(Burn *burn, uint32_t step, uint32_t percent)
{
	SkBurnProgress progress = {.step = step, .percent = percent};

	if (step == burn->told_step && percent == burn->told_percent)
		return 0;
	burn->told_step = step;
	burn->told_percent = percent;
	sk_head_init(&progress.head, SK_BURN_PROGRESS, sizeof(progress));
	return sk_chan_send(burn->core, &progress, NULL, 0);
}

static int make_image(Burn *burn, const SkBurnBegin *begin)
{
	char slip[SK_SLIP_NAME_SIZE], manifest[SK_SLIP_NAME_SIZE];
	ImageFile files[] = {{.name = begin->name, .fd = burn->fds[1]},
		{.name = slip, .fd = burn->fds[2], .in_folder = 1},
		{.name = manifest, .fd = burn->fds[3], .in_folder = 1},
		{.name = SK_SLIP_SUMS, .fd = burn->fds[4], .in_folder = 1}};

	sk_slip_name(begin->serial, slip);
	sk_slip_manifest_name(begin->serial, manifest);
	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++) {
		struct stat st;

		if (fstat(files[i].fd, &st) < 0 || !S_ISREG(st.st_mode))
			return -EBADF;
		files[i].size = (uint64_t)st.st_size;
	}
	return image_new(files, SK_ARRAY_SIZE(files), &burn->image);
}

static int tell_ready(Burn *burn, const BurnDisc *disc)
{
	SkBurnReady ready = {.size = image_size(burn->image)};

	sk_head_init(&ready.head, SK_BURN_READY, sizeof(ready));
	sk_str_copy(ready.disc, sizeof(ready.disc), disc->name);
	return sk_chan_send(burn->core, &ready, NULL, 0);
}

static int on_begin(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkBurnBegin *begin = (const SkBurnBegin *)message;
	Burn *burn = userdata;
	SkReason code;
	BurnDisc disc;
	int r;

	if (burn->image)
		return -EPROTO;
	for (size_t i = 0; i < n_fds; i++)
		burn->fds[i] = own_take_fd(&fds[i]);
	r = make_image(burn, begin);
	if (r < 0)
		return fail(burn, SK_HANDOVER_NOT_MADE, strerror(-r));
	r = drive_open(begin->sysname, burn->fds[0], burn->stand_in, &burn->drive);
	if (r == -ENODEV)
		return fail_by_drive(burn, SK_DRIVE_NOT_BURNING);
	if (r == 0)
		r = drive_look(burn->drive, burn->image, &disc);
	if (r < 0)
		return fail_by_drive(burn, SK_HANDOVER_NOT_MADE);
	code = burn_judge(&disc, image_size(burn->image));
	return code == SK_REASON_NONE ? tell_ready(burn, &disc) : fail(burn, code, disc.name);
}

/* Core says nothing more: what it says now is that it has gone. */
static bool core_has_gone(Burn *burn)
{
	struct pollfd core = {.fd = sk_chan_fd(burn->core), .events = POLLIN};

	return poll(&core, 1, TICK_MSEC) > 0;
}

static int write_disc(Burn *burn)
{
	bool stopped = false, closing = false;
	unsigned percent = 0;
	int r = tell_progress(burn, SK_BURN_STEP_WRITE, 0);

	drive_write(burn->drive);
	while (drive_is_writing(burn->drive, &percent, &closing)) {
		if (r == 0)
			r = tell_progress(burn, closing ? SK_BURN_STEP_CLOSE : SK_BURN_STEP_WRITE, percent);
		if (!stopped && (r < 0 || core_has_gone(burn))) {
			drive_stop(burn->drive);
			stopped = true;
		}
		/* A socket that has ended does not wait. */
		if (stopped)
			poll(NULL, 0, TICK_MSEC);
	}
	if (stopped)
		return fail(burn, SK_DISC_SPOILED, "stopped");
	return drive_check(burn->drive) < 0 ? fail_by_drive(burn, SK_DISC_SPOILED) : 0;
}

static int read_back(Burn *burn, SkBurnDone *done)
{
	uint8_t written[SK_SHA256_SIZE], piece[PIECE];
	uint64_t size = image_size(burn->image);
	SkSha256 hash;

	if (image_digest(burn->image, written) < 0)
		return fail(burn, SK_DISC_SPOILED, "what was to be written could not be read");
	sk_sha256_init(&hash);
	for (uint64_t at = 0; at < size;) {
		size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;

		if (tell_progress(burn, SK_BURN_STEP_READ, (uint32_t)(100 * at / size)) < 0)
			return fail(burn, SK_DISC_SPOILED, "stopped");
		if (drive_read(burn->drive, at, piece, n) < 0)
			return fail_by_drive(burn, SK_DISC_SPOILED);
		sk_sha256_update(&hash, piece, n);
		at += n;
	}
	sk_sha256_final(&hash, done->sha256);
	done->size = size;
	return memcmp(written, done->sha256, sizeof(written)) == 0
		       ? 0
		       : fail(burn, SK_DISC_SPOILED, "the disc gives back something else");
}

static int on_go(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Burn *burn = userdata;
	SkBurnDone done = {.size = 0};
	int r;

	if (!burn->drive || burn->done)
		return -EPROTO;
	burn->done = true;
	r = write_disc(burn);
	if (r == 0)
		r = read_back(burn, &done);
	drive_close(burn->drive);
	if (r < 0)
		return r;
	sk_head_init(&done.head, SK_BURN_DONE, sizeof(done));
	return sk_chan_send(burn->core, &done, NULL, 0);
}

const SkMsgSpec burn_specs[] = {
	{SK_BURN_BEGIN, 5, sizeof(SkBurnBegin), on_begin, sk_check_burn_begin},
	{SK_BURN_GO, 0, sizeof(SkHead), on_go},
	{0},
};

static int tell_failed(const Burn *burn)
{
	SkBurnFailed failed = {.code = (uint32_t)burn->code};

	sk_head_init(&failed.head, SK_BURN_FAILED, sizeof(failed));
	sk_str_copy(failed.detail, sizeof(failed.detail), burn->detail);
	return sk_chan_send(burn->core, &failed, NULL, 0);
}

int burn_serve(int fd, bool stand_in)
{
	Burn burn = {.core = sk_chan_new(fd), .stand_in = stand_in, .told_step = SK_BURN_STEP_MAX_};
	int r = burn.core ? 1 : -ENOMEM;

	while (r == 1 && !burn.done)
		r = sk_chan_dispatch(burn.core, burn_specs, &burn);
	if (burn.code)
		return tell_failed(&burn);
	/* The drive is let go by the end of the process. */
	return r < 0 ? r : 0;
}
