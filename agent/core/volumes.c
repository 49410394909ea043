/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/volumes.h"

#include <stdlib.h>

#include "agent/core/carry.h"
#include "agent/core/core.h"
#include "agent/core/follow.h"
#include "agent/core/mounting.h"
#include "agent/core/erasing.h"
#include "agent/core/handover.h"
#include "agent/core/preparing.h"
#include "agent/core/rekeying.h"
#include "agent/core/volume_decide.h"
#include "agent/core/volume_probe.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

Volume *volumes_find(const Core *core, const char *sysname)
{
	Volume *volume;

	HASH_FIND_STR(core->volumes, sysname, volume);
	return volume;
}

Volume *volumes_find_id(const Core *core, uint64_t id)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->id == id)
			return volume;
	return NULL;
}

Volume *volumes_find_path(const Core *core, const char *path)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->state == VOLUME_MOUNTED && sk_str_eq(volume->path, path))
			return volume;
	return NULL;
}

void volumes_advance_all(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		volume_advance(core, volume);
}

void volumes_cause_gone(Core *core, SkReason code)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		if (volume->state != VOLUME_REFUSED || volume->code != code)
			continue;
		volume->state = VOLUME_NEW;
		volume_advance(core, volume);
	}
}

/* New rules or another mode: what is refused or only learned is looked at again, what is open is closed if
 * need be. */
void volumes_decide_all(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		if (volume->state == VOLUME_MOUNTED) {
			if (volume_is_decided_alike(core, volume))
				continue;
			mounting_detach(core, volume);
			volume->state = VOLUME_NEW;
		} else if (volume->state == VOLUME_REFUSED || volume->state == VOLUME_LEARNED ||
			   volume->state == VOLUME_WAITING || volume->state == VOLUME_LOCKED) {
			volume->state = VOLUME_NEW;
		}
		volume_advance(core, volume);
	}
}

/* A medium belongs to who was signed in when it was opened; nobody else gets to see it. */
void volumes_session_changed(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		if (volume->state == VOLUME_MOUNTED &&
			(!core->session.present || core->session.uid != volume->uid)) {
			mounting_detach(core, volume);
			volume->state = VOLUME_NEW;
		}
		volume_advance(core, volume);
	}
	carry_look(core);
}

void volumes_device_decided(Core *core, const char *usb)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (sk_str_eq(volume->usb, usb))
			volume_advance(core, volume);
}

static void volume_clear(Core *core, Volume *volume)
{
	volume_probe_stop(volume);
	carry_forget(core, volume);
	preparing_forget(core, volume);
	handover_forget(core, volume);
	rekeying_forget(core, volume);
	erasing_forget(core, volume);
	if (volume->state == VOLUME_MOUNTED) {
		record_volume(core, volume, "medium.pulled", SK_MEDIUM_PULLED, NULL);
		follow_cut(core, volume, "pulled");
		mounting_detach(core, volume);
	}
	free(own_take(volume->facts));
	volume->id = ++core->last_volume; /* answers about what was there before are about another volume */
	volume->state = VOLUME_NEW;
	volume->code = SK_REASON_NONE;
	volume->detail[0] = 0;
}

static void volume_free(Core *core, Volume *volume)
{
	HASH_DEL(core->volumes, volume);
	volume_clear(core, volume);
	free(volume);
}

static Volume *volume_new(Core *core, const char *sysname)
{
	Volume *volume = calloc(1, sizeof(*volume));

	if (!volume)
		return NULL;
	volume->id = ++core->last_volume;
	volume->core = core;
	volume->root_fd = -1;
	sk_str_copy(volume->sysname, sizeof(volume->sysname), sysname);
	HASH_ADD_STR(core->volumes, sysname, volume);
	return volume;
}

void volumes_add(Core *core, const SkBlockAdded *added)
{
	Volume *volume = volumes_find(core, added->sysname);

	if (volume && volume->major == added->major && volume->minor == added->minor &&
		volume->size == added->size && volume->medium_present == added->medium_present) {
		volume->told = true; /* told again, or an event without news */
		return;
	}
	if (volume)
		volume_clear(core, volume);
	else if (!(volume = volume_new(core, added->sysname)))
		return; /* stays root's own */
	memcpy(volume->disk, added->disk, sizeof(volume->disk));
	memcpy(volume->usb, added->usb, sizeof(volume->usb));
	volume->major = added->major;
	volume->minor = added->minor;
	volume->partition = added->partition;
	volume->bus = added->bus;
	volume->size = added->size;
	volume->medium_present = added->medium_present;
	volume->present_at_start = added->present_at_start;
	volume->told = true;
	volume_partition_appeared(core, volume);
	volume_advance(core, volume);
}

void volumes_remove(Core *core, const char *sysname)
{
	Volume *volume = volumes_find(core, sysname);

	if (volume)
		volume_free(core, volume);
}

void volumes_begin_enumeration(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		volume->told = false;
		/* Orders of this step died with the monitor. */
		if (volume->state == VOLUME_OPENING && !volume->opening)
			volume->state = VOLUME_NEW;
	}
}

void volumes_end_enumeration(Core *core)
{
	Volume *volume, *next;

	HASH_ITER (hh, core->volumes, volume, next)
		if (!volume->told)
			volume_free(core, volume);
	volumes_advance_all(core);
}

void volumes_close(Core *core)
{
	Volume *volume, *next;

	HASH_ITER (hh, core->volumes, volume, next) {
		HASH_DEL(core->volumes, volume);
		volume_probe_stop(volume);
		carry_forget(core, volume);
		preparing_forget(core, volume);
		rekeying_forget(core, volume);
		erasing_forget(core, volume);
		mounting_forget(core, volume);
		free(volume->facts);
		free(volume);
	}
}
