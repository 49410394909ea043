/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/carry_judge.h"
#include "agent/core/core.h"
#include "agent/core/follow.h"
#include "agent/core/leases.h"
#include "agent/core/mounting.h"
#include "agent/core/peer_media.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/records.h"
#include "agent/core/sightings.h"
#include "agent/core/volume_decide.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/base64.h"
#include "lib/ipc/proto_carry.h"
#include "lib/luks2/profile.h"

/* One that is being opened: from the order of a person to the mount. */
struct CarryOpening {
	int passphrase_fd;
	bool writing;
	SkLuksWanted wanted;
	CarryDone done;
	void *userdata;
};

/* Two of one identity: which of them is the copy, nobody here can tell. */
static bool is_here_twice(const Core *core, const Volume *volume)
{
	for (const Volume *other = core->volumes; other; other = other->hh.next)
		if (other != volume && carry_is_ours(other) &&
			(sk_str_eq(other->facts->luks.uuid, volume->facts->luks.uuid) ||
				sk_str_eq(carry_medium(other), carry_medium(volume))))
			return true;
	return false;
}

static void lock(Core *core, Volume *volume, SkReason code)
{
	if (volume->state == VOLUME_LOCKED && volume->code == code)
		return;
	volume->state = VOLUME_LOCKED;
	volume->code = code;
	sk_str_copy(volume->detail, sizeof(volume->detail),
		code == SK_MEDIUM_REPORTED_LOST ? volume->standing.detail : "");
	record_volume(core, volume, "medium.locked", code, NULL);
}

/* Of another organisation, or another one under a name that it has not: that does not change any more. */
static void judge_locked(Core *core, Volume *volume)
{
	SkReason code = carry_judge_any(core, volume);

	if (code == SK_MEDIUM_OTHERS || code == SK_MEDIUM_NOT_THE_ONE)
		volume_refuse(core, volume, code, NULL);
	else
		lock(core, volume, code);
}

void carry_decide(Core *core, Volume *volume)
{
	const char *wrong = sk_luks2_profile_check(&volume->facts->luks);

	if (volume->decision.media.handling == MEDIA_REFUSE)
		volume_refuse(core, volume, volume->decision.code, NULL);
	else if (volume->partition != 0)
		volume_refuse(core, volume, SK_MEDIUM_HEADER_CHANGED, "partition");
	else if (wrong)
		volume_refuse(core, volume, SK_MEDIUM_HEADER_CHANGED, wrong);
	else if (is_here_twice(core, volume))
		volume_refuse(core, volume, SK_MEDIUM_TWICE, NULL);
	else
		lock(core, volume, carry_judge_any(core, volume));
	if (volume->state == VOLUME_LOCKED)
		sighting_tell(core, volume);
}

static void end_open(Core *core, Volume *volume, SkReason code)
{
	mounting_detach(core, volume);
	lock(core, volume, code);
}

void carry_look(Core *core)
{
	SkLuksWanted wanted;

	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		if (volume->state == VOLUME_LOCKED)
			judge_locked(core, volume);
		if (volume->state != VOLUME_MOUNTED || !volume->medium[0])
			continue;
		SkReason code = carry_judge(core, volume, volume->writable, &wanted);

		if (code == SK_REASON_NONE)
			continue;
		record_volume(core, volume, "medium.closed", SK_MEDIUM_APPROVAL_ENDED, NULL);
		end_open(core, volume, code);
	}
}

/* The opening ends with this code, and the volume is as it was. */
static void finish(Core *core, Volume *volume, SkReason code, const char *detail)
{
	own_free CarryOpening *opening = own_take(volume->opening);

	if (!opening)
		return;
	close(opening->passphrase_fd);
	if (code != SK_MEDIUM_OPEN_FOR_WRITING && code != SK_MEDIUM_OPEN_FOR_READING) {
		record_volume(core, volume, "medium.not-opened", code, NULL);
		if (opening->writing)
			carry_protect(core, volume);
	}
	opening->done(opening->userdata, code, detail);
}

static void fail(Core *core, Volume *volume, SkReason code, const char *detail)
{
	char shown[256];

	sk_utf8_escape(shown, sizeof(shown), detail, strlen(detail));
	/* What the header turned out to be is no matter of another try. */
	if (code == SK_MEDIUM_HEADER_CHANGED || code == SK_MEDIUM_NOT_THE_ONE) {
		volume_refuse(core, volume, code, shown);
	} else {
		volume->state = VOLUME_LOCKED;
		volume->code = carry_judge_any(core, volume);
	}
	finish(core, volume, code, shown);
}

