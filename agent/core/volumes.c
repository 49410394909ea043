/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/volumes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/luks.h"
#include "agent/core/mounting.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/records.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/check.h"

/* Reading the first blocks of a slow or failing medium. */
#define PROBE_USEC (15 * 1000000ULL)
/* The monitor runs a few probes at a time; a disk may have many partitions. */
#define PROBE_AGAIN_USEC 100000
/* The kernel tells of a disk first, then of its partitions. */
#define PARTITIONS_USEC (3 * 1000000ULL)
#define DAY_SEC 86400

Volume *volumes_find(const Core *core, const char *sysname)
{
	Volume *volume;

	HASH_FIND_STR(core->volumes, sysname, volume);
	return volume;
}

Volume *volumes_find_id(const Core *core, uint64_t id)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->id == id)
			return volume;
	return NULL;
}

Volume *volumes_find_path(const Core *core, const char *path)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->state == VOLUME_MOUNTED && sk_str_eq(volume->path, path))
			return volume;
	return NULL;
}

static const char *state_name(VolumeState state)
{
	static const char *const names[] = {
		[VOLUME_NEW] = "new",
		[VOLUME_PROBING] = "probing",
		[VOLUME_CONTAINER] = "container",
		[VOLUME_WAITING] = "waiting",
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
	if (volume->detail[0])
		json_object_set_new(object, "detail", json_string(volume->detail));
	if (volume->decision.message[0])
		json_object_set_new(object, "message", json_string(volume->decision.message));
	if (volume->decision.message_ja[0])
		json_object_set_new(object, "message_ja", json_string(volume->decision.message_ja));
	if (volume->state != VOLUME_MOUNTED)
		return object;
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
static void volume_wait(Core *core, Volume *volume, SkReason code)
{
	if (volume->state == VOLUME_WAITING && volume->code == code)
		return;
	volume->state = VOLUME_WAITING;
	volume->code = code;
	if (code)
		record_volume(core, volume, "medium.waiting", code, NULL);
}

static void stop_probe(Volume *volume)
{
	volume->probe_io = sd_event_source_disable_unref(volume->probe_io);
	volume->probe_timer = sd_event_source_disable_unref(volume->probe_timer);
	volume->probe = sk_chan_free(volume->probe);
}

static void advance_partitions(Core *core, const Volume *disk)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->partition > 0 && sk_str_eq(volume->disk, disk->sysname))
			volume_advance(core, volume);
}

static void probe_ended(Volume *volume)
{
	Core *core = volume->core;

	stop_probe(volume);
	volume->state = VOLUME_NEW;
	if (!volume->facts) {
		volume_refuse(core, volume, SK_DEVICE_NOT_CHECKED, NULL);
		return;
	}
	volume_advance(core, volume);
	if (volume->partition == 0)
		advance_partitions(core, volume);
}

static int on_facts(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkBlockFacts *facts = (const SkBlockFacts *)message;
	Volume *volume = userdata;

	volume->facts = malloc(sizeof(*facts));
	if (volume->facts)
		*volume->facts = *facts;
	return 0;
}

const SkMsgSpec volume_facts_specs[] = {
	{SK_PROBE_BLOCK_FACTS, 0, sizeof(SkBlockFacts), on_facts, sk_check_block_facts},
	{0},
};

static int on_probe_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Volume *volume = userdata;

	if (sk_chan_dispatch(volume->probe, volume_facts_specs, volume) != -EAGAIN)
		probe_ended(volume);
	return 0;
}

static int on_probe_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	probe_ended(userdata);
	return 0;
}

static int watch_probe(Core *core, Volume *volume, int fd)
{
	int r;

	volume->probe = sk_chan_new(fd);
	if (!volume->probe)
		return -ENOMEM;
	r = sd_event_add_io(core->event, &volume->probe_io, fd, EPOLLIN, on_probe_io, volume);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(
		core->event, &volume->probe_timer, CLOCK_MONOTONIC, PROBE_USEC, 0, on_probe_timeout, volume);
}

