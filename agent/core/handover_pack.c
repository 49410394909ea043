/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The archive of a hand-over: between the packer and the scanner. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/core.h"
#include "agent/core/follow_inside.h"
#include "agent/core/handover_inside.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/records.h"
#include "agent/core/slip_store.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/check_pack.h"

/* Both marks of follow_inside.h: no other cookie has them. */
#define HANDOVER_FILE (FOLLOW_WALK | FOLLOW_FILE)
#define FILES_MAX 100000
#define FILES_STEP 256
/* It starts, and tells of the first file, or why there is none (SILENCE_SECONDS of its own). */
#define SILENCE_USEC (120 * 1000000ULL)

static int add_file(Handover *handover, const SkPackFile *message)
{
	SkSlipFile *file;

	if (handover->n_files % FILES_STEP == 0) {
		SkSlipFile *files = reallocarray(
			handover->files, handover->n_files + FILES_STEP, sizeof(*handover->files));

		if (!files)
			return -ENOMEM;
		handover->files = files;
	}
	file = &handover->files[handover->n_files];
	*file = (SkSlipFile){.path = strdup(message->path),
		.size = message->file.size,
		.change = SK_SLIP_NEW,
		.at = record_now_ms()};
	if (!file->path)
		return -ENOMEM;
	sk_str_copy(file->user, sizeof(file->user), handover->slip.user);
	handover->n_files++;
	return 0;
}

/* What the rule says of media of this kind holds for what goes onto them. */
static int ask_scanner(Handover *handover, const SkPackFile *message, int fd)
{
	Core *core = handover->core;
	const Volume *volume = volumes_find_id(core, handover->id);
	SkScanFile ask = {.file = message->file};

	if (!volume || scanner_ensure(core) < 0)
		return -ENOTCONN;
	ask.refuse_types = volume->decision.media.refuse_types;
	ask.scan = volume->decision.media.scan ? SK_SCAN_AND_HASH : SK_SCAN_HASH;
	sk_head_init(&ask.head, SK_SCAN_FILE, sizeof(ask));
	ask.head.cookie = HANDOVER_FILE | handover->n_files;
	handover->asked = true;
	return peer_send(&core->scanner, &ask, &fd, 1);
}

static int on_file(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkPackFile *file = (const SkPackFile *)message;
	Core *core = userdata;
	Handover *handover = core->handover;
	int r;

	if (!handover)
		return 0;
	handover->timer = sd_event_source_disable_unref(handover->timer);
	if (handover->asked || handover->session || message->cookie != handover->n_files + 1 ||
		handover->n_files >= FILES_MAX || !sk_slip_path_check(file->path) ||
		sk_slip_is_own(file->path))
		return -EPROTO;
	r = add_file(handover, file);
	if (r == 0)
		r = ask_scanner(handover, file, fds[0]);
	if (r < 0 && core->handover)
		handover_end(handover, SK_DEVICE_NOT_CHECKED, strerror(-r));
	return 0;
}

static void refuse_file(Handover *handover, const SkScanResult *result)
{
	const SkSlipFile *file = &handover->files[handover->n_files - 1];
	char detail[256];

	sk_str_format(detail, sizeof(detail), "%.150s%s%.100s", file->path, result->finding[0] ? ": " : "",
		result->finding);
	handover_end(handover, SK_HANDOVER_FILE_REFUSED, detail);
}

bool handover_result(Core *core, const SkScanResult *result)
{
	Handover *handover = core->handover;
	SkPackJudged judged = {.sha256 = {0}};
	SkSlipFile *file;

	if ((result->head.cookie & HANDOVER_FILE) != HANDOVER_FILE)
		return false;
	if (!handover || !handover->asked || (result->head.cookie & ~HANDOVER_FILE) != handover->n_files)
		return true; /* it has ended meanwhile */
	handover->asked = false;
	if (result->verdict != SK_VERDICT_CLEAN) {
		refuse_file(handover, result);
		return true;
	}
	file = &handover->files[handover->n_files - 1];
	file->hashed = true;
	file->verdict = SK_SLIP_CLEAN;
	memcpy(file->sha256, result->sha256, sizeof(file->sha256));
	memcpy(judged.sha256, result->sha256, sizeof(judged.sha256));
	sk_head_init(&judged.head, SK_PACK_JUDGED, sizeof(judged));
	judged.head.cookie = handover->n_files;
	peer_send(&core->pack, &judged, NULL, 0);
	return true;
}

