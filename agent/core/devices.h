/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The USB devices that are plugged in: facts wanted → decided → applied. A device without facts after
 * DEVICE_FACTS_USEC is asked DEVICE_PROBES_MAX times in all, then refused. A keyboard that was never seen is
 * decided after everything else that is being looked at: whether it is a second one depends on the others.
 */
#include <systemd/sd-event.h>
#include <uthash.h>

#include "agent/core/decide.h"
#include "lib/ipc/chan.h"

typedef struct Core Core;

typedef struct Device {
	char sysname[SK_SYSNAME_SIZE];
	char parent[SK_SYSNAME_SIZE];
	char connect_type[16];
	uint16_t busnum, devnum;
	bool root_hub, present_at_start;
	bool told;	   /* in this round of the monitor */
	unsigned n_failed; /* probes that died or never answered */
	bool fresh;	   /* never allowed before it was plugged in */
	bool known;	   /* not fresh, and not here twice */
	bool types;	   /* the kernel made a keyboard of it, whatever it says it is */
	SkUsbFacts *facts; /* NULL until the probe has answered */
	bool decided;	   /* decision holds something */
	bool applied;	   /* and the kernel has it */
	Decision decision;
	SkReason fault; /* why it could not be applied, or SK_REASON_NONE */
	uint64_t uevent_usec;
	SkChan *probe;
	sd_event_source *probe_io, *probe_timer, *valid_timer;
	Core *core;
	UT_hash_handle hh;
} Device;

/* So often a device is looked at before it is decided without facts: a booting machine is busy. */
#define DEVICE_PROBES_MAX 5
/* Before the second look; twice as long before each further one. */
#define DEVICE_AGAIN_USEC (100 * 1000ULL)
#define DEVICE_FACTS_USEC (6 * 1000000ULL)

/* What a probe may send. */
extern const SkMsgSpec device_facts_specs[];

/* fd: where the facts will come from; taken over. */
void devices_add(Core *core, const SkUsbAdded *added, int fd);
void devices_remove(Core *core, const char *sysname, uint16_t busnum, uint16_t devnum);
/* The monitor is gone: what it told will be told again. */
void devices_begin_enumeration(Core *core);
/* All that is present was told: what the list no longer holds is gone. */
void devices_end_enumeration(Core *core);
void devices_forget_all(Core *core);

/* The kernel bound a keyboard on this USB device; one that had not said so is judged again. */
void devices_note_keyboard(Core *core, const char *sysname);

Device *devices_find(const Core *core, const char *sysname);

/* Another device that is plugged in with the same ids and the same, not empty, serial; or NULL. */
const Device *devices_find_twin(const Core *core, const Device *device);

/* USBGuard's hash of the hub above, or NULL. */
const char *devices_parent_hash(const Core *core, const Device *device);

/* For SkPolicyCallbacks.allowed_matches; data is the Core. */
bool devices_any_allowed_matches(void *data, const SkPolicyQuery *query);

/* Decides again about everything, after new rules, another mode, a new allowance. */
void devices_decide_all(Core *core);

/* The session or its lock changed: what was refused may be allowed now; what is allowed is not cut off by it.
 */
void devices_context_changed(Core *core);

/* Return: 0; -ENOENT no such device; -EINVAL the time; other errno. actor as in records. */
int devices_allow_for(Core *core, const char *sysname, uint64_t seconds, const char *actor);
