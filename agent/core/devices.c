/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/devices.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/device_record.h"
#include "agent/core/history.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/records.h"
#include "agent/core/volumes.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/check.h"

/* A year: longer allowances are rules, and belong into a rule file. */
#define ALLOWANCE_MOST_SEC (366 * 86400ULL)

static void stop_probe(Device *device)
{
	device->probe_io = sd_event_source_disable_unref(device->probe_io);
	device->probe_timer = sd_event_source_disable_unref(device->probe_timer);
	device->probe = sk_chan_free(device->probe);
}

static void device_free(Core *core, Device *device)
{
	HASH_DEL(core->devices, device);
	stop_probe(device);
	sd_event_source_disable_unref(device->valid_timer);
	free(device->facts);
	free(device);
}

Device *devices_find(const Core *core, const char *sysname)
{
	Device *device;

	HASH_FIND_STR(core->devices, sysname, device);
	return device;
}

const char *devices_parent_hash(const Core *core, const Device *device)
{
	const Device *parent = devices_find(core, device->parent);

	return parent && parent->facts && parent->facts->state == SK_USB_FACTS_OK ? parent->facts->hash
										  : NULL;
}

const Device *devices_find_twin(const Core *core, const Device *device)
{
	if (device->facts->serial[0] == 0)
		return NULL;
	for (const Device *other = core->devices; other; other = other->hh.next)
		if (other != device && other->facts && other->facts->state == SK_USB_FACTS_OK &&
			other->facts->vendor_id == device->facts->vendor_id &&
			other->facts->product_id == device->facts->product_id &&
			sk_str_eq(other->facts->serial, device->facts->serial))
			return other;
	return NULL;
}

bool devices_any_allowed_matches(void *data, const SkPolicyQuery *query)
{
	const Core *core = data;

	for (const Device *device = core->devices; device; device = device->hh.next) {
		PolicyFacts policy;

		if (!device->facts || device->facts->state != SK_USB_FACTS_OK || !device->decided ||
			device->decision.action != SK_USB_ALLOW)
			continue;
		policy_facts_init(&policy, device, devices_parent_hash(core, device));
		if (sk_policy_query_matches(query, &policy.device))
			return true;
	}
	return false;
}

/* A fault while applying: what the kernel has now is unknown or refused; storage stays closed either way. */
static void apply_failed(Core *core, Device *device, int error)
{
	device->applied = false;
	device->fault = error == -ESTALE ? SK_DEVICE_CHANGED : SK_DEVICE_ORDER_FAILED;
	record_device(core, device, "device.failed", device->fault, NULL);
}

static void on_applied(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;
	Device *device = devices_find(core, subject);

	/* Gone by now, or the monitor died: then everything is told and decided again. */
	if (!device || !answer || answer->result == -ENODEV)
		return;
	if (answer->result < 0) {
		apply_failed(core, device, answer->result);
		return;
	}
	device->applied = true;
	device->fault = SK_REASON_NONE;
}

static void apply(Core *core, Device *device)
{
	const Decision *decision = &device->decision;
	SkUsbApply order = {
		.busnum = device->busnum,
		.devnum = device->devnum,
		.action = decision->action,
		.all_interfaces = decision->all_interfaces,
		.n_interfaces = decision->n_interfaces,
	};

	device->applied = false;
	/* While learning every device is allowed: the order then only undoes what enforcing had refused. */
	if (device->root_hub ||
		(decision->action == SK_USB_ALLOW && device->facts->state != SK_USB_FACTS_OK)) {
		device->applied = true; /* nothing is to be done */
		return;
	}
	memcpy(order.sysname, device->sysname, sizeof(order.sysname));
	memcpy(order.interfaces, decision->interfaces, sizeof(order.interfaces));
	memcpy(order.descriptors_digest, device->facts->descriptors_digest, sizeof(order.descriptors_digest));
	monitor_order_usb(core, &order, on_applied);
}

static void arm_validity(Device *device);

static bool same_effect(const Decision *a, const Decision *b)
{
	return a->action == b->action && a->code == b->code && a->all_interfaces == b->all_interfaces &&
	       a->n_interfaces == b->n_interfaces && a->would == b->would &&
	       memcmp(a->interfaces, b->interfaces, a->n_interfaces) == 0;
}