static void start_probe(Core *core, Volume *volume);

static int on_probe_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	Volume *volume = userdata;

	volume->probe_timer = sd_event_source_disable_unref(volume->probe_timer);
	start_probe(volume->core, volume);
	return 0;
}

static int probe_later(Core *core, Volume *volume)
{
	return sd_event_add_time_relative(core->event, &volume->probe_timer, CLOCK_MONOTONIC,
		PROBE_AGAIN_USEC, 0, on_probe_again, volume);
}

static void on_probe_started(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;
	Volume *volume = volumes_find(core, subject);

	if (!volume || volume->state != VOLUME_PROBING || volume->probe || volume->probe_timer)
		return;
	if (answer && answer->result == -EAGAIN && probe_later(core, volume) >= 0)
		return;
	if (answer && answer->result == 0 && n_fds == 1 &&
		watch_probe(core, volume, own_take_fd(&fds[0])) == 0)
		return;
	probe_ended(volume);
}

static void start_probe(Core *core, Volume *volume)
{
	SkBlockOrder order = {.major = volume->major, .minor = volume->minor};

	memcpy(order.sysname, volume->sysname, sizeof(order.sysname));
	volume->state = VOLUME_PROBING;
	monitor_order_block(core, SK_MONITOR_BLOCK_PROBE, &order, on_probe_started);
}

/* What the content alone decides. Return: a code to refuse with, or SK_REASON_NONE. */
static SkReason refuse_by_content(const SkBlockFacts *facts, uint32_t partition)
{
	if (facts->state != SK_BLOCK_FACTS_OK)
		return SK_MEDIUM_DAMAGED;
	switch (facts->content) {
	case SK_CONTENT_PARTITIONS: /* inside a partition nobody looks further */
		return partition == 0 ? SK_MEDIUM_NO_PARTITION : SK_MEDIUM_UNKNOWN_CONTENT;
	case SK_CONTENT_EMPTY:
	case SK_CONTENT_OTHER:
		return SK_MEDIUM_UNKNOWN_CONTENT;
	case SK_CONTENT_LUKS1:
	case SK_CONTENT_LUKS2:
		return SK_MEDIUM_FOREIGN_ENCRYPTION;
	default:
		return SK_REASON_NONE;
	}
}

/* How old the definitions are is known when they are loaded. */
static bool scanner_is_loading(const Core *core)
{
	return !core->scanner_told || core->scanner_state.state == SK_SCANNER_LOADING;
}

static bool is_waiting_for_disk(const Core *core, const Volume *volume)
{
	const Volume *disk = volume->partition > 0 ? volumes_find(core, volume->disk) : NULL;

	return disk && !disk->facts && disk->state != VOLUME_REFUSED;
}

/* A hybrid image is one volume: its partition table is decoration. */
static bool belongs_to_whole_disk(const Core *core, const Volume *volume)
{
	const Volume *disk = volume->partition > 0 ? volumes_find(core, volume->disk) : NULL;

	return disk && disk->facts && disk->facts->content != SK_CONTENT_PARTITIONS;
}

/* Everything is known but who sits there and whether files can be checked. */
static void advance_to_mount(Core *core, Volume *volume)
{
	int64_t now_sec = time(NULL);
	SkReason refused;

	if (!records_work(core)) {
		volume_refuse(core, volume, SK_RECORDS_FAIL, NULL);
		return;
	}
	if (volume->decision.media.scan) {
		if (scanner_ensure(core) < 0 || scanner_is_loading(core)) {
			volume_wait(core, volume, SK_REASON_NONE);
			return;
		}
		refused = decide_definitions(&core->scanner_state, core->settings, now_sec);
		if (refused == SK_DEFINITIONS_AGEING) {
			scanner_warn_of_age(core, (now_sec - core->scanner_state.definitions_time) / DAY_SEC);
		} else if (refused) {
			volume_refuse(core, volume, refused, core->scanner_state.detail);
			return;
		}
	}
	if (!core->session.present) {
		volume_wait(core, volume, SK_MEDIUM_NO_USER);
		return;
	}
	mounting_start(core, volume);
}

