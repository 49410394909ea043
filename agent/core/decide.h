/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Facts in, decision out. A decision is a value: what to do with the device, with which code, by which rule,
 * for how long, and what its media may do. Nothing here acts or records.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/conf/settings.h"
#include "lib/ipc/proto_monitor.h"
#include "lib/ipc/proto_probe.h"
#include "lib/ipc/proto_scanner.h"
#include "lib/reason/reason.h"
#include "policy/policy.h"

typedef struct Core Core;
typedef struct Device Device;

typedef enum MediaHandling {
	MEDIA_REFUSE,
	MEDIA_READ_ONLY,
	MEDIA_CARRY_OUT, /* registered ones may be written to under a grant; others are read */
} MediaHandling;

typedef struct MediaDecision {
	MediaHandling handling;
	bool scan;
	bool import_copy;
	uint32_t refuse_types; /* SK_TYPE_* */
} MediaDecision;

typedef struct Decision {
	uint8_t action; /* SK_USB_BLOCK, SK_USB_ALLOW, SK_USB_REJECT */
	SkReason code;
	SkReason would; /* learning and warning: the code of what enforcing would do; else SK_REASON_NONE */
	bool all_interfaces;
	uint16_t n_interfaces;
	uint8_t interfaces[256]; /* numbers */
	MediaDecision media;
	uint64_t valid_for_sec;		    /* 0: until something changes */
	char rule[80];			    /* id, or "default", or "built-in" */
	char message[512], message_ja[512]; /* of the rule; may be empty */
} Decision;

/* A device as the policy wants it. Must not be copied: it points into itself and into the facts. */
typedef struct PolicyFacts {
	SkPolicyDevice device;
	SkPolicyInterface interfaces[SK_USB_INTERFACES_MAX];
	char id[10];
} PolicyFacts;

/* facts may be NULL (bus other than USB). parent_hash may be NULL. */
void policy_facts_init(PolicyFacts *policy, const Device *device, const char *parent_hash);

/* Decides about a device whose facts are there. */
void decide_device(Core *core, const Device *device, Decision *ret_decision);

/* Decides about a medium: of a USB device (its rule speaks), or of another bus (device NULL). */
void decide_medium(Core *core, const Device *device, uint8_t bus, Decision *ret_decision);

/*
 * What the scanner's definitions allow, once they are loaded. A limit of 0 days is none. Return:
 * SK_REASON_NONE; SK_DEFINITIONS_AGEING: they still do; otherwise the code to refuse with.
 */
SkReason decide_definitions(const SkScannerState *state, const SkSettings *settings, int64_t now_sec);

/* The interfaces of a device as text for people, records and comparison: "08:06:50 03:01:01". */
#define INTERFACES_TEXT_SIZE (SK_USB_INTERFACES_MAX * 9 + 1)
void interfaces_format(char buffer[INTERFACES_TEXT_SIZE], const SkUsbFacts *facts);

/* A keyboard, announced or found out, that was never allowed before it was plugged in, and the settings ask
 * about such. */
bool device_is_new_keyboard(const Core *core, const Device *device);

bool facts_have_class(const SkUsbFacts *facts, uint8_t base_class);
