/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/preparing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/carry.h"
#include "agent/core/carry_plan.h"
#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/disk.h"
#include "agent/core/grants.h"
#include "agent/core/json_text.h"
#include "agent/core/media_keys.h"
#include "agent/core/peer_media.h"
#include "agent/core/records.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

struct Preparing {
	int passphrase_fd;
	SkLuksPlan plan;
	SkLuksMade made;
	char number[SK_LUKS_NAME_SIZE];
	PreparingDone done;
	void *userdata;
};

static void finish(Core *core, Volume *volume, SkReason code, const char *detail)
{
	own_free Preparing *preparing = own_take(volume->preparing);

	if (!preparing)
		return;
	close(preparing->passphrase_fd);
	record_write(core,
		&(Record){.kind = code == SK_MEDIUM_MADE ? "medium.prepared" : "medium.not-prepared",
			.code = code,
			.body = json_pack("{s:s, s:s, s:o, s:s, s:o}", "volume", volume->sysname, "medium",
				preparing->plan.medium, "number", record_text(preparing->number), "luks_uuid",
				preparing->made.uuid, "detail", record_text(detail))});
	if (volume->state == VOLUME_PREPARING)
		carry_look_again(core, volume);
	preparing->done(preparing->userdata, code, code == SK_MEDIUM_MADE ? preparing->number : detail);
}

/* As the contract of agent.prepared has it. */
static json_t *body_of(const Core *core, const Volume *volume)
{
	const Preparing *preparing = volume->preparing;
	json_t *body = carry_plan_facts(&preparing->plan, &preparing->made);
	char device[DISK_HASH_SIZE];

	disk_format_hash(core, volume, device);
	if (body && json_object_update_new(body,
			    json_pack("{s:s, s:I, s:s}", "mode",
				    preparing->plan.mode == SK_LUKS_MODE_PORTABLE ? "portable" : "bound",
				    "capacity", (json_int_t)preparing->made.capacity, "deviceHash", device)) <
			    0) {
		json_decref(body);
		return NULL;
	}
	return body;
}

/* The ledger has it, or will: now it is a medium. */
static void on_told(Core *core, const char *subject, SkReason code)
{
	Volume *volume = volumes_find(core, subject);

	if (volume && volume->preparing)
		finish(core, volume, code == SK_REASON_NONE ? SK_MEDIUM_MADE : code, "");
}

static void fail(Core *core, Volume *volume, SkReason code, const char *detail)
{
	char shown[256];

	sk_utf8_escape(shown, sizeof(shown), detail, strlen(detail));
	finish(core, volume, code, shown);
}

static void on_formatted(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaFormatted *formatted = (const SkMediaFormatted *)message;
	Volume *volume = volumes_find(core, subject);
	json_auto_t *body = NULL;

	if (!volume || !volume->preparing)
		return;
	if (!formatted || formatted->head.type != SK_MEDIA_FORMATTED) {
		fail(core, volume, SK_MEDIUM_NOT_PREPARED, "the media worker ended");
		return;
	}
	if (formatted->code) {
		fail(core, volume, sk_reason_or(formatted->code, SK_MEDIUM_NOT_PREPARED), formatted->detail);
		return;
	}
	volume->preparing->made = formatted->made;
	body = body_of(core, volume);
	if (!body || media_key_prepared(core, body, volume->sysname, on_told) < 0)
		fail(core, volume, SK_CONSOLE_NEEDED, "");
}

static void on_opened(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const char *error = disk_error(message, n_fds);
	Volume *volume = volumes_find(core, subject);
	SkMediaFormat format = {.volume = 0};

	if (!volume || !volume->preparing)
		return;
	if (*error) {
		fail(core, volume, SK_MEDIUM_NOT_PREPARED, error);
		return;
	}
	format.volume = volume->id;
	format.plan = volume->preparing->plan;
	media_format(core, volume->sysname, &format, (const int[]){fds[0], volume->preparing->passphrase_fd},
		on_formatted);
}

/* The grant under which it is done. One that names no medium takes the only one there is. */
static SkReason find_grant(Core *core, const PreparingOrder *order, const json_t **ret_grant)
{
	char medium[32];
	GrantAsk ask = {.medium = order->medium,
		.user = core->session.present ? core->session.user : "",
		.mode = "prepare"};

	if (!*order->medium) {
		if (!grants_only(core, "prepare", medium, sizeof(medium)))
			return SK_GRANT_NONE;
		ask.medium = medium;
	}
	return grants_find(core, &ask, ret_grant);
}

