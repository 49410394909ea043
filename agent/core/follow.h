/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Carry-out media that are open for writing: what is on them before anybody writes, what is written, and what
 * is on them when they are closed (manifest.h, lib/slip/slip.h).
 *
 * - begin: the file system is still read-only: all names and identities are listed, then it may be written to
 * - open: what is closed after writing is read and checked by the scanner a moment later (follow_jobs.c)
 * - close: unmounted and read-only again, so nobody writes: one walk lists everything and reads what is not
 *   known, the slip is signed and stored, and a second look says that nothing changed meanwhile
 *   (follow_close.c)
 * - cut: pulled out, or no longer allowed: what was noted is signed as what it is, not complete
 *
 * The kernel hears of each file that was open for writing when its last user is gone (FAN_CLOSE_WRITE),
 * mappings and io_uring included; that says who and when. What leaves no such event (truncate by path,
 * rename, delete) is found by the walk.
 */
#include "agent/core/peer_media.h"
#include "agent/core/volumes.h"
#include "lib/ipc/proto_scanner.h"

typedef struct Follow Follow;

/* Called once: 0, it may be written to; negative errno: it was not followed, so it must be closed. */
typedef void (*FollowReady)(Core *core, Volume *volume, int result);

/* A medium that was just mounted for writing, with its gate; session: of an earlier core, or NULL. */
int follow_begin(Core *core, Volume *volume, FollowReady ready);

/* After mounts_adopt(): goes on with what an earlier core followed, and tells the console of what nobody
 * could. */
void follow_adopt(Core *core);

/* Unmounts it and closes its manifest; done is called as that of media_unmount(). */
void follow_close(Core *core, Volume *volume, UnmountDone done, void *userdata);

/*
 * A medium that came back, open for reading: everything is read and checked, and the list is signed for the
 * console. code: SK_INSPECTION_MADE, and how many files; or why not. Called once, perhaps before this
 * returns.
 */
typedef void (*FollowInspected)(void *userdata, SkReason code, const char *detail);
void follow_inspect(Core *core, const char *sysname, FollowInspected done, void *userdata);

/* It is gone, or must be cut off now. reason: of SkSlip. Nothing when it is not followed. */
void follow_cut(Core *core, Volume *volume, const char *reason);

/* It was unmounted and that is all; or core ends and another one goes on. */
void follow_forget(Volume *volume);

/* Of gates.c: may this open go on without being checked? Return: 1 yes, 0 ask, -1 no. */
int follow_judge(Volume *volume, SkGateEvent *event);

/* Results of the scanner for a volume that is followed. Return: true: it was for us alone. */
bool follow_result(Core *core, Volume *volume, const SkScanResult *result);
bool follow_walk_done(Core *core, Volume *volume, const SkScanWalkDone *done);
void follow_scanner_connected(Core *core, Volume *volume);
void follow_scanner_lost(Core *core, Volume *volume);

/* The scanner is needed. */
bool follow_is_busy(const Volume *volume);
