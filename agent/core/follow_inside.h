/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Inside of follow*.c. */
#include "agent/core/follow.h"
#include "agent/core/manifest.h"
#include "agent/core/slip_store.h"

/* Cookies of walks; the number of a file is in the lower half of those of files. */
#define FOLLOW_WALK (UINT64_C(1) << 63)
#define FOLLOW_FILE (UINT64_C(1) << 62)

typedef enum FollowPhase {
	FOLLOW_LISTING, /* read-only: what is there */
	FOLLOW_THAWING,
	FOLLOW_OPEN,
	FOLLOW_UNMOUNTING,
	FOLLOW_SETTLING, /* events that are on their way */
	FOLLOW_READING,	 /* the walk that is the truth */
	FOLLOW_STORING,
	FOLLOW_LOOKING, /* is it still as it was? */
} FollowPhase;

typedef struct FollowJob FollowJob;
typedef struct Opener Opener;

struct Follow {
	Core *core;
	Volume *volume;
	FollowPhase phase;
	Manifest *manifest;
	SkSlip slip; /* so far */
	int64_t session;
	uint64_t definitions; /* by which what was there before anybody wrote was judged */
	FollowReady ready;
	FollowJob *jobs, *jobs_by_ino; /* those that wait */
	FollowJob *sent;
	unsigned n_sent;
	uint64_t written_usec; /* when something was closed last */
	sd_event_source *timer;
	Opener *openers;
	bool walking, overflow;
	FollowInspected inspected; /* of one that is inspected, and nothing else */
	unsigned infected;
	/* closing */
	UnmountDone done;
	void *userdata;
	unsigned attempts;
	bool unread;
	char *envelope, *content;
	size_t content_size;
};

/* Times of files on exfat have steps of 10 ms: what is read sooner after a change could change again unseen.
 */
#define FOLLOW_SETTLE_NSEC INT64_C(20000000)

/* follow_jobs.c */
void follow_drop_jobs(Follow *follow);
void follow_forget_openers(Follow *follow);
/* Sends what has settled to the scanner, and says when to look again. */
void follow_send_jobs(Follow *follow);
/* Has the gate tell of what is written, and, while it is open for it, let empty files be made. */
void follow_watch(Volume *volume, bool open);
/* The answer to a job. */
void follow_take_file(Follow *follow, const SkScanResult *result);

/* follow.c */
/* Asks for the walk of the phase. */
void follow_walk(Follow *follow);
ManifestContent follow_content(const SkScanResult *result);

/* follow_close.c */
void follow_listed(Follow *follow, const SkScanWalkDone *done);
/* Signs what is known, into envelope and content. reason: "" when it is complete. Return: 0 or negative
 * errno. */
int follow_sign(Follow *follow, bool partial, const char *reason);