static void decide(Core *core, Device *device)
{
	Decision decision;
	bool changed;

	if (!device->facts)
		return;
	decide_device(core, device, &decision);
	changed = !device->decided || !same_effect(&decision, &device->decision);
	device->decision = decision;
	device->decided = true;
	arm_validity(device);
	if (!changed && device->applied)
		return;
	device->fault = SK_REASON_NONE;
	/* The record is there before the order, whoever kills us in between; it reaches the disk while the
	 * order is on its way. */
	if (changed && !device->root_hub) {
		record_device_decision(core, device);
		records_push(core);
	}
	apply(core, device);
	device_note(core, device);
	/* It was allowed before it turned out to be a keyboard: that does not make it a known one. */
	if (device->types && device->fresh && decision.code == SK_DEVICE_SECOND_KEYBOARD)
		history_withdraw(core->history, device->facts->hash);
	volumes_device_decided(core, device->sysname);
}

static int on_validity_end(sd_event_source *source, uint64_t usec, void *userdata)
{
	Device *device = userdata;

	decide(device->core, device);
	return 0;
}

static void arm_validity(Device *device)
{
	device->valid_timer = sd_event_source_disable_unref(device->valid_timer);
	if (device->decision.valid_for_sec == 0)
		return;
	/* Windows and allowances are told in wall time, which may jump: a jump re-arms nothing, so look at
	 * least hourly. */
	uint64_t seconds = device->decision.valid_for_sec < 3600 ? device->decision.valid_for_sec : 3600;
	sd_event_add_time_relative(device->core->event, &device->valid_timer, CLOCK_BOOTTIME,
		seconds * 1000000ULL, 1, on_validity_end, device);
}

/* Nothing is known to be there that has not been looked at. */
static bool all_have_facts(const Core *core)
{
	for (const Device *device = core->devices; device; device = device->hh.next)
		if (!device->facts)
			return false;
	return core->enumerated;
}

/* parent-hash is asked for by rules: the hub above is looked at first. */
static bool waits_for_parent(const Core *core, const Device *device)
{
	const Device *parent = devices_find(core, device->parent);

	if (!parent)
		return device->parent[0] && !core->enumerated; /* still to be told */
	return !parent->facts;
}

static void decide_ready(Core *core)
{
	for (Device *device = core->devices; device; device = device->hh.next)
		if (device->facts && !device->decided && !waits_for_parent(core, device) &&
			!device_is_new_keyboard(core, device))
			decide(core, device);
	if (!all_have_facts(core))
		return;
	for (Device *device = core->devices; device; device = device->hh.next)
		if (!device->decided)
			decide(core, device);
}

static bool is_here_twice(const Core *core, const Device *device)
{
	for (const Device *other = core->devices; other; other = other->hh.next)
		if (other != device && other->facts && other->facts->state == SK_USB_FACTS_OK &&
			sk_str_eq(other->facts->hash, device->facts->hash))
			return true;
	return false;
}

static void facts_arrived(Core *core, Device *device)
{
	device->fresh = device->facts->state != SK_USB_FACTS_OK ||
			!history_was_allowed(core->history, device->facts->hash);
	device->known = !device->fresh && !is_here_twice(core, device);
	decide_ready(core);
	/* What waits for nothing comes after the order. */
	stop_probe(device);
	/* Its children may have been decided while its hash was not known. */
	for (Device *child = core->devices; child; child = child->hh.next)
		if (child->decided && sk_str_eq(child->parent, device->sysname))
			decide(core, child);
}

void devices_note_keyboard(Core *core, const char *sysname)
{
	Device *device = devices_find(core, sysname);

	if (!device || device->types)
		return;
	device->types = true;
	if (device->decided)
		decide(core, device);
}

static int facts_set(Device *device, const SkUsbFacts *facts)
{
	device->facts = malloc(sizeof(*facts));
	if (!device->facts)
		return -ENOMEM;
	*device->facts = *facts;
	return 0;
}

static int on_look_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	Device *device = userdata;

	monitor_enumerate(device->core);
	return 0;
}

/*
 * The probe may have been at fault, and whatever hit it may have hit the next one too: the device is asked
 * for again after a pause, with everything else.
 */
static void facts_missing(Core *core, Device *device)
{
	const SkUsbFacts none = {.state = SK_USB_FACTS_UNREADABLE};

	stop_probe(device);
	if (++device->n_failed < DEVICE_PROBES_MAX &&
		sd_event_add_time_relative(core->event, &device->probe_timer, CLOCK_MONOTONIC,
			DEVICE_AGAIN_USEC << (device->n_failed - 1), 0, on_look_again, device) >= 0)
		return;
	if (facts_set(device, &none) == 0)
		facts_arrived(core, device);
}

static int on_facts(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	return facts_set(userdata, (const SkUsbFacts *)message);
}

/* The probe was fed by the device: it is believed no more than that. */
const SkMsgSpec device_facts_specs[] = {
	{SK_PROBE_USB_FACTS, 0, sizeof(SkUsbFacts), on_facts, sk_check_usb_facts},
	{0},
};

