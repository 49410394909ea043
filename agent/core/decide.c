/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/decide.h"

#include <stdio.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/history.h"
#include "agent/core/input.h"
#include "agent/core/rules.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

/* USB-IF class codes, https://www.usb.org/defined-class-codes */
enum {
	CLASS_CDC = 0x02,
	CLASS_HID = 0x03,
	CLASS_STORAGE = 0x08,
	CLASS_HUB = 0x09,
	CLASS_CDC_DATA = 0x0A,
	CLASS_SMART_CARD = 0x0B,
	CLASS_WIRELESS = 0xE0,
};
#define HID_PROTOCOL_KEYBOARD 1
#define HID_PROTOCOL_POINTER 2
#define DAY_SEC 86400

bool facts_have_class(const SkUsbFacts *facts, uint8_t base_class)
{
	for (uint32_t i = 0; i < facts->n_interfaces; i++)
		if (facts->interfaces[i].base_class == base_class)
			return true;
	return false;
}

static bool interface_is_keyboard(const SkUsbInterface *in)
{
	return in->base_class == CLASS_HID && in->protocol == HID_PROTOCOL_KEYBOARD;
}

void interfaces_format(char buffer[INTERFACES_TEXT_SIZE], const SkUsbFacts *facts)
{
	size_t used = 0;

	buffer[0] = 0;
	for (uint32_t i = 0; i < facts->n_interfaces; i++) {
		const SkUsbInterface *in = &facts->interfaces[i];

		used += (size_t)snprintf(buffer + used, INTERFACES_TEXT_SIZE - used, "%s%02x:%02x:%02x",
			i ? " " : "", in->base_class, in->subclass, in->protocol);
	}
}

void policy_facts_init(PolicyFacts *policy, const Device *device, const char *parent_hash)
{
	const SkUsbFacts *facts = device->facts;

	*policy = (PolicyFacts){.device = {.bus = SK_POLICY_BUS_USB}};
	sk_str_format(policy->id, sizeof(policy->id), "%04x:%04x", facts->vendor_id, facts->product_id);
	sk_policy_device_set(&policy->device, SK_POLICY_ID, policy->id);
	sk_policy_device_set(&policy->device, SK_POLICY_SERIAL, facts->serial);
	sk_policy_device_set(&policy->device, SK_POLICY_NAME, facts->product);
	sk_policy_device_set(&policy->device, SK_POLICY_HASH, facts->hash);
	if (parent_hash)
		sk_policy_device_set(&policy->device, SK_POLICY_PARENT_HASH, parent_hash);
	sk_policy_device_set(&policy->device, SK_POLICY_VIA_PORT, device->sysname);
	sk_policy_device_set(&policy->device, SK_POLICY_WITH_CONNECT_TYPE, device->connect_type);
	for (uint32_t i = 0; i < facts->n_interfaces; i++)
		policy->interfaces[i] = (SkPolicyInterface){
			.base_class = facts->interfaces[i].base_class,
			.subclass = facts->interfaces[i].subclass,
			.protocol = facts->interfaces[i].protocol,
		};
	policy->device.interfaces = policy->interfaces;
	policy->device.n_interfaces = facts->n_interfaces;
}

static SkPolicyTruth truth(bool value)
{
	return value ? SK_POLICY_YES : SK_POLICY_NO;
}

/*
 * A number is granted only when every alternate setting under it, in every configuration, is: the kernel
 * chooses the configuration and a driver the setting, both after the decision.
 */
static void take_grants(Decision *decision, const SkUsbFacts *facts, const SkPolicyVerdict *verdict)
{
	bool present[256] = {false}, refused[256] = {false};
	bool any_refused = false;

	for (uint32_t i = 0; i < facts->n_interfaces; i++) {
		const SkUsbInterface *in = &facts->interfaces[i];
		const SkPolicyInterface asked = {
			.base_class = in->base_class, .subclass = in->subclass, .protocol = in->protocol};

		present[in->number] = true;
		if (!sk_policy_verdict_grants(verdict, &asked))
			refused[in->number] = any_refused = true;
	}
	decision->all_interfaces = !any_refused;
	for (unsigned n = 0; n < 256; n++)
		if (present[n] && !refused[n])
			decision->interfaces[decision->n_interfaces++] = (uint8_t)n;
}

