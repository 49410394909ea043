/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/volume_decide.h"

#include <sys/epoll.h>
#include <time.h>

#include "agent/core/burning.h"
#include "agent/core/carry.h"
#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/mounting.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/records.h"
#include "agent/core/volume_probe.h"
#include "agent/core/volume_record.h"
#include "lib/base/str.h"

/* The kernel tells of a disk first, then of its partitions. */
#define PARTITIONS_USEC (3 * 1000000ULL)
#define DAY_SEC 86400
/* systemd keeps two descriptors of each (FileDescriptorStoreMax=), and drops what is more: a gate that it
 * does not keep would be open between two lives of core. */
#define OPEN_MAX 30

/* What the content alone decides. Return: a code to refuse with, or SK_REASON_NONE. */
static SkReason refuse_by_content(const SkBlockFacts *facts, uint32_t partition)
{
	if (facts->state != SK_BLOCK_FACTS_OK)
		return SK_MEDIUM_DAMAGED;
	switch (facts->content) {
	case SK_CONTENT_PARTITIONS: /* inside a partition nobody looks further */
		return partition == 0 ? SK_MEDIUM_NO_PARTITION : SK_MEDIUM_UNKNOWN_CONTENT;
	case SK_CONTENT_ERASED:
		return sk_str_eq(facts->type_name, "done") ? SK_MEDIUM_OVERWRITTEN : SK_ERASURE_CUT;
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

static bool has_room(const Core *core)
{
	unsigned n_open = 0;

	for (const Volume *volume = core->volumes; volume; volume = volume->hh.next)
		n_open += volume->state == VOLUME_MOUNTED || volume->state == VOLUME_OPENING;
	return n_open < OPEN_MAX;
}

SkReason volume_why_not(Core *core, const Volume *volume)
{
	SkReason refused = SK_REASON_NONE;

	if (!records_work(core))
		return SK_RECORDS_FAIL;
	if (volume->decision.media.scan) {
		if (scanner_ensure(core) < 0)
			return SK_MEDIUM_DEFINITIONS_MISSING;
		if (!scanner_is_loading(core))
			refused = decide_definitions(&core->scanner_state, core->settings, time(NULL));
		if (refused && refused != SK_DEFINITIONS_AGEING)
			return refused;
	}
	if (!core->session.present)
		return SK_MEDIUM_NO_USER;
	return has_room(core) ? SK_REASON_NONE : SK_MEDIUM_TOO_MANY;
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
	if (!has_room(core)) {
		volume_refuse(core, volume, SK_MEDIUM_TOO_MANY, NULL);
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
	} else if (carry_is_ours(volume)) {
		carry_decide(core, volume);
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

	volume_probe_stop(volume);
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
void volume_partition_appeared(Core *core, const Volume *volume)
{
	Volume *disk = volume->partition > 0 ? volumes_find(core, volume->disk) : NULL;

	if (disk && is_container(disk)) {
		volume_probe_stop(disk);
		become_container(core, disk);
	}
}

void volume_advance(Core *core, Volume *volume)
{
	if (volume->bus == SK_BUS_INTERNAL || !volume->medium_present || burning_holds(core, volume))
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
		volume_probe_start(core, volume);
	else if (is_container(volume))
		become_container(core, volume);
	else
		decide(core, volume);
}

/* What is open stays open only when it would be opened in the same way again. */
bool volume_is_decided_alike(Core *core, const Volume *volume)
{
	const MediaDecision *was = &volume->decision.media;
	Decision decision;

	decide_medium(core, devices_find(core, volume->usb), volume->bus, &decision);
	return decision.code == SK_MEDIUM_READ_ONLY && decision.media.scan == was->scan &&
	       (!volume->writable || decision.media.handling == MEDIA_CARRY_OUT) &&
	       decision.media.import_copy == was->import_copy &&
	       decision.media.refuse_types == was->refuse_types;
}
