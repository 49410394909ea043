/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/device_record.h"

#include <string.h>

#include "agent/core/core.h"
#include "agent/core/history.h"
#include "agent/core/records.h"
#include "agent/core/rules.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

static const char *action_name(const Decision *decision)
{
	static const char *const names[] = {"block", "allow", "reject"};

	return names[decision->action];
}

json_t *device_to_json(const Core *core, const Device *device)
{
	json_t *object = json_pack("{s:s, s:i, s:i, s:b}", "port", device->sysname, "bus", device->busnum,
		"device", device->devnum, "present_at_start", device->present_at_start);
	char interfaces[INTERFACES_TEXT_SIZE], id[10], code[SK_REASON_CODE_SIZE];

	if (device->facts) {
		interfaces_format(interfaces, device->facts);
		sk_str_format(
			id, sizeof(id), "%04x:%04x", device->facts->vendor_id, device->facts->product_id);
		json_object_set_new(object, "id", json_string(id));
		json_object_set_new(object, "name", record_text(device->facts->product));
		json_object_set_new(object, "manufacturer", record_text(device->facts->manufacturer));
		json_object_set_new(object, "serial", record_text(device->facts->serial));
		json_object_set_new(object, "interfaces", json_string(interfaces));
		json_object_set_new(object, "hash", json_string(device->facts->hash));
	}
	if (!device->decided)
		return object;
	json_object_set_new(object, "target", json_string(action_name(&device->decision)));
	json_object_set_new(object, "rule", json_string(device->decision.rule));
	sk_reason_format_code(code, device->fault ? device->fault : device->decision.code);
	json_object_set_new(object, "code", json_string(code));
	json_object_set_new(object, "applied", json_boolean(device->applied));
	if (device->decision.would) {
		sk_reason_format_code(code, device->decision.would);
		json_object_set_new(object, "would", json_string(code));
	}
	if (device->decision.message[0])
		json_object_set_new(object, "message", json_string(device->decision.message));
	if (device->decision.message_ja[0])
		json_object_set_new(object, "message_ja", json_string(device->decision.message_ja));
	return object;
}

json_t *devices_to_json(const Core *core)
{
	json_t *list = json_array();

	for (const Device *device = core->devices; device; device = device->hh.next)
		json_array_append_new(list, device_to_json(core, device));
	return list;
}

void record_device(Core *core, const Device *device, const char *kind, SkReason code, const char *actor)
{
	record_write(core,
		&(Record){.kind = kind, .code = code, .actor = actor, .body = device_to_json(core, device)});
}

/* What becomes of media in it, and what the settings alone would refuse on them. */
static json_t *media_to_json(const Core *core, const MediaDecision *media)
{
	const char *handling = media->handling == MEDIA_REFUSE	    ? "refuse"
			       : media->handling == MEDIA_READ_ONLY ? "read-only"
								    : "carry-out";

	return json_pack("{s:s, s:b, s:i, s:i}", "handling", handling, "scan", media->scan, "types",
		(int)media->refuse_types, "settings_types", (int)core->settings->scan.refuse_types);
}

void record_device_decision(Core *core, const Device *device)
{
	const char *parent_hash = devices_parent_hash(core, device);
	json_t *body = device_to_json(core, device), *asked = rules_moment_to_json(core);

	if (parent_hash)
		json_object_set_new(asked, "parent_hash", json_string(parent_hash));
	json_object_set_new(asked, "connect_type", json_string(device->connect_type));
	if (device->decision.action == SK_USB_ALLOW)
		json_object_set_new(asked, "media", media_to_json(core, &device->decision.media));
	json_object_set_new(body, "asked", asked);
	record_write(core, &(Record){.kind = "device.decided", .code = device->decision.code, .body = body});
}

void device_note(Core *core, const Device *device)
{
	char interfaces[INTERFACES_TEXT_SIZE], serial[SK_USB_STRING_SIZE], name[SK_USB_STRING_SIZE];
	char code[SK_REASON_CODE_SIZE];
	const SkUsbFacts *facts = device->facts;

	if (facts->state != SK_USB_FACTS_OK || device->root_hub)
		return;
	interfaces_format(interfaces, facts);
	sk_utf8_escape(serial, sizeof(serial), facts->serial, strlen(facts->serial));
	sk_utf8_escape(name, sizeof(name), facts->product, strlen(facts->product));
	/* What learning lets through is not trusted for it later: the code of the rules counts. */
	sk_reason_format_code(code, device->decision.would ? device->decision.would : device->decision.code);
	history_note_device(core->history, &(HistoryDevice){.hash = facts->hash,
						   .vendor_id = facts->vendor_id,
						   .product_id = facts->product_id,
						   .serial = serial,
						   .name = name,
						   .interfaces = interfaces,
						   .user = core->session.present ? core->session.user : "",
						   .code = code});
}