static int on_probe_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Device *device = userdata;
	int r = sk_chan_dispatch(device->probe, device_facts_specs, device);

	if (r == -EAGAIN)
		return 0;
	if (device->facts)
		facts_arrived(device->core, device);
	else
		facts_missing(device->core, device);
	return 0;
}

static int on_probe_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	Device *device = userdata;

	facts_missing(device->core, device);
	return 0;
}

static int watch_probe(Core *core, Device *device, int fd)
{
	int r;

	device->probe = sk_chan_new(fd);
	if (!device->probe)
		return -ENOMEM;
	r = sd_event_add_io(core->event, &device->probe_io, fd, EPOLLIN, on_probe_io, device);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(core->event, &device->probe_timer, CLOCK_MONOTONIC,
		DEVICE_FACTS_USEC, 0, on_probe_timeout, device);
}

/* After a restart of the monitor, or because one had no facts: what was decided stands, and is applied again.
 */
static void told_again(Core *core, Device *device, int fd)
{
	device->told = true;
	/* One that is still being looked at is not begun anew for the sake of another. */
	if (device->facts || device->probe) {
		close(fd);
		if (device->decided)
			apply(core, device);
		return;
	}
	stop_probe(device); /* it need not wait any longer for another look */
	if (watch_probe(core, device, fd) < 0)
		facts_missing(core, device);
}

void devices_add(Core *core, const SkUsbAdded *added, int fd)
{
	Device *device = devices_find(core, added->sysname);

	if (device && device->busnum == added->busnum && device->devnum == added->devnum) {
		told_again(core, device, fd);
		return;
	}
	if (device)
		devices_remove(core, device->sysname, device->busnum, device->devnum);
	device = calloc(1, sizeof(*device));
	if (!device) {
		close(fd);
		return; /* stays unauthorized */
	}
	memcpy(device->sysname, added->sysname, sizeof(device->sysname));
	memcpy(device->parent, added->parent, sizeof(device->parent));
	memcpy(device->connect_type, added->connect_type, sizeof(device->connect_type));
	device->busnum = added->busnum;
	device->devnum = added->devnum;
	device->root_hub = added->root_hub;
	device->present_at_start = added->present_at_start;
	device->uevent_usec = added->uevent_usec;
	device->told = true;
	device->core = core;
	HASH_ADD_STR(core->devices, sysname, device);
	if (watch_probe(core, device, fd) < 0)
		facts_missing(core, device);
}

void devices_remove(Core *core, const char *sysname, uint16_t busnum, uint16_t devnum)
{
	Device *device = devices_find(core, sysname);

	if (!device || device->busnum != busnum || device->devnum != devnum)
		return;
	if (device->decided && !device->root_hub)
		record_device(core, device, "device.removed", SK_DEVICE_WENT_AWAY, NULL);
	device_free(core, device);
	decide_ready(core);
}

void devices_begin_enumeration(Core *core)
{
	for (Device *device = core->devices; device; device = device->hh.next)
		device->told = false;
}

void devices_end_enumeration(Core *core)
{
	Device *device, *next;

	HASH_ITER (hh, core->devices, device, next)
		if (!device->told)
			devices_remove(core, device->sysname, device->busnum, device->devnum);
	decide_ready(core);
}

void devices_forget_all(Core *core)
{
	Device *device, *next;

	HASH_ITER (hh, core->devices, device, next)
		device_free(core, device);
}

void devices_decide_all(Core *core)
{
	for (Device *device = core->devices; device; device = device->hh.next) {
		device->applied = false; /* the mode may have changed: the kernel is told in any case */
		decide(core, device);
	}
}

void devices_context_changed(Core *core)
{
	for (Device *device = core->devices; device; device = device->hh.next)
		if (device->decided && device->decision.action != SK_USB_ALLOW)
			decide(core, device);
}

int devices_allow_for(Core *core, const char *sysname, uint64_t seconds, const char *actor)
{
	Device *device = devices_find(core, sysname);
	int r;

	if (!device || !device->facts || device->facts->state != SK_USB_FACTS_OK)
		return -ENOENT;
	if (seconds == 0 || seconds > ALLOWANCE_MOST_SEC)
		return -EINVAL;
	r = history_allow(core->history, device->facts->hash, time(NULL) + (int64_t)seconds, actor);
	if (r < 0)
		return r;
	record_device(core, device, "device.allowance", SK_DEVICE_ALLOWED_FOR_A_TIME, actor);
	decide(core, device);
	return 0;
}
