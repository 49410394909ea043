/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/burning.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/bus.h"
#include "agent/core/core.h"
#include "agent/core/decide.h"
#include "agent/core/devices.h"
#include "agent/core/disk.h"
#include "agent/core/handover_inside.h"
#include "agent/core/records.h"
#include "agent/core/slip_store.h"
#include "agent/core/trial.h"
#include "agent/core/volume_record.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/check_burn.h"

SkReason burning_why_not(Core *core, Volume *volume)
{
	if (!volume || volume->partition != 0 || volume->bus != SK_BUS_OPTICAL)
		return SK_MEDIUM_UNKNOWN_CONTENT;
	if (volume->state == VOLUME_MOUNTED)
		return SK_DISC_NOT_BLANK;
	if (volume->state == VOLUME_PREPARING || volume->state == VOLUME_PROBING || volume->opening)
		return SK_MEDIUM_BUSY;
	decide_medium(core, devices_find(core, volume->usb), volume->bus, &volume->decision);
	if (trial_mode(core) != SK_MODE_ENFORCE || volume->decision.action != SK_USB_ALLOW ||
		volume->decision.media.handling != MEDIA_CARRY_OUT)
		return SK_MEDIUM_WRITING_BY_RULE;
	return records_work(core) ? SK_REASON_NONE : SK_RECORDS_FAIL;
}

bool burning_holds(const Core *core, const Volume *volume)
{
	const Handover *handover = core->handover;

	return handover && handover->disc && handover->made.size > 0 &&
	       sk_str_eq(handover->volume, volume->sysname);
}

static int begin(Handover *handover, int drive_fd)
{
	SkBurnBegin message = {.serial = slip_store_serial(handover->core)};
	int fds[5] = {drive_fd, handover->archive_fd};
	int r = handover_sign_medium(handover, message.serial, fds + 2);

	if (r < 0)
		return r;
	sk_head_init(&message.head, SK_BURN_BEGIN, sizeof(message));
	sk_str_copy(message.sysname, sizeof(message.sysname), handover->volume);
	sk_str_copy(message.name, sizeof(message.name), handover->name);
	r = peer_send(&handover->core->burn, &message, fds, SK_ARRAY_SIZE(fds));
	for (size_t i = 2; i < SK_ARRAY_SIZE(fds); i++)
		close(fds[i]);
	return r;
}

static void on_opened(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	Handover *handover = core->handover;
	const char *error = disk_error(message, n_fds);

	if (!handover || !handover->disc || handover->session || !sk_str_eq(handover->volume, subject))
		return;
	if (*error)
		handover_end(handover, SK_HANDOVER_NOT_MADE, error);
	else if (begin(handover, fds[0]) < 0 && core->handover)
		handover_end(handover, SK_HANDOVER_NOT_MADE, "sekisho-burn cannot be reached");
}

void burning_start(Handover *handover)
{
	Core *core = handover->core;
	Volume *volume = volumes_find_id(core, handover->id);
	SkReason code = volume ? burning_why_not(core, volume) : SK_DISC_NONE;

	if (code != SK_REASON_NONE) {
		handover_end(handover, code, "");
		return;
	}
	volume->state = VOLUME_PREPARING;
	volume->code = SK_MEDIUM_PREPARING;
	record_volume(core, volume, "medium.handing-over", SK_MEDIUM_PREPARING, NULL);
	disk_open(core, volume, on_opened);
}

/* The disc is fit. From the first byte on the grant is used, and this PC knows what is on the disc. */
static int on_ready(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkBurnReady *ready = (const SkBurnReady *)message;
	Core *core = userdata;
	Handover *handover = core->handover;
	SkHead go;

	if (!handover || !handover->disc || handover->session || handover->made.size == 0)
		return -EPROTO;
	if (handover_begin_session(handover) < 0) {
		handover_end(handover, SK_HANDOVER_NOT_MADE, "the manifest cannot be kept");
		return 0;
	}
	record_write(core, &(Record){.kind = "medium.burning",
				   .code = SK_MEDIUM_PREPARING,
				   .body = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}", "volume",
					   handover->volume, "device", handover->device, "medium",
					   handover->medium, "grant", handover->slip.grant, "disc",
					   record_text(ready->disc), "size", (json_int_t)ready->size)});
	sk_head_init(&go, SK_BURN_GO, sizeof(go));
	peer_send(&core->burn, &go, NULL, 0);
	return 0;
}

static int on_progress(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	static const char *const steps[SK_BURN_STEP_MAX_] = {"burn", "close", "read-back"};
	const SkBurnProgress *progress = (const SkBurnProgress *)message;
	Core *core = userdata;

	if (core->handover)
		bus_emit_progress(core, core->handover->volume, steps[progress->step], progress->percent);
	return 0;
}

static int on_done(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkBurnDone *done = (const SkBurnDone *)message;
	Core *core = userdata;
	char hex[SK_SHA256_HEX_SIZE];

	if (!core->handover || !core->handover->session)
		return -EPROTO;
	sk_hex_format(hex, done->sha256, sizeof(done->sha256));
	record_write(
		core, &(Record){.kind = "medium.burned",
			      .code = SK_DISC_BURNED,
			      .body = json_pack("{s:s, s:s, s:s, s:I, s:s}", "volume", core->handover->volume,
				      "medium", core->handover->medium, "grant", core->handover->slip.grant,
				      "size", (json_int_t)done->size, "digest", hex)});
	handover_end(core->handover, SK_DISC_BURNED, "");
	return 0;
}

static int on_failed(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkBurnFailed *failed = (const SkBurnFailed *)message;
	Core *core = userdata;

	if (core->handover && core->handover->disc)
		handover_end(
			core->handover, sk_reason_or(failed->code, SK_HANDOVER_NOT_MADE), failed->detail);
	return 0;
}

static const SkMsgSpec specs[] = {
	{SK_BURN_READY, 0, sizeof(SkBurnReady), on_ready, sk_check_burn_ready},
	{SK_BURN_PROGRESS, 0, sizeof(SkBurnProgress), on_progress, sk_check_burn_progress},
	{SK_BURN_DONE, 0, sizeof(SkBurnDone), on_done, sk_check_burn_done},
	{SK_BURN_FAILED, 0, sizeof(SkBurnFailed), on_failed, sk_check_burn_failed},
	{0},
};

static void connected(Core *core)
{
}

static void lost(Core *core)
{
	if (core->handover && core->handover->disc && core->handover->made.size > 0)
		handover_end(core->handover, SK_HANDOVER_NOT_MADE, "sekisho-burn ended");
}

const PeerType peer_burn_type = {
	.name = "burn", .specs = specs, .connected = connected, .lost = lost, .keep = false};
