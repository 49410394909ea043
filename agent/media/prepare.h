/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * From a block device to a gated mount that nobody sees yet. Everything that waits for the medium happens
 * here, in a worker process: a stick that does not answer holds up nobody else.
 */
#include "agent/media/mount.h"
#include "agent/media/work.h"

typedef struct MediaPrepared {
	int mount_fd, group_fd, root_fd;
} MediaPrepared;

/* For workers: the process ends after it, and with it what it opened in vain. Return: 0 and three descriptors
 * that the caller closes, or negative errno as SkMediaMounted.result documents it. */
int media_prepare(const MediaWork *work, MediaPrepared *ret_prepared, MediaDetail *detail);
