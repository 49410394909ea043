/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/preparing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/bus.h"
#include "agent/core/carry.h"
#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/grants.h"
#include "agent/core/media_keys.h"
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
#include "lib/luks2/profile.h"

struct Preparing {
	int passphrase_fd;
	SkLuksPlan plan;
	SkLuksMade made;
	char number[SK_LUKS_NAME_SIZE];
	uint32_t step;
	PreparingDone done;
	void *userdata;
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

const char *preparing_step(const Volume *volume)
{
	static const char *const names[SK_MEDIA_STEP_MAX_] = {"keys", "wipe", "files", "header"};

	return volume->preparing ? names[volume->preparing->step] : NULL;
}

/* Probed and decided anew: it is another medium now, or none. */
static void look_again(Core *core, Volume *volume)
{
	carry_protect(core, volume);
	free(own_take(volume->facts));
	volume->id = ++core->last_volume;
	volume->state = VOLUME_NEW;
	volume->code = SK_REASON_NONE;
	volume_advance(core, volume);
}

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
		look_again(core, volume);
	preparing->done(preparing->userdata, code, code == SK_MEDIUM_MADE ? preparing->number : detail);
}

/* The hash of the USB device, in the letters that the contract allows. */
static void format_device(const Core *core, const Volume *volume, char text[2 * SK_LUKS_SECRET_SIZE + 1])
{
	const Device *device = devices_find(core, volume->usb);
	uint8_t bytes[SK_BASE64_SIZE(SK_LUKS_SECRET_SIZE)];
	size_t size = 0;

	sk_str_copy(text, 2 * SK_LUKS_SECRET_SIZE + 1, "none");
	if (device && device->facts && strlen(device->facts->hash) < sizeof(bytes) &&
		sk_base64_parse(device->facts->hash, strlen(device->facts->hash), bytes, &size) == 0 &&
		size > 0 && size <= SK_LUKS_SECRET_SIZE)
		sk_hex_format(text, bytes, size);
}

/* As the contract of agent.prepared has it. */
static json_t *body_of(const Core *core, const Volume *volume)
{
	const Preparing *preparing = volume->preparing;
	char device[2 * SK_LUKS_SECRET_SIZE + 1];
	char digest[SK_BASE64_SIZE(SK_LUKS_SECRET_SIZE)], box[SK_BASE64_SIZE(sizeof(preparing->made.box))];

	format_device(core, volume, device);
	sk_base64_format(preparing->made.digest, preparing->made.digest_size, digest);
	sk_base64_format(preparing->made.box, preparing->made.box_size, box);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:I, s:s, s:b, s:{s:s, s:s}}", "medium",
		preparing->plan.medium, "mode",
		preparing->plan.mode == SK_LUKS_MODE_PORTABLE ? "portable" : "bound", "luksUuid",
		preparing->made.uuid, "volumeDigest", digest, "cipher", SK_LUKS2_CIPHER, "keyBits",
		SK_LUKS2_KEY_SIZE * 8, "pbkdf",
		preparing->plan.kdf == SK_LUKS_KDF_PBKDF2 ? "pbkdf2" : "argon2id", "capacity",
		(json_int_t)preparing->made.capacity, "deviceHash", device, "tested", 1, "escrow",
		"recoveryKey", preparing->plan.recovery_key, "box", box);
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
		fail(core, volume,
			sk_reason_find((SkReason)formatted->code) ? (SkReason)formatted->code
								  : SK_MEDIUM_NOT_PREPARED,
			formatted->detail);
		return;
	}
	volume->preparing->made = formatted->made;
	body = body_of(core, volume);
	if (!body || media_key_prepared(core, body, volume->sysname, on_told) < 0)
		fail(core, volume, SK_CONSOLE_NEEDED, "");
}

static void on_opened(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;
	Volume *volume = volumes_find(core, subject);
	SkMediaFormat format = {.volume = 0};

	if (!volume || !volume->preparing)
		return;
	if (!answer || answer->result < 0 || n_fds != 1) {
		fail(core, volume, SK_MEDIUM_NOT_PREPARED, answer ? strerror(-answer->result) : "");
		return;
	}
	format.volume = volume->id;
	format.plan = volume->preparing->plan;
	media_format(core, volume->sysname, &format, (const int[]){fds[0], volume->preparing->passphrase_fd},
		on_formatted);
}

