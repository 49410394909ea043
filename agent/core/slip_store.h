/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What core must know of media that are open for writing when it is killed, and the slips that the uplink has
 * not taken on yet: STATE/manifests.db. Who is noted by one transaction a second; what is signed is on the
 * disk before anybody is told.
 */
#include "agent/core/manifest.h"

typedef struct Core Core;
typedef struct SlipStore SlipStore;

int slip_store_open(Core *core);
void slip_store_close(Core *core);

/* Of the next slip: ms since 1970 and more than any before. */
uint64_t slip_store_serial(Core *core);

/* A medium is opened for writing; head: what its slip says already. Return: the session, or negative errno.
 */
int64_t slip_store_begin(Core *core, uint64_t volume, const SkSlip *head);
int slip_store_base(Core *core, int64_t session, const char *path, const SkFileId *file);
int slip_store_note(
	Core *core, int64_t session, const ManifestWritten *written, const ManifestContent *content);
/* On the disk with all that was told before. */
enum { SLIP_SESSION_LISTING, SLIP_SESSION_OPEN, SLIP_SESSION_CLOSING };
int slip_store_phase(Core *core, int64_t session, int phase);
/* It is over, with a slip (envelope not NULL) that the console is to have: on the disk at the end. */
typedef struct SlipOut {
	uint64_t serial;
	const char *envelope, *content;
	size_t size;
} SlipOut;
int slip_store_end(Core *core, int64_t session, const SlipOut *out);

/* A grant that is good for once is used: on the disk with the next slip_store_phase(). */
int slip_store_spend(Core *core, const char *grant);
bool slip_store_is_spent(const Core *core, const char *grant);

/* A session that an earlier core began. */
typedef struct SlipSession {
	int64_t session;
	bool this_boot;
	int phase;
	uint64_t volume;
	SkSlip head;
} SlipSession;
/* The first with a greater number than after. Return: 1, 0 there is none, negative errno. */
int slip_store_next(Core *core, int64_t after, SlipSession *ret_session);
int slip_store_load(Core *core, int64_t session, Manifest *manifest);

/* Sends what waits, as far as the uplink takes it; outbox.h is for what is small. */
void slip_store_send(Core *core);
