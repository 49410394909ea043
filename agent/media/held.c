/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "agent/media/target.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/gate/gate.h"
#include "lib/log/log.h"

#define NEEDED_USEC 1000000

struct MediaHeld {
	MediaHeld *prev, *next;
	Media *media;
	uint64_t volume;
	char path[512];
	int group_fd;
	bool shut; /* until the file system is gone */
	sd_event_source *timer;
};

static void held_free(MediaHeld *held)
{
	Media *media = held->media;

	DL_DELETE(media->held, held);
	sd_event_source_disable_unref(held->timer);
	if (held->group_fd >= 0)
		close(held->group_fd);
	free(held);
	media_idle_check(media);
}

static int on_needed_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	MediaHeld *held = userdata;

	if (!sk_gate_is_needed(held->group_fd)) {
		held_free(held);
		return 0;
	}
	sd_event_source_set_time_relative(source, NEEDED_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_timer(MediaHeld *held, uint64_t usec, sd_event_time_handler_t handler)
{
	held->timer = sd_event_source_disable_unref(held->timer);
	int r = sd_event_add_time_relative(
		held->media->event, &held->timer, CLOCK_MONOTONIC, usec, 0, handler, held);

	return r < 0 ? r : 0;
}

/*
 * Without reading from it: two readers of one group, core being the other, could answer each other's events,
 * which have numbers of each reader's own. So whoever still stands in the medium and opens a file waits until
 * killed.
 */
static void shut(MediaHeld *held)
{
	held->shut = true;
	if (start_timer(held, NEEDED_USEC, on_needed_timer) < 0)
		sk_log(LOG_ERR, "no memory for a timer: a gate is held for ever");
}

static int on_not_kept(sd_event_source *source, uint64_t usec, void *userdata)
{
	MediaHeld *held = userdata;
	int r = media_target_detach(held->media->base_fd, held->media->base, held->path, true);

	sk_log(LOG_WARNING, "volume %llu at %s is detached: core did not keep its gate (%d)",
		(unsigned long long)held->volume, held->path, r);
	shut(held);
	return 0;
}

int media_held_add(Media *media, uint64_t volume, const char *path, int group_fd)
{
	MediaHeld *held = calloc(1, sizeof(*held));

	if (!held)
		return -ENOMEM;
	held->media = media;
	held->volume = volume;
	sk_str_copy(held->path, sizeof(held->path), path);
	DL_APPEND(media->held, held);
	held->group_fd = fcntl(group_fd, F_DUPFD_CLOEXEC, 3);
	int r = held->group_fd < 0 ? -errno : start_timer(held, media->kept_usec, on_not_kept);

	if (r < 0)
		held_free(held);
	return r;
}

int media_held_release(Media *media, uint64_t volume)
{
	MediaHeld *held;

	DL_FOREACH (media->held, held) {
		if (held->volume == volume && !held->shut) {
			held_free(held);
			return 0;
		}
	}
	return -ENOENT;
}

void media_held_shut(Media *media, const char *path)
{
	MediaHeld *held;

	DL_FOREACH (media->held, held) {
		if (!held->shut && sk_str_eq(held->path, path)) {
			shut(held);
			return;
		}
	}
}