int preparing_on_progress(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaProgress *progress = (const SkMediaProgress *)message;
	Core *core = userdata;
	Volume *volume = volumes_find_id(core, progress->volume);

	if (!volume || !volume->preparing)
		return 0;
	volume->preparing->step = progress->step;
	bus_emit_progress(core, volume->sysname, preparing_step(volume));
	return 0;
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
	const SkCarrySettings *settings = &core->settings->carry;
	const json_t *recovery = json_object_get(grant, "recovery");
	const char *key = text_of(recovery, "public");
	uint8_t bytes[SK_BASE64_SIZE(32)];
	SkLuksPlan *plan = &preparing->plan;
	size_t size = 0;

	if (strlen(key) != SK_BASE64_SIZE(32) - 1 || sk_base64_parse(key, strlen(key), bytes, &size) < 0 ||
		size != sizeof(plan->recovery_public))
		return SK_RECOVERY_KEY_MISSING;
	memcpy(plan->recovery_public, bytes, size);
	plan->mode = order->portable ? SK_LUKS_MODE_PORTABLE : SK_LUKS_MODE_BOUND;
	plan->kdf = settings->kdf == SK_CARRY_PBKDF2 ? SK_LUKS_KDF_PBKDF2 : SK_LUKS_KDF_ARGON2ID;
	plan->time = (uint32_t)settings->kdf_time;
	plan->memory = (uint32_t)(settings->kdf_memory / 1024);
	plan->iterations = (uint32_t)settings->kdf_iterations;
	sk_str_copy(plan->label, sizeof(plan->label), text_of(grant, "label"));
	sk_str_copy(preparing->number, sizeof(preparing->number), text_of(grant, "number"));
	return sk_str_copy(plan->medium, sizeof(plan->medium), text_of(grant, "medium")) &&
			       sk_str_copy(plan->organisation, sizeof(plan->organisation),
				       text_of(grant, "facility")) &&
			       sk_str_copy(plan->recovery_key, sizeof(plan->recovery_key),
				       text_of(recovery, "id")) &&
			       plan->medium[0] && plan->organisation[0] && plan->recovery_key[0]
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

static SkReason why_not(Core *core, const Volume *volume, const PreparingOrder *order)
{
	if (!volume || volume->partition != 0 || volume->bus == SK_BUS_INTERNAL ||
		volume->bus == SK_BUS_OPTICAL || !volume->medium_present)
		return SK_MEDIUM_UNKNOWN_CONTENT;
	if (volume->preparing)
		return SK_MEDIUM_PREPARING;
	if (volume->opening || volume->medium[0] || volume->state == VOLUME_PROBING)
		return SK_MEDIUM_BUSY;
	if (trial_mode(core) != SK_MODE_ENFORCE || volume->decision.media.handling != MEDIA_CARRY_OUT)
		return SK_MEDIUM_WRITING_BY_RULE;
	if (!records_work(core))
		return SK_RECORDS_FAIL;
	if (volume->size < SK_LUKS2_MEDIUM_MIN)
		return SK_MEDIUM_TOO_SMALL;
	return is_confirmed(core, volume, order->confirm) ? SK_REASON_NONE : SK_MEDIUM_HAS_DATA;
}

/* What was open of it for reading is closed. */
static void close_all(Core *core, const Volume *disk)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->state == VOLUME_MOUNTED && sk_str_eq(volume->disk, disk->sysname))
			mounting_detach(core, volume);
}

static void begin(Core *core, Volume *volume, Preparing *preparing)
{
	SkBlockOrder order = {.major = volume->major, .minor = volume->minor, .writable = 1};

	close_all(core, volume);
	volume->preparing = preparing;
	volume->state = VOLUME_PREPARING;
	volume->code = SK_MEDIUM_PREPARING;
	record_volume(core, volume, "medium.preparing", SK_MEDIUM_PREPARING, NULL);
	memcpy(order.sysname, volume->sysname, sizeof(order.sysname));
	monitor_order_block(core, SK_MONITOR_BLOCK_OPEN, &order, on_opened);
}

static SkReason start(Core *core, const PreparingOrder *order)
{
	Volume *volume = volumes_find(core, order->volume);
	const json_t *grant = NULL;
	own_free Preparing *preparing = NULL;
	SkReason code = find_grant(core, order, &grant);

	if (code == SK_REASON_NONE)
		code = why_not(core, volume, order);
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
