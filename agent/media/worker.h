/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One child process per mount request (prepare.h), and what it hands back.
 */
#include <systemd/sd-event.h>

#include "agent/media/prepare.h"
#include "lib/ipc/chan.h"

/* Media plugged in at once are few; a device that does not answer occupies its worker for minutes. */
#define MEDIA_WORKERS_MAX 16

/* A worker that has not answered by then is given up, and its request fails with -ETIMEDOUT. */
#define MEDIA_MOUNT_SECONDS 120
#define MEDIA_COPY_SECONDS 3600

/* What a worker may send. */
extern const SkMsgSpec media_worker_specs[];

/* result: 0 or negative errno. The descriptors (-1: none) are the receiver's. Called exactly once, when the
 * worker is gone or was given up. */
typedef void (*MediaWorkerDone)(void *userdata, const SkMediaMount *request, int result,
	const MediaPrepared *prepared, const MediaDetail *detail);

/* Return: 0, -EAGAIN too many work already, or other negative errno. */
int media_worker_start(sd_event *event, const MediaPrepareOrder *order, MediaWorkerDone done, void *userdata);

/* How many work. */
unsigned media_workers(void);
