/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/volume_record.h"

#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/disk.h"
#include "agent/core/luks.h"
#include "agent/core/records.h"
#include "lib/base/str.h"

static const char *state_name(VolumeState state)
{
	static const char *const names[] = {
		[VOLUME_NEW] = "new",
		[VOLUME_PROBING] = "probing",
		[VOLUME_CONTAINER] = "container",
		[VOLUME_WAITING] = "waiting",
		[VOLUME_LOCKED] = "locked",
		[VOLUME_PREPARING] = "preparing",
		[VOLUME_REKEYING] = "rekeying",
		[VOLUME_ERASING] = "erasing",
		[VOLUME_OPENING] = "opening",
		[VOLUME_MOUNTED] = "mounted",
		[VOLUME_REFUSED] = "refused",
		[VOLUME_LEARNED] = "learned",
		[VOLUME_EJECTED] = "ejected",
	};

	return names[state];
}

static const char *bus_name(uint8_t bus)
{
	static const char *const names[SK_BUS_MAX_] = {
		"internal", "usb", "sd", "optical", "thunderbolt", "esata"};

	return names[bus];
}

json_t *volume_to_json(const Core *core, const Volume *volume)
{
	const Device *device = devices_find(core, volume->usb);
	json_t *object = json_pack("{s:s, s:s, s:s, s:I, s:s}", "volume", volume->sysname, "disk",
		volume->disk, "bus", bus_name(volume->bus), "size", (json_int_t)volume->size, "state",
		state_name(volume->state));
	char code[SK_REASON_CODE_SIZE];

	if (volume->usb[0])
		json_object_set_new(object, "port", json_string(volume->usb));
	if (device && device->facts)
		json_object_set_new(object, "name", record_text(device->facts->product));
	if (volume->facts) {
		json_object_set_new(object, "filesystem", record_text(volume->facts->type_name));
		json_object_set_new(object, "label", record_text(volume->facts->label));
		json_object_set_new(object, "uuid", record_text(volume->facts->uuid));
		if (volume->facts->content == SK_CONTENT_LUKS2)
			json_object_set_new(object, "encryption", luks_to_json(&volume->facts->luks));
	}
	if (volume->code) {
		sk_reason_format_code(code, volume->code);
		json_object_set_new(object, "code", json_string(code));
		json_object_set_new(object, "rule", json_string(volume->decision.rule));
	}
	if (disk_step(volume)) {
		json_object_set_new(object, "step", json_string(disk_step(volume)));
		json_object_set_new(object, "percent", json_integer(volume->percent));
	}
	if (volume->detail[0])
		json_object_set_new(object, "detail", json_string(volume->detail));
	if (volume->decision.message[0])
		json_object_set_new(object, "message", json_string(volume->decision.message));
	if (volume->decision.message_ja[0])
		json_object_set_new(object, "message_ja", json_string(volume->decision.message_ja));
	if (volume->state != VOLUME_MOUNTED)
		return object;
	if (volume->medium[0]) {
		json_object_set_new(object, "registered", json_string(volume->medium));
		json_object_set_new(object, "writable", json_boolean(volume->writable));
	}
	json_object_set_new(object, "path", record_text(volume->path));
	json_object_set_new(object, "scanned", json_boolean(volume->walked));
	json_object_set_new(object, "files", json_integer((json_int_t)volume->files));
	json_object_set_new(object, "remembered_files", json_integer((json_int_t)volume->n_remembered));
	json_object_set_new(object, "unread_files", json_integer((json_int_t)volume->n_unread));
	json_object_set_new(object, "refused_files", json_integer((json_int_t)volume->n_refused));
	return object;
}

json_t *volumes_to_json(const Core *core)
{
	json_t *list = json_array();

	for (const Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->bus != SK_BUS_INTERNAL && volume->state != VOLUME_CONTAINER &&
			volume->medium_present)
			json_array_append_new(list, volume_to_json(core, volume));
	return list;
}

void record_volume(Core *core, const Volume *volume, const char *kind, SkReason code, const char *actor)
{
	record_write(core,
		&(Record){.kind = kind, .code = code, .actor = actor, .body = volume_to_json(core, volume)});
}

void volume_refuse(Core *core, Volume *volume, SkReason code, const char *detail)
{
	volume->state = VOLUME_REFUSED;
	volume->code = code;
	sk_str_copy(volume->detail, sizeof(volume->detail), detail ? detail : "");
	record_volume(core, volume, "medium.refused", code, NULL);
}

/* Waiting is told once, not each time somebody looks. */
void volume_wait(Core *core, Volume *volume, SkReason code)
{
	if (volume->state == VOLUME_WAITING && volume->code == code)
		return;
	volume->state = VOLUME_WAITING;
	volume->code = code;
	if (code)
		record_volume(core, volume, "medium.waiting", code, NULL);
}