void handover_scanner_lost(Core *core)
{
	if (core->handover && core->handover->asked)
		handover_end(core->handover, SK_SCANNER_RESTARTED, "");
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const SkSlipFile *)a)->path, ((const SkSlipFile *)b)->path);
}

/* All are in it: what they are is signed, and goes in, too. */
static int sign(Handover *handover)
{
	Core *core = handover->core;
	SkPackSlip message = {.serial = slip_store_serial(core)};
	int fds[3], r;

	qsort(handover->files, handover->n_files, sizeof(*handover->files), compare_paths);
	handover->slip.serial = message.serial;
	handover->slip.closed = record_now_ms();
	handover->slip.complete = true;
	r = slip_sign_files(
		core, &handover->slip, &(SlipFiles){handover->files, handover->n_files}, &handover->texts);
	if (r == 0)
		r = slip_memfds(core, &handover->texts, fds);
	if (r < 0)
		return r;
	sk_head_init(&message.head, SK_PACK_SLIP, sizeof(message));
	peer_send(&core->pack, &message, fds, 3);
	for (size_t i = 0; i < SK_ARRAY_SIZE(fds); i++)
		close(fds[i]);
	return 0;
}

static int on_listed(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Core *core = userdata;
	Handover *handover = core->handover;
	int r;

	if (!handover)
		return 0;
	if (handover->asked || handover->n_files == 0 || handover->texts.envelope)
		return -EPROTO;
	r = sign(handover);
	if (r < 0 && core->handover)
		handover_end(handover, r == -ENOKEY ? SK_CONSOLE_NEEDED : SK_HANDOVER_NOT_MADE, strerror(-r));
	return 0;
}

static int on_done(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Core *core = userdata;
	Handover *handover = core->handover;

	if (!handover)
		return 0;
	if (!handover->texts.envelope || handover->made.size > 0)
		return -EPROTO;
	handover->made = *(const SkPackDone *)message;
	handover_packed(handover);
	return 0;
}

static int on_failed(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkPackFailed *failed = (const SkPackFailed *)message;
	Core *core = userdata;

	if (core->handover && core->handover->made.size == 0)
		handover_end(
			core->handover, sk_reason_or(failed->code, SK_HANDOVER_NOT_MADE), failed->detail);
	return 0;
}

static const SkMsgSpec specs[] = {
	{SK_PACK_FILE, 1, sizeof(SkPackFile), on_file, sk_check_pack_file},
	{SK_PACK_LISTED, 0, sizeof(SkHead), on_listed},
	{SK_PACK_DONE, 0, sizeof(SkPackDone), on_done},
	{SK_PACK_FAILED, 0, sizeof(SkPackFailed), on_failed, sk_check_pack_failed},
	{0},
};

static void connected(Core *core)
{
}

/* It ends with its archive; before that it is a fault. */
static void lost(Core *core)
{
	if (core->handover && core->handover->made.size == 0)
		handover_end(core->handover, SK_HANDOVER_NOT_MADE, "sekisho-pack ended");
}

const PeerType peer_pack_type = {
	.name = "pack", .specs = specs, .connected = connected, .lost = lost, .keep = false};

/* It was never started, or whoever wants the archive sends nothing. */
static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
	handover_end(userdata, SK_HANDOVER_NOT_MADE, "sekisho-pack does not answer");
	return 0;
}

int handover_pack(Handover *handover, int files_fd, int passphrase_fd)
{
	int r = sd_event_add_time_relative(handover->core->event, &handover->timer, CLOCK_MONOTONIC,
		SILENCE_USEC, 0, on_silence, handover);
	SkPackBegin begin = {.bytes_max = handover->bytes_max, .files_max = FILES_MAX};

	if (r < 0)
		return r;
	sk_head_init(&begin.head, SK_PACK_BEGIN, sizeof(begin));
	return peer_send(&handover->core->pack, &begin,
		(const int[]){files_fd, handover->archive_fd, passphrase_fd}, 3);
}