static void decide(Core *core, Volume *volume)
{
	SkReason refused = refuse_by_content(volume->facts, volume->partition);

	decide_medium(core, devices_find(core, volume->usb), volume->bus, &volume->decision);
	if (trial_mode(core) != SK_MODE_ENFORCE) {
		volume->state = VOLUME_LEARNED;
		volume->code = SK_MEDIUM_LEARNED;
		if (refused)
			volume->decision.would = refused;
		record_volume(core, volume, "medium.learned", SK_MEDIUM_LEARNED, NULL);
	} else if (refused) {
		volume_refuse(core, volume, refused, NULL);
	} else if (volume->decision.code != SK_MEDIUM_READ_ONLY) {
		volume_refuse(core, volume, volume->decision.code, NULL);
	} else {
		advance_to_mount(core, volume);
	}
}

static bool is_container(const Volume *volume)
{
	return volume->partition == 0 && volume->facts && volume->facts->state == SK_BLOCK_FACTS_OK &&
	       volume->facts->content == SK_CONTENT_PARTITIONS;
}

static bool has_partitions(const Core *core, const Volume *disk)
{
	for (const Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->partition > 0 && sk_str_eq(volume->disk, disk->sysname))
			return true;
	return false;
}

static int on_partitions_missing(sd_event_source *source, uint64_t usec, void *userdata)
{
	Volume *volume = userdata;

	stop_probe(volume);
	if (volume->state == VOLUME_CONTAINER && !has_partitions(volume->core, volume))
		decide(volume->core, volume);
	return 0;
}

/* Its partitions are the volumes; a table of which the kernel makes none is a medium that does not open. */
static void become_container(Core *core, Volume *volume)
{
	volume->state = VOLUME_CONTAINER;
	volume->code = SK_REASON_NONE;
	if (has_partitions(core, volume))
		return;
	if (volume->facts->n_partitions == 0 ||
		sd_event_add_time_relative(core->event, &volume->probe_timer, CLOCK_MONOTONIC,
			PARTITIONS_USEC, 0, on_partitions_missing, volume) < 0)
		decide(core, volume);
}

/* One came late, after its disk was said to have none. */
static void partition_appeared(Core *core, const Volume *volume)
{
	Volume *disk = volume->partition > 0 ? volumes_find(core, volume->disk) : NULL;

	if (disk && is_container(disk)) {
		stop_probe(disk);
		become_container(core, disk);
	}
}

void volume_advance(Core *core, Volume *volume)
{
	if (volume->bus == SK_BUS_INTERNAL || !volume->medium_present)
		return;
	if (volume->state == VOLUME_WAITING) {
		advance_to_mount(core, volume);
		return;
	}
	if (volume->state != VOLUME_NEW)
		return;
	if (is_waiting_for_disk(core, volume) || belongs_to_whole_disk(core, volume))
		return;
	if (!volume->facts)
		start_probe(core, volume);
	else if (is_container(volume))
		become_container(core, volume);
	else
		decide(core, volume);
}

void volumes_advance_all(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		volume_advance(core, volume);
}

void volumes_cause_gone(Core *core, SkReason code)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		if (volume->state != VOLUME_REFUSED || volume->code != code)
			continue;
		volume->state = VOLUME_NEW;
		volume_advance(core, volume);
	}
}

/* What is open stays open only when it would be opened in the same way again. */
static bool is_decided_alike(Core *core, const Volume *volume)
{
	const MediaDecision *was = &volume->decision.media;
	Decision decision;

	decide_medium(core, devices_find(core, volume->usb), volume->bus, &decision);
	return decision.code == SK_MEDIUM_READ_ONLY && decision.media.scan == was->scan &&
	       decision.media.import_copy == was->import_copy &&
	       decision.media.refuse_types == was->refuse_types;
}

/* New rules or another mode: what is refused or only learned is looked at again, what is open is closed if
 * need be. */
