/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-media: mounts what core decided. Keeps no state of its own: what is mounted, the kernel knows, and
 * what for, core.
 */
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "agent/media/work.h"
#include "lib/ipc/chan.h"

typedef struct MediaPeer MediaPeer;
typedef struct MediaHeld MediaHeld; /* held.h */

typedef struct Media {
	sd_event *event;
	const char *base; /* "/media" */
	int base_fd;
	int listen_fd;
	uid_t client_uid;	  /* the only one that is listened to */
	MediaIdentity ntfs, luks; /* who these programs run as */
	uint64_t idle_usec;
	uint64_t kept_usec; /* how long core may take to keep a gate: SK_MEDIA_KEPT_SECONDS */
	sd_event_source *idle;
	MediaPeer *peers;
	MediaHeld *held;
} Media;

/* Ends the loop after idle_usec without connection, worker, gate held and child. Call after each change of
 * those. */
int media_idle_check(Media *media);

/* What core may send. */
extern const SkMsgSpec media_specs[];

/* Accepts connections of core from now on. Return: 0 or negative errno. */
int media_listen(Media *media);

/* Takes the descriptors held and drops everything else. Return: 0 or negative errno. */
int media_jail_enter(void);
