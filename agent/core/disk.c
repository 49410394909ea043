/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/disk.h"

#include <string.h>

#include "agent/core/bus.h"
#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/mounting.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/records.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/ipc/proto_carry.h"
#include "lib/luks2/profile.h"

SkReason disk_why_not(Core *core, const Volume *volume)
{
	if (!volume || volume->partition != 0 || volume->bus == SK_BUS_INTERNAL ||
		volume->bus == SK_BUS_OPTICAL || !volume->medium_present)
		return SK_MEDIUM_UNKNOWN_CONTENT;
	if (volume->preparing || volume->state == VOLUME_PREPARING)
		return SK_MEDIUM_PREPARING;
	if (volume->erasing)
		return SK_ERASURE_RUNS;
	if (volume->rekeying || volume->opening || volume->medium[0] || volume->state == VOLUME_PROBING)
		return SK_MEDIUM_BUSY;
	if (trial_mode(core) != SK_MODE_ENFORCE || volume->decision.media.handling != MEDIA_CARRY_OUT)
		return SK_MEDIUM_WRITING_BY_RULE;
	if (!records_work(core))
		return SK_RECORDS_FAIL;
	return volume->size < SK_LUKS2_MEDIUM_MIN ? SK_MEDIUM_TOO_SMALL : SK_REASON_NONE;
}

void disk_close_all(Core *core, const Volume *disk)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->state == VOLUME_MOUNTED && sk_str_eq(volume->disk, disk->sysname))
			mounting_detach(core, volume);
}

void disk_open(Core *core, const Volume *volume, OrderDone done)
{
	SkBlockOrder order = {.major = volume->major, .minor = volume->minor, .writable = 1};

	memcpy(order.sysname, volume->sysname, sizeof(order.sysname));
	monitor_order_block(core, SK_MONITOR_BLOCK_OPEN, &order, done);
}

const char *disk_error(const SkHead *message, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;

	if (!answer)
		return "the monitor ended";
	if (answer->result < 0)
		return strerror(-answer->result);
	return n_fds == 1 ? "" : "no descriptor";
}

void disk_format_hash(const Core *core, const Volume *volume, char ret_text[DISK_HASH_SIZE])
{
	const Device *device = devices_find(core, volume->usb);
	uint8_t bytes[SK_BASE64_SIZE(SK_LUKS_SECRET_SIZE)];
	size_t size = 0;

	sk_str_copy(ret_text, DISK_HASH_SIZE, "none");
	if (device && device->facts && strlen(device->facts->hash) < sizeof(bytes) &&
		sk_base64_parse(device->facts->hash, strlen(device->facts->hash), bytes, &size) == 0 &&
		size > 0 && size <= SK_LUKS_SECRET_SIZE)
		sk_hex_format(ret_text, bytes, size);
}

void disk_begin_step(Volume *volume, uint32_t step)
{
	volume->step = step;
	volume->percent = 0;
}

const char *disk_step(const Volume *volume)
{
	static const char *const names[SK_MEDIA_STEP_MAX_] = {
		"keys", "wipe", "files", "header", "destroy", "overwrite", "compare"};

	return volume->preparing || volume->erasing ? names[volume->step] : NULL;
}

int disk_on_progress(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaProgress *progress = (const SkMediaProgress *)message;
	Core *core = userdata;
	Volume *volume = volumes_find_id(core, progress->volume);

	if (!volume || (!volume->preparing && !volume->erasing))
		return 0;
	volume->step = progress->step;
	volume->percent = progress->percent;
	bus_emit_progress(core, volume->sysname, disk_step(volume), volume->percent);
	return 0;
}