static void take_media(const Core *core, Decision *decision, const SkPolicyVerdict *verdict)
{
	const SkSettings *settings = core->settings;

	decision->media = (MediaDecision){
		.handling = verdict->media == SK_POLICY_MEDIA_READ_ONLY	  ? MEDIA_READ_ONLY
			    : verdict->media == SK_POLICY_MEDIA_CARRY_OUT ? MEDIA_CARRY_OUT
									  : MEDIA_REFUSE,
		.scan = verdict->scan != SK_POLICY_SCAN_OFF,
		.import_copy = verdict->import == SK_POLICY_IMPORT_UNSET
				       ? settings->media.default_import == SK_IMPORT_COPY
				       : verdict->import == SK_POLICY_IMPORT_COPY,
		.refuse_types = sk_policy_verdict_refuse_types(verdict, settings->scan.refuse_types),
	};
}

static void take_verdict(const Core *core, Decision *decision, const SkPolicyVerdict *verdict)
{
	static const uint8_t actions[] = {[SK_POLICY_ALLOW] = SK_USB_ALLOW,
		[SK_POLICY_BLOCK] = SK_USB_BLOCK,
		[SK_POLICY_REJECT] = SK_USB_REJECT};

	decision->action = actions[verdict->target];
	sk_str_copy(decision->rule, sizeof(decision->rule), verdict->id);
	sk_str_copy(decision->message, sizeof(decision->message), verdict->message ? verdict->message : "");
	sk_str_copy(decision->message_ja, sizeof(decision->message_ja),
		verdict->message_ja ? verdict->message_ja : "");
	decision->valid_for_sec = verdict->valid_for_sec == SK_POLICY_FOREVER ? 0 : verdict->valid_for_sec;
	if (decision->action != SK_USB_ALLOW)
		decision->code =
			verdict->rule == SK_POLICY_NO_RULE ? SK_DEVICE_NOT_LISTED : SK_DEVICE_REFUSED_BY_RULE;
	take_media(core, decision, verdict);
}

/* Would the interface really be bound? */
static bool is_granted(const Decision *decision, const SkUsbInterface *in)
{
	for (uint16_t n = 0; n < decision->n_interfaces; n++)
		if (decision->interfaces[n] == in->number)
			return true;
	return decision->all_interfaces;
}

/* Input together with storage or network, counted over what would really be bound. */
static bool mixes_input(const Device *device, const Decision *decision)
{
	bool input = false, other = false;

	for (uint32_t i = 0; i < device->facts->n_interfaces; i++) {
		const SkUsbInterface *in = &device->facts->interfaces[i];

		if (!is_granted(decision, in))
			continue;
		input |= in->base_class == CLASS_HID;
		other |= in->base_class == CLASS_STORAGE || in->base_class == CLASS_CDC ||
			 in->base_class == CLASS_CDC_DATA || in->base_class == CLASS_WIRELESS;
	}
	return input && other;
}

static bool serial_has_other_functions(Core *core, const Device *device)
{
	char interfaces[INTERFACES_TEXT_SIZE];
	char serial[SK_USB_STRING_SIZE];
	HistoryDevice known = {
		.vendor_id = device->facts->vendor_id,
		.product_id = device->facts->product_id,
		.interfaces = interfaces,
		.serial = serial,
	};

	interfaces_format(interfaces, device->facts);
	sk_utf8_escape(serial, sizeof(serial), device->facts->serial, strlen(device->facts->serial));
	return history_serial_had_other_interfaces(core->history, &known);
}

/* Sticks of one make often share a serial number: they are told apart by their content, not here. */
static bool serial_is_here_twice(Core *core, const Device *device)
{
	return !facts_have_class(device->facts, CLASS_STORAGE) && devices_find_twin(core, device) != NULL;
}

static bool has_keyboard(const Device *device, const Decision *decision)
{
	for (uint32_t i = 0; i < device->facts->n_interfaces; i++)
		if (interface_is_keyboard(&device->facts->interfaces[i]) &&
			(!decision || is_granted(decision, &device->facts->interfaces[i])))
			return true;
	return device->types;
}

bool device_is_new_keyboard(const Core *core, const Device *device)
{
	return core->settings->devices.second_keyboard != SK_SECOND_KEYBOARD_ALLOW && !device->known &&
	       has_keyboard(device, NULL);
}

/* One that was allowed a moment ago counts before the kernel has bound it: at boot all come at once. */
static bool another_keyboard_is_allowed(const Core *core, const Device *device)
{
	for (const Device *other = core->devices; other; other = other->hh.next)
		if (other != device && other->decided && other->decision.action == SK_USB_ALLOW &&
			has_keyboard(other, &other->decision))
			return true;
	return input_others_have(core, device->sysname, INPUT_KEYBOARD);
}

static bool is_unexpected_keyboard(const Core *core, const Device *device, const Decision *decision)
{
	return device_is_new_keyboard(core, device) && has_keyboard(device, decision) &&
	       another_keyboard_is_allowed(core, device);
}