static SkReason reason_of(const SkMediaMounted *mounted)
{
	return sk_reason_or(mounted->code, mounting_reason(mounted->result));
}

/* What is on it is known, and it may be written to; or it cannot be. */
static void on_followed(Core *core, Volume *volume, int result)
{
	if (result == 0) {
		finish(core, volume, SK_MEDIUM_OPEN_FOR_WRITING, volume->path);
		return;
	}
	finish(core, volume, SK_DEVICE_NOT_CHECKED, strerror(-result));
	if (volume->state != VOLUME_MOUNTED || result == -ECANCELED)
		return; /* it is being closed for another reason */
	end_open(core, volume, carry_judge_any(core, volume));
}

static void on_unlocked(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaMounted *mounted = (const SkMediaMounted *)message;
	Volume *volume = volumes_find(core, subject);
	SkReason code;

	if (!mounted || mounted->head.type != SK_MEDIA_MOUNTED) {
		if (volume && volume->opening)
			fail(core, volume, SK_DEVICE_NOT_CHECKED, "");
		return;
	}
	if (!volume || !volume->opening || volume->id != mounted->volume) {
		if (mounted->result == 0)
			media_detach(core, mounted->volume, mounted->path);
		return;
	}
	if (mounted->result < 0 || n_fds != 2) {
		fail(core, volume, reason_of(mounted), mounted->detail);
		return;
	}
	volume->writable = volume->opening->writing;
	sk_str_copy(volume->medium, sizeof(volume->medium), carry_medium(volume));
	leases_opened(core, volume->medium);
	code = volume->writable ? SK_MEDIUM_OPEN_FOR_WRITING : SK_MEDIUM_OPEN_FOR_READING;
	if (mounting_take(core, volume, mounted, fds, code) < 0)
		finish(core, volume, volume->code, volume->detail);
	else if (!volume->writable)
		finish(core, volume, code, volume->path);
	else if (follow_begin(core, volume, on_followed) < 0)
		on_followed(core, volume, -EIO);
	carry_look(core); /* the grant may have ended meanwhile */
}

static void on_opened(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;
	Volume *volume = volumes_find(core, subject);
	SkMediaUnlock unlock = {.mount = {.content = SK_CONTENT_EXFAT}};

	if (!volume || !volume->opening || volume->state != VOLUME_OPENING)
		return;
	if (!answer || answer->result < 0 || n_fds != 1 || !core->session.present) {
		fail(core, volume, SK_DEVICE_NOT_CHECKED, answer ? strerror(-answer->result) : "");
		return;
	}
	volume->uid = core->session.uid;
	mounting_fill(core, volume, &unlock.mount);
	sk_str_copy(unlock.mount.label, sizeof(unlock.mount.label), volume->facts->luks.token.label);
	unlock.wanted = volume->opening->wanted;
	media_unlock(core, volume->sysname, &unlock, (const int[]){fds[0], volume->opening->passphrase_fd},
		on_unlocked);
}

static SkReason begin(Core *core, Volume *volume, const CarryOrder *order)
{
	SkBlockOrder block = {.major = volume->major, .minor = volume->minor, .writable = order->writing};
	CarryOpening *opening = calloc(1, sizeof(*opening));

	if (opening)
		*opening = (CarryOpening){.writing = order->writing,
			.done = order->done,
			.userdata = order->userdata,
			.passphrase_fd = fcntl(order->passphrase_fd, F_DUPFD_CLOEXEC, 3)};
	if (!opening || opening->passphrase_fd < 0) {
		free(opening);
		return SK_DEVICE_NOT_CHECKED;
	}
	carry_judge(core, volume, order->writing, &opening->wanted);
	volume->opening = opening;
	volume->state = VOLUME_OPENING;
	memcpy(block.sysname, volume->sysname, sizeof(block.sysname));
	monitor_order_block(core, SK_MONITOR_BLOCK_OPEN, &block, on_opened);
	return SK_REASON_NONE;
}

SkReason carry_may_open(Core *core, const Volume *volume, bool writing, SkLuksWanted *ret_wanted)
{
	if (!volume || !carry_is_ours(volume))
		return SK_MEDIUM_FOREIGN_ENCRYPTION;
	if (volume->state == VOLUME_OPENING || volume->state == VOLUME_MOUNTED)
		return SK_MEDIUM_BUSY;
	if (volume->state != VOLUME_LOCKED)
		return volume->code ? volume->code : SK_MEDIUM_EJECTED;
	SkReason code = volume_why_not(core, volume);

	return code == SK_REASON_NONE ? carry_judge(core, volume, writing, ret_wanted) : code;
}

