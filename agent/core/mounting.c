/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/mounting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/carry.h"
#include "agent/core/core.h"
#include "agent/core/follow.h"
#include "agent/core/gates.h"
#include "agent/core/mounts.h"
#include "agent/core/peer_media.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/records.h"
#include "agent/core/volume_decide.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

SkReason mounting_reason(int error)
{
	switch (error) {
	case -EOPNOTSUPP:
		return SK_MEDIUM_NO_GATE;
	case -ENOSYS:
		return SK_MEDIUM_NO_DRIVER;
	case -EFBIG:
		return SK_MEDIUM_TOO_LARGE_TO_COPY;
	default:
		return SK_MEDIUM_DAMAGED;
	}
}

static void refuse_with(Core *core, Volume *volume, SkReason code, const char *detail)
{
	char shown[256];

	sk_utf8_escape(shown, sizeof(shown), detail, strlen(detail));
	volume_refuse(core, volume, code, shown);
}

int mounting_take(Core *core, Volume *volume, const SkMediaMounted *mounted, int *fds, SkReason code)
{
	int r;

	memcpy(volume->path, mounted->path, sizeof(volume->path));
	volume->root_fd = own_take_fd(&fds[1]);
	volume->state = VOLUME_MOUNTED;
	volume->code = code;
	r = gates_open(core, volume, own_take_fd(&fds[0]), false);
	if (r < 0) {
		mounting_detach(core, volume);
		refuse_with(core, volume, SK_MEDIUM_NO_GATE, strerror(-r));
		return r;
	}
	mounts_save(core);
	media_kept(core, volume->id, volume->sysname);
	record_volume(core, volume, "medium.admitted", code, NULL);
	gates_walk(core, volume);
	return 0;
}

static void on_mounted(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaMounted *mounted = (const SkMediaMounted *)message;
	Volume *volume = volumes_find(core, subject);

	if (!mounted || mounted->head.type != SK_MEDIA_MOUNTED) {
		if (volume && volume->state == VOLUME_OPENING)
			volume_refuse(core, volume, SK_DEVICE_NOT_CHECKED, NULL);
		return;
	}
	if (!volume || volume->state != VOLUME_OPENING || volume->id != mounted->volume) {
		/* Pulled out meanwhile: nobody answers at this gate, so it must go. */
		if (mounted->result == 0)
			media_detach(core, mounted->volume, mounted->path);
		return;
	}
	if (mounted->result < 0 || n_fds != 2) {
		refuse_with(core, volume, mounting_reason(mounted->result), mounted->detail);
		return;
	}
	mounting_take(core, volume, mounted, fds, SK_MEDIUM_READ_ONLY);
}

void mounting_fill(const Core *core, const Volume *volume, SkMediaMount *mount)
{
	const Session *session = &core->session;

	mount->volume = volume->id;
	mount->uid = session->uid;
	mount->gid = session->gid;
	mount->scanner_gid = scanner_group();
	sk_str_copy(mount->user, sizeof(mount->user), session->user);
}

static void on_opened(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;
	Volume *volume = volumes_find(core, subject);
	const Session *session = &core->session;
	SkMediaMount mount = {0};

	if (!volume || volume->state != VOLUME_OPENING)
		return;
	if (!answer || answer->result < 0 || n_fds != 1) {
		volume_refuse(core, volume, SK_DEVICE_NOT_CHECKED, answer ? strerror(-answer->result) : NULL);
		return;
	}
	if (!session->present) {
		volume->state = VOLUME_NEW;
		volume_advance(core, volume);
		return;
	}
	volume->uid = session->uid;
	mounting_fill(core, volume, &mount);
	mount.content = volume->facts->content;
	mount.import_copy = volume->decision.media.import_copy;
	mount.copy_max = core->settings->media.import_copy_max;
	sk_str_copy(mount.label, sizeof(mount.label), volume->facts->label);
	media_mount(core, volume->sysname, &mount, fds[0], on_mounted);
}

void mounting_start(Core *core, Volume *volume)
{
	SkBlockOrder order = {.major = volume->major, .minor = volume->minor};

	memcpy(order.sysname, volume->sysname, sizeof(order.sysname));
	volume->state = VOLUME_OPENING;
	monitor_order_block(core, SK_MONITOR_BLOCK_OPEN, &order, on_opened);
}