static void refuse(Decision *decision, SkReason code)
{
	decision->action = SK_USB_BLOCK;
	decision->code = code;
	sk_str_copy(decision->rule, sizeof(decision->rule), "built-in");
}

/* What no rule may allow by oversight. An allowance by the administrator for a time goes over it. */
static void apply_built_in_checks(Core *core, const Device *device, Decision *decision)
{
	const Decision whole = {.all_interfaces = true};

	if (decision->action != SK_USB_ALLOW) {
		/* What a rule refuses may still be an attack, and then somebody must hear of it. */
		if (mixes_input(device, &whole))
			decision->code = SK_DEVICE_MIXES_INPUT;
		return;
	}
	if (mixes_input(device, decision))
		refuse(decision, SK_DEVICE_MIXES_INPUT);
	else if (serial_has_other_functions(core, device))
		refuse(decision, SK_DEVICE_SERIAL_OTHER_FUNCTIONS);
	else if (serial_is_here_twice(core, device))
		refuse(decision, SK_DEVICE_SERIAL_TWICE);
	else if (is_unexpected_keyboard(core, device, decision))
		refuse(decision, SK_DEVICE_SECOND_KEYBOARD);
}

static bool has_only(const SkUsbFacts *facts, uint8_t one, uint8_t other)
{
	for (uint32_t i = 0; i < facts->n_interfaces; i++)
		if (facts->interfaces[i].base_class != one && facts->interfaces[i].base_class != other)
			return false;
	return true;
}

static bool has_pointer(const SkUsbFacts *facts)
{
	for (uint32_t i = 0; i < facts->n_interfaces; i++)
		if (facts->interfaces[i].base_class == CLASS_HID &&
			facts->interfaces[i].protocol == HID_PROTOCOL_POINTER)
			return true;
	return false;
}

/* Without it nobody could unlock. */
static bool is_only_input(const Core *core, const Device *device)
{
	if (!has_only(device->facts, CLASS_HID, CLASS_HID))
		return false;
	return (has_keyboard(device, NULL) && !input_others_have(core, device->sysname, INPUT_KEYBOARD)) ||
	       (has_pointer(device->facts) && !input_others_have(core, device->sysname, INPUT_POINTER));
}

/* Does it wait until somebody has unlocked the screen? What works already goes on; core that was started anew
 * believes its history about that. */
static bool waits_for_unlock(const Core *core, const Device *device)
{
	const SkUsbFacts *facts = device->facts;

	if (!core->session.shut || core->settings->lock.hold_devices == SK_HOLD_DEVICES_NO)
		return false;
	if ((device->decided && device->decision.action == SK_USB_ALLOW) ||
		(device->present_at_start && device->known))
		return false;
	/* Keys of FIDO are input devices, and cards at the same time. */
	if (device->known && facts_have_class(facts, CLASS_HID) &&
		has_only(facts, CLASS_HID, CLASS_SMART_CARD))
		return false;
	return !has_only(facts, CLASS_HUB, CLASS_HUB) && !is_only_input(core, device);
}

static void allow_whole(Decision *decision, SkReason code)
{
	decision->action = SK_USB_ALLOW;
	decision->code = code;
	decision->all_interfaces = true;
}

static bool apply_allowance(Core *core, const Device *device, Decision *decision)
{
	int64_t until = history_allowed_until(core->history, device->facts->hash);

	if (until == 0)
		return false;
	allow_whole(decision, SK_DEVICE_ALLOWED_FOR_A_TIME);
	decision->valid_for_sec = (uint64_t)(until - time(NULL)) + 1;
	sk_str_copy(decision->rule, sizeof(decision->rule), "allowance");
	return true;
}

/* Why a refusal that a changed moment would turn into an allowance should say so. */
static void name_the_moment(Core *core, const PolicyFacts *policy, const Device *device, Decision *decision)
{
	SkPolicyVerdict unlocked;

	if (decision->action == SK_USB_ALLOW)
		return;
	if (core->session.locked) {
		rules_evaluate(core, &policy->device, SK_POLICY_NO, &unlocked);
		if (unlocked.target == SK_POLICY_ALLOW)
			decision->code = SK_DEVICE_SCREEN_LOCKED;
	}
	if (device->decision.action == SK_USB_ALLOW && device->decision.valid_for_sec > 0 && device->decided)
		decision->code = SK_DEVICE_TIME_ENDED;
}