/* One that is not opened, while the console is asked why. */
typedef struct Refusing {
	CarryDone done;
	void *userdata;
	bool writing;
	SkReason code;
} Refusing;

static void on_standing(Core *core, const char *subject, void *userdata)
{
	const Volume *volume = volumes_find(core, subject);
	own_free Refusing *refusing = userdata;
	SkLuksWanted wanted;
	SkReason code = carry_may_open(core, volume, refusing->writing, &wanted);

	/* It was granted this moment: who asks again gets it. */
	if (code == SK_REASON_NONE)
		code = refusing->code;
	if (volume)
		record_volume(core, volume, "medium.not-opened", code, NULL);
	refusing->done(refusing->userdata, code, volume ? volume->detail : "");
}

static void refuse(Core *core, Volume *volume, const CarryOrder *order, SkReason code)
{
	Refusing *refusing = code == SK_MEDIUM_FOREIGN_ENCRYPTION ? NULL : malloc(sizeof(*refusing));

	if (volume && volume->state == VOLUME_LOCKED && refusing) {
		*refusing = (Refusing){order->done, order->userdata, order->writing, code};
		sighting_ask(core, volume, on_standing, refusing);
		return;
	}
	free(refusing);
	if (volume)
		record_volume(core, volume, "medium.not-opened", code, NULL);
	order->done(order->userdata, code, volume ? volume->detail : "");
}

void carry_open(Core *core, const CarryOrder *order)
{
	Volume *volume = volumes_find(core, order->volume);
	SkLuksWanted wanted;
	SkReason code = carry_may_open(core, volume, order->writing, &wanted);

	if (code == SK_REASON_NONE)
		code = begin(core, volume, order);
	if (code != SK_REASON_NONE)
		refuse(core, volume, order, code);
}

void carry_forget(Core *core, Volume *volume)
{
	if (volume->opening)
		finish(core, volume, SK_MEDIUM_PULLED, "");
}

void carry_pack(const Volume *volume, json_t *object)
{
	const SkLuksDigest *digest = &volume->facts->luks.digests[0];
	char text[SK_BASE64_SIZE(SK_LUKS_SECRET_SIZE)];

	sk_base64_format(digest->digest, digest->digest_size, text);
	json_object_set_new(object, "registered",
		json_pack("{s:s, s:b, s:s, s:s}", "medium", volume->medium, "writable", volume->writable,
			"uuid", volume->facts->luks.uuid, "digest", text));
}

int carry_unpack(Volume *volume, json_t *object)
{
	const json_t *registered = json_object_get(object, "registered");
	SkLuksFacts *luks = &volume->facts->luks;
	SkLuksWanted wanted = {.digest_size = 0};

	if (!registered)
		return 0;
	if (!carry_read_identity(registered, &wanted) || !wanted.medium[0])
		return -EINVAL;
	sk_str_copy(volume->medium, sizeof(volume->medium), wanted.medium);
	sk_str_copy(luks->token.medium, sizeof(luks->token.medium), wanted.medium);
	sk_str_copy(luks->uuid, sizeof(luks->uuid), wanted.uuid);
	luks->digests[0].digest_size = (uint8_t)wanted.digest_size;
	memcpy(luks->digests[0].digest, wanted.digest, wanted.digest_size);
	luks->token.mode = SK_LUKS_MODE_BOUND;
	volume->writable = json_is_true(json_object_get(registered, "writable"));
	volume->code = volume->writable ? SK_MEDIUM_OPEN_FOR_WRITING : SK_MEDIUM_OPEN_FOR_READING;
	if (volume->writable)
		volume->decision.media.handling = MEDIA_CARRY_OUT;
	return 0;
}

void carry_protect(Core *core, const Volume *volume)
{
	SkBlockOrder order = {.major = volume->major, .minor = volume->minor};

	memcpy(order.sysname, volume->sysname, sizeof(order.sysname));
	monitor_order_block(core, SK_MONITOR_BLOCK_OPEN, &order, media_ignore_answer);
}

void carry_look_again(Core *core, Volume *volume)
{
	carry_protect(core, volume);
	free(own_take(volume->facts));
	volume->id = ++core->last_volume;
	volume->state = VOLUME_NEW;
	volume->code = SK_REASON_NONE;
	volume_advance(core, volume);
}
