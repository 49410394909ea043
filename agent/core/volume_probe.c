/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/volume_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/volume_decide.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/check.h"

/* Reading the first blocks of a slow or failing medium. */
#define PROBE_USEC (15 * 1000000ULL)
/* The monitor runs a few probes at a time; a disk may have many partitions. */
#define PROBE_AGAIN_USEC 100000

void volume_probe_stop(Volume *volume)
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

	volume_probe_stop(volume);
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

static int on_probe_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	Volume *volume = userdata;

	volume->probe_timer = sd_event_source_disable_unref(volume->probe_timer);
	volume_probe_start(volume->core, volume);
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

void volume_probe_start(Core *core, Volume *volume)
{
	SkBlockOrder order = {.major = volume->major, .minor = volume->minor};

	memcpy(order.sysname, volume->sysname, sizeof(order.sysname));
	volume->state = VOLUME_PROBING;
	monitor_order_block(core, SK_MONITOR_BLOCK_PROBE, &order, on_probe_started);
}