/* The mode of the rule's own file goes before that of the PC, but never makes an installation stricter. */
static void apply_mode(const Core *core, SkPolicyMode rule_mode, Decision *decision)
{
	SkMode mode = trial_mode(core);

	if (decision->action == SK_USB_ALLOW)
		return;
	if (mode == SK_MODE_ENFORCE && rule_mode != SK_POLICY_ENFORCE)
		mode = rule_mode == SK_POLICY_LEARN ? SK_MODE_LEARN : SK_MODE_WARN;
	if (mode == SK_MODE_ENFORCE)
		return;
	decision->would = decision->code;
	allow_whole(decision, mode == SK_MODE_LEARN ? SK_DEVICE_LEARNED : SK_DEVICE_WARNED);
}

void decide_device(Core *core, const Device *device, Decision *ret_decision)
{
	Decision *decision = ret_decision;
	SkPolicyVerdict verdict = {.mode = SK_POLICY_ENFORCE};
	PolicyFacts policy;

	*decision = (Decision){.rule = "built-in"};
	if (device->root_hub) {
		allow_whole(decision, SK_DEVICE_ALLOWED);
		return;
	}
	if (device->facts->state != SK_USB_FACTS_OK) {
		refuse(decision, device->facts->state == SK_USB_FACTS_MALFORMED ? SK_DEVICE_MALFORMED
										: SK_DEVICE_NOT_CHECKED);
	} else {
		policy_facts_init(&policy, device, devices_parent_hash(core, device));
		rules_evaluate(core, &policy.device, truth(core->session.locked), &verdict);
		take_verdict(core, decision, &verdict);
		take_grants(decision, device->facts, &verdict);
		if (decision->action == SK_USB_ALLOW)
			decision->code =
				decision->all_interfaces ? SK_DEVICE_ALLOWED : SK_DEVICE_PARTLY_ALLOWED;
		name_the_moment(core, &policy, device, decision);
		apply_built_in_checks(core, device, decision);
		if (decision->action == SK_USB_ALLOW && waits_for_unlock(core, device))
			refuse(decision, SK_DEVICE_SCREEN_LOCKED);
		if (apply_allowance(core, device, decision))
			return;
	}
	if (decision->action != SK_USB_ALLOW && input_is_last(core, device->sysname))
		allow_whole(decision, SK_DEVICE_KEPT_LAST_INPUT);
	apply_mode(core, verdict.mode, decision);
}

static SkPolicyBus policy_bus(uint8_t bus)
{
	static const SkPolicyBus buses[SK_BUS_MAX_] = {
		[SK_BUS_USB] = SK_POLICY_BUS_USB,
		[SK_BUS_SD] = SK_POLICY_BUS_SD,
		[SK_BUS_OPTICAL] = SK_POLICY_BUS_OPTICAL,
		[SK_BUS_THUNDERBOLT] = SK_POLICY_BUS_THUNDERBOLT,
		[SK_BUS_ESATA] = SK_POLICY_BUS_ESATA,
	};

	return buses[bus];
}

void decide_medium(Core *core, const Device *device, uint8_t bus, Decision *ret_decision)
{
	Decision *decision = ret_decision;
	SkPolicyVerdict verdict;
	PolicyFacts policy = {.device = {.bus = policy_bus(bus)}};

	*decision = (Decision){.rule = "built-in"};
	if (device && device->facts)
		policy_facts_init(&policy, device, devices_parent_hash(core, device));
	/* An optical drive or a card reader on USB is asked about as what it is to people. */
	if (bus != SK_BUS_USB)
		policy.device.bus = policy_bus(bus);
	policy.device.registered = policy.device.approved = SK_POLICY_NO;
	rules_evaluate(core, &policy.device, truth(core->session.locked), &verdict);
	take_verdict(core, decision, &verdict);
	if (decision->action == SK_USB_ALLOW && decision->media.handling != MEDIA_REFUSE) {
		decision->code = SK_MEDIUM_READ_ONLY;
	} else {
		decision->action = SK_USB_BLOCK;
		decision->code = SK_MEDIUM_REFUSED_BY_RULE;
	}
	if (trial_mode(core) != SK_MODE_ENFORCE) {
		decision->would = decision->code;
		decision->code = SK_MEDIUM_LEARNED;
	}
}

SkReason decide_definitions(const SkScannerState *state, const SkSettings *settings, int64_t now_sec)
{
	int64_t age_days = (now_sec - state->definitions_time) / DAY_SEC;
	int64_t refuse_days = (int64_t)settings->scan.definitions_refuse_days;
	int64_t warn_days = (int64_t)settings->scan.definitions_warn_days;

	if (state->state == SK_SCANNER_NO_DEFINITIONS)
		return SK_MEDIUM_DEFINITIONS_MISSING;
	if (refuse_days > 0 && age_days >= refuse_days)
		return SK_MEDIUM_DEFINITIONS_OLD;
	return warn_days > 0 && age_days >= warn_days ? SK_DEFINITIONS_AGEING : SK_REASON_NONE;
}