void volumes_decide_all(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		if (volume->state == VOLUME_MOUNTED) {
			if (is_decided_alike(core, volume))
				continue;
			mounting_detach(core, volume);
			volume->state = VOLUME_NEW;
		} else if (volume->state == VOLUME_REFUSED || volume->state == VOLUME_LEARNED ||
			   volume->state == VOLUME_WAITING) {
			volume->state = VOLUME_NEW;
		}
		volume_advance(core, volume);
	}
}

/* A medium belongs to who was signed in when it was opened; nobody else gets to see it. */
void volumes_session_changed(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		if (volume->state == VOLUME_MOUNTED &&
			(!core->session.present || core->session.uid != volume->uid)) {
			mounting_detach(core, volume);
			volume->state = VOLUME_NEW;
		}
		volume_advance(core, volume);
	}
}

void volumes_device_decided(Core *core, const char *usb)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (sk_str_eq(volume->usb, usb))
			volume_advance(core, volume);
}

static void volume_clear(Core *core, Volume *volume)
{
	stop_probe(volume);
	if (volume->state == VOLUME_MOUNTED) {
		record_volume(core, volume, "medium.pulled", SK_MEDIUM_PULLED, NULL);
		mounting_detach(core, volume);
	}
	free(own_take(volume->facts));
	volume->id = ++core->last_volume; /* answers about what was there before are about another volume */
	volume->state = VOLUME_NEW;
	volume->code = SK_REASON_NONE;
	volume->detail[0] = 0;
}

static void volume_free(Core *core, Volume *volume)
{
	HASH_DEL(core->volumes, volume);
	volume_clear(core, volume);
	free(volume);
}

static Volume *volume_new(Core *core, const char *sysname)
{
	Volume *volume = calloc(1, sizeof(*volume));

	if (!volume)
		return NULL;
	volume->id = ++core->last_volume;
	volume->core = core;
	volume->root_fd = -1;
	sk_str_copy(volume->sysname, sizeof(volume->sysname), sysname);
	HASH_ADD_STR(core->volumes, sysname, volume);
	return volume;
}

void volumes_add(Core *core, const SkBlockAdded *added)
{
	Volume *volume = volumes_find(core, added->sysname);

	if (volume && volume->major == added->major && volume->minor == added->minor &&
		volume->size == added->size && volume->medium_present == added->medium_present) {
		volume->told = true; /* told again, or an event without news */
		return;
	}
	if (volume)
		volume_clear(core, volume);
	else if (!(volume = volume_new(core, added->sysname)))
		return; /* stays root's own */
	memcpy(volume->disk, added->disk, sizeof(volume->disk));
	memcpy(volume->usb, added->usb, sizeof(volume->usb));
	volume->major = added->major;
	volume->minor = added->minor;
	volume->partition = added->partition;
	volume->bus = added->bus;
	volume->size = added->size;
	volume->medium_present = added->medium_present;
	volume->present_at_start = added->present_at_start;
	volume->told = true;
	partition_appeared(core, volume);
	volume_advance(core, volume);
}

void volumes_remove(Core *core, const char *sysname)
{
	Volume *volume = volumes_find(core, sysname);

	if (volume)
		volume_free(core, volume);
}

void volumes_begin_enumeration(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		volume->told = false;
		/* Orders of this step died with the monitor. */
		if (volume->state == VOLUME_OPENING)
			volume->state = VOLUME_NEW;
	}
}

void volumes_end_enumeration(Core *core)
{
	Volume *volume, *next;

	HASH_ITER (hh, core->volumes, volume, next)
		if (!volume->told)
			volume_free(core, volume);
	volumes_advance_all(core);
}

void volumes_close(Core *core)
{
	Volume *volume, *next;

	HASH_ITER (hh, core->volumes, volume, next) {
		HASH_DEL(core->volumes, volume);
		stop_probe(volume);
		mounting_forget(core, volume);
		free(volume->facts);
		free(volume);
	}
}