static void forget_mount(Core *core, Volume *volume)
{
	follow_forget(volume);
	if (volume->writable)
		carry_protect(core, volume);
	volume->writable = false;
	volume->medium[0] = 0;
	if (volume->root_fd >= 0)
		close(own_take_fd(&volume->root_fd));
	gates_close(core, volume);
	volume->path[0] = 0;
	volume->walking = volume->walked = false;
	volume->files = volume->bytes = volume->n_refused = volume->n_unread = volume->n_remembered = 0;
	/* A new name for what is mounted next: answers about the old one are not mistaken for it. */
	volume->id = ++core->last_volume;
}

void mounting_detach(Core *core, Volume *volume)
{
	follow_cut(core, volume, "cut");
	media_detach(core, volume->id, volume->path);
	forget_mount(core, volume);
	volume->state = VOLUME_NEW;
	mounts_save(core);
}

void mounting_forget(Core *core, Volume *volume)
{
	follow_forget(volume);
	if (volume->root_fd >= 0)
		close(own_take_fd(&volume->root_fd));
	gates_leave(volume);
}

/* One eject at a time and disk: counts down the unmounts, then lets the disk go. */
typedef struct Eject {
	Core *core;
	char disk[SK_SYSNAME_SIZE];
	char actor[64];
	unsigned remaining;
	int result;
	char detail[256];
	EjectDone done;
	void *userdata;
} Eject;

static void eject_finish(Eject *eject)
{
	Core *core = eject->core;
	Volume *disk = volumes_find(core, eject->disk);

	if (eject->result == 0 && disk) {
		SkBlockOrder order = {.major = disk->major, .minor = disk->minor};

		memcpy(order.sysname, disk->sysname, sizeof(order.sysname));
		monitor_order_block(core, SK_MONITOR_BLOCK_EJECT, &order, media_ignore_answer);
		record_volume(core, disk, "medium.ejected", SK_MEDIUM_EJECTED, eject->actor);
	} else if (disk && eject->result == -EBUSY) {
		record_volume(core, disk, "medium.busy", SK_MEDIUM_BUSY, eject->actor);
	}
	eject->done(eject->userdata, eject->result, eject->detail);
	free(eject);
}

static void on_unmounted(Core *core, const char *subject, int result, const char *detail, void *userdata)
{
	Eject *eject = userdata;
	Volume *volume = volumes_find(core, subject);

	if (result == 0 && volume && volume->state == VOLUME_MOUNTED) {
		forget_mount(core, volume);
		volume->state = VOLUME_EJECTED;
		volume->code = SK_MEDIUM_EJECTED;
		mounts_save(core);
	}
	/* Unmounted, and what was written last did not arrive. */
	if (result == -EIO && volume && volume->writable) {
		follow_cut(core, volume, "cut");
		forget_mount(core, volume);
		mounts_save(core);
		volume_refuse(core, volume, SK_MEDIUM_DAMAGED, strerror(-result));
	}
	if (result < 0) {
		eject->result = result;
		sk_utf8_escape(eject->detail, sizeof(eject->detail), detail, strlen(detail));
	}
	if (--eject->remaining == 0)
		eject_finish(eject);
}

/* A worker writes its header, or everything on it. */
static bool is_at_work(const Core *core, const char *disk)
{
	for (const Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (sk_str_eq(volume->disk, disk) &&
			(volume->state == VOLUME_PREPARING || volume->preparing || volume->rekeying ||
				volume->erasing))
			return true;
	return false;
}

int mounting_eject(Core *core, const char *sysname, const char *actor, EjectDone done, void *userdata)
{
	const Volume *named = volumes_find(core, sysname);
	Eject *eject;

	if (!named || named->bus == SK_BUS_INTERNAL)
		return -ENOENT;
	if (is_at_work(core, named->disk)) {
		done(userdata, -EBUSY, "sekisho-media");
		return 0;
	}
	eject = calloc(1, sizeof(*eject));
	if (!eject)
		return -ENOMEM;
	eject->core = core;
	eject->done = done;
	eject->userdata = userdata;
	sk_str_copy(eject->disk, sizeof(eject->disk), named->disk);
	sk_str_copy(eject->actor, sizeof(eject->actor), actor);
	eject->remaining = 1; /* held until all are asked */
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		if (volume->state != VOLUME_MOUNTED || !sk_str_eq(volume->disk, eject->disk))
			continue;
		eject->remaining++;
		if (volume->follow) {
			follow_close(core, volume, on_unmounted, eject);
			continue;
		}
		scanner_cancel(core, volume->id);
		media_unmount(core, volume->id, volume->path, on_unmounted, eject);
	}
	if (--eject->remaining == 0)
		eject_finish(eject);
	return 0;
}
