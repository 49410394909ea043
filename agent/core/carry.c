/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/core.h"
#include "agent/core/grants.h"
#include "agent/core/mounting.h"
#include "agent/core/peer_media.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/records.h"
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

bool carry_is_ours(const Volume *volume)
{
	return volume->facts && volume->facts->state == SK_BLOCK_FACTS_OK &&
	       volume->facts->content == SK_CONTENT_LUKS2 && sk_luks2_is_ours(&volume->facts->luks);
}

static const char *medium_of(const Volume *volume)
{
	return volume->facts->luks.token.medium;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* What the console signed of it. Return: false when it signed nothing that tells it from another one. */
static bool read_identity(const json_t *grant, SkLuksWanted *wanted)
{
	const char *digest = text_of(grant, "digest");
	uint8_t bytes[SK_BASE64_SIZE(SK_LUKS_SECRET_SIZE)];
	size_t size = 0;

	if (!*digest || strlen(digest) >= sizeof(bytes) ||
		sk_base64_parse(digest, strlen(digest), bytes, &size) < 0 || size == 0 ||
		size > sizeof(wanted->digest))
		return false;
	memcpy(wanted->digest, bytes, size);
	wanted->digest_size = (uint32_t)size;
	return sk_str_copy(wanted->uuid, sizeof(wanted->uuid), text_of(grant, "uuid")) &&
	       sk_str_copy(wanted->medium, sizeof(wanted->medium), text_of(grant, "medium"));
}

static bool is_the_one(const SkLuksFacts *facts, const SkLuksWanted *wanted)
{
	const SkLuksDigest *digest = &facts->digests[0];

	return sk_str_eq(facts->uuid, wanted->uuid) && digest->digest_size == wanted->digest_size &&
	       memcmp(digest->digest, wanted->digest, wanted->digest_size) == 0;
}

/* May it be opened so, now? Return: SK_REASON_NONE and what it must be, or why not. */
static SkReason judge(Core *core, const Volume *volume, bool writing, SkLuksWanted *ret_wanted)
{
	const GrantAsk ask = {.medium = medium_of(volume),
		.user = core->session.present ? core->session.user : "",
		.mode = writing ? "read-write" : "read"};
	SkLuksWanted wanted = {.purpose = writing ? SK_MEDIA_FOR_WRITING : SK_MEDIA_FOR_READING};
	const json_t *grant = NULL;
	SkReason code = grants_find(core, &ask, &grant);

	if (code != SK_REASON_NONE)
		return code;
	if (writing && volume->decision.media.handling != MEDIA_CARRY_OUT)
		return SK_MEDIUM_WRITING_BY_RULE;
	if (!read_identity(grant, &wanted))
		/* A code that was read out says no more than which one is meant. */
		return json_object_get(grant, "counter") ? SK_CONSOLE_NEEDED : SK_MEDIUM_NOT_THE_ONE;
	if (!is_the_one(&volume->facts->luks, &wanted))
		return SK_MEDIUM_NOT_THE_ONE;
	*ret_wanted = wanted;
	return SK_REASON_NONE;
}

static SkReason judge_any(Core *core, const Volume *volume)
{
	SkLuksWanted wanted;
	SkReason for_writing = judge(core, volume, true, &wanted);

	if (for_writing == SK_REASON_NONE || judge(core, volume, false, &wanted) == SK_REASON_NONE)
		return SK_MEDIUM_LOCKED;
	return for_writing;
}

/* Two of one identity: which of them is the copy, nobody here can tell. */
static bool is_here_twice(const Core *core, const Volume *volume)
{
	for (const Volume *other = core->volumes; other; other = other->hh.next)
		if (other != volume && carry_is_ours(other) &&
			(sk_str_eq(other->facts->luks.uuid, volume->facts->luks.uuid) ||
				sk_str_eq(medium_of(other), medium_of(volume))))
			return true;
	return false;
}

static void lock(Core *core, Volume *volume, SkReason code)
{
	if (volume->state == VOLUME_LOCKED && volume->code == code)
		return;
	volume->state = VOLUME_LOCKED;
	volume->code = code;
	volume->detail[0] = 0;
	record_volume(core, volume, "medium.locked", code, NULL);
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
		lock(core, volume, judge_any(core, volume));
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
			lock(core, volume, judge_any(core, volume));
		if (volume->state != VOLUME_MOUNTED || !volume->medium[0])
			continue;
		SkReason code = judge(core, volume, volume->writable, &wanted);

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
		volume->code = judge_any(core, volume);
	}
	finish(core, volume, code, shown);
}

static SkReason reason_of(const SkMediaMounted *mounted)
{
	if (mounted->code && sk_reason_find((SkReason)mounted->code))
		return (SkReason)mounted->code;
	return mounting_reason(mounted->result);
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
	sk_str_copy(volume->medium, sizeof(volume->medium), medium_of(volume));
	code = volume->writable ? SK_MEDIUM_OPEN_FOR_WRITING : SK_MEDIUM_OPEN_FOR_READING;
	if (mounting_take(core, volume, mounted, fds, code) == 0)
		finish(core, volume, code, volume->path);
	else
		finish(core, volume, volume->code, volume->detail);
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
	judge(core, volume, order->writing, &opening->wanted);
	volume->opening = opening;
	volume->state = VOLUME_OPENING;
	memcpy(block.sysname, volume->sysname, sizeof(block.sysname));
	monitor_order_block(core, SK_MONITOR_BLOCK_OPEN, &block, on_opened);
	return SK_REASON_NONE;
}

static SkReason why_not(Core *core, const Volume *volume, bool writing)
{
	SkLuksWanted wanted;

	if (!volume || !carry_is_ours(volume))
		return SK_MEDIUM_FOREIGN_ENCRYPTION;
	if (volume->state == VOLUME_OPENING || volume->state == VOLUME_MOUNTED)
		return SK_MEDIUM_BUSY;
	if (volume->state != VOLUME_LOCKED)
		return volume->code ? volume->code : SK_MEDIUM_EJECTED;
	SkReason code = volume_why_not(core, volume);

	return code == SK_REASON_NONE ? judge(core, volume, writing, &wanted) : code;
}

void carry_open(Core *core, const CarryOrder *order)
{
	Volume *volume = volumes_find(core, order->volume);
	SkReason code = why_not(core, volume, order->writing);

	if (code == SK_REASON_NONE)
		code = begin(core, volume, order);
	else if (volume)
		record_volume(core, volume, "medium.not-opened", code, NULL);
	if (code != SK_REASON_NONE)
		order->done(order->userdata, code, "");
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
	if (!read_identity(registered, &wanted) || !wanted.medium[0])
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