static SkReason plan_of(Core *core, const PreparingOrder *order, const json_t *grant, Preparing *preparing)
{
	SkLuksPlan *plan = &preparing->plan;

	if (!carry_plan_recovery(grant, plan))
		return SK_RECOVERY_KEY_MISSING;
	plan->mode = order->portable ? SK_LUKS_MODE_PORTABLE : SK_LUKS_MODE_BOUND;
	carry_plan_derivation(core, plan);
	sk_str_copy(plan->label, sizeof(plan->label), text_of(grant, "label"));
	sk_str_copy(preparing->number, sizeof(preparing->number), text_of(grant, "number"));
	return sk_str_copy(plan->medium, sizeof(plan->medium), text_of(grant, "medium")) &&
			       sk_str_copy(plan->organisation, sizeof(plan->organisation),
				       text_of(grant, "facility")) &&
			       plan->medium[0] && plan->organisation[0]
		       ? SK_REASON_NONE
		       : SK_RECOVERY_KEY_MISSING;
}

static bool has_partitions(const Core *core, const Volume *disk)
{
	for (const Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->partition > 0 && sk_str_eq(volume->disk, disk->sysname))
			return true;
	return false;
}

/* Whoever names what is on it has looked. */
static bool is_confirmed(const Core *core, const Volume *disk, const char *confirm)
{
	if (sk_str_eq(confirm, disk->sysname))
		return true;
	for (const Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (sk_str_eq(volume->disk, disk->sysname) && volume->facts && volume->facts->label[0] &&
			sk_str_eq(confirm, volume->facts->label))
			return true;
	return disk->facts && disk->facts->state == SK_BLOCK_FACTS_OK &&
	       disk->facts->content == SK_CONTENT_EMPTY && !has_partitions(core, disk);
}

SkReason preparing_may_replace(Core *core, const Volume *volume, const char *confirm)
{
	SkReason code = disk_why_not(core, volume);

	if (code != SK_REASON_NONE)
		return code;
	return is_confirmed(core, volume, confirm) ? SK_REASON_NONE : SK_MEDIUM_HAS_DATA;
}

static void begin(Core *core, Volume *volume, Preparing *preparing)
{
	disk_close_all(core, volume);
	volume->preparing = preparing;
	volume->state = VOLUME_PREPARING;
	volume->code = SK_MEDIUM_PREPARING;
	disk_begin_step(volume, SK_MEDIA_STEP_KEYS);
	record_volume(core, volume, "medium.preparing", SK_MEDIUM_PREPARING, NULL);
	disk_open(core, volume, on_opened);
}

static SkReason start(Core *core, const PreparingOrder *order)
{
	Volume *volume = volumes_find(core, order->volume);
	const json_t *grant = NULL;
	own_free Preparing *preparing = NULL;
	SkReason code = find_grant(core, order, &grant);

	if (code == SK_REASON_NONE)
		code = preparing_may_replace(core, volume, order->confirm);
	if (code != SK_REASON_NONE)
		return code;
	preparing = calloc(1, sizeof(*preparing));
	code = preparing ? plan_of(core, order, grant, preparing) : SK_MEDIUM_NOT_PREPARED;
	if (code != SK_REASON_NONE)
		return code;
	preparing->done = order->done;
	preparing->userdata = order->userdata;
	preparing->passphrase_fd = fcntl(order->passphrase_fd, F_DUPFD_CLOEXEC, 3);
	if (preparing->passphrase_fd < 0)
		return SK_MEDIUM_NOT_PREPARED;
	begin(core, volume, own_take(preparing));
	return SK_REASON_NONE;
}

void preparing_start(Core *core, const PreparingOrder *order)
{
	SkReason code = start(core, order);

	if (code != SK_REASON_NONE)
		order->done(order->userdata, code, code == SK_MEDIUM_HAS_DATA ? order->volume : "");
}

void preparing_forget(Core *core, Volume *volume)
{
	if (!volume->preparing)
		return;
	volume->state = VOLUME_NEW;
	finish(core, volume, SK_MEDIUM_PULLED, "");
}
