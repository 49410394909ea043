/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One child process per request (work.h), and what it hands back.
 */
#include <systemd/sd-event.h>

#include "agent/media/prepare.h"
#include "agent/media/work.h"
#include "lib/ipc/chan.h"

/* Media plugged in at once are few; a device that does not answer occupies its worker for minutes. */
#define MEDIA_WORKERS_MAX 16

/* A worker that has not answered by then is given up, and its request fails with -ETIMEDOUT. */
#define MEDIA_MOUNT_SECONDS 120
#define MEDIA_LONG_SECONDS                                                                                   \
	3600 /* copies, formats, what is still to be written; an erasure, without progress */

/* What a worker may send. */
extern const SkMsgSpec media_worker_specs[];

/* What it did; only for the time of the call. The descriptors (-1: none) are the receiver's. */
typedef struct MediaDone {
	int result; /* 0 or negative errno */
	MediaPrepared prepared;
	MediaDetail detail;
	SkMediaFormatted formatted; /* of a format with result 0 */
	SkMediaRekeyed rekeyed;	    /* likewise */
	SkMediaErased erased;	    /* likewise */
} MediaDone;

typedef struct MediaWorkerCalls {
	/* Called exactly once, when the worker is gone or was given up. */
	void (*done)(void *userdata, const MediaWork *work, MediaDone *done);
	/* A question for core (SkMediaEvaluate, SkMediaLeaseAsk; the cookie is the worker's number) or its
	 * progress. */
	void (*tell)(void *userdata, const SkHead *message);
	void *userdata;
} MediaWorkerCalls;

/* What work points to is copied, but for base, which must live on. Return: 0, -EAGAIN too many work already,
 * or other negative errno. */
int media_worker_start(sd_event *event, const MediaWork *work, const MediaWorkerCalls *calls);

/* Core's answer, to the worker whose number the cookie is. One that has ended does not miss it. */
void media_worker_answer(const SkHead *message);

/* How many work. */
unsigned media_workers(void);
