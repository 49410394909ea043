/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * core's side of the talk with sekisho-media, one question at a time, for tests.
 */
#include "lib/ipc/chan.h"
#include "lib/ipc/proto_media.h"

/* Connects as that user, waiting until the server is there (5 s). Return: 0 or negative errno. */
int media_client_connect(const char *path, uid_t uid, SkChan **ret_chan);

/* Return: 0 when an answer came (its own result is inside; descriptors are -1 when it has none), or negative
 * errno; -ECONNRESET the server hung up. */
int media_client_mount(
	SkChan *chan, const SkMediaMount *request, int device_fd, SkMediaMounted *ret_answer, int ret_fds[2]);
int media_client_kept(SkChan *chan, uint64_t volume, SkAnswer *ret_answer);
/* Also the places that were told, and how many (those beyond 4 are counted only). */
typedef struct MediaPlaces {
	size_t n;
	char paths[4][512];
} MediaPlaces;

int media_client_list(SkChan *chan, MediaPlaces *ret_places);
int media_client_unmount(SkChan *chan, const char *path, bool lazy, SkAnswer *ret_answer);
