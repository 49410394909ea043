/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who opens a file of a medium waits until its own verdict is known; this is where it is asked for and given.
 */
#include "agent/core/volumes.h"
#include "lib/ipc/proto_scanner.h"

/* Begins to answer for the volume. Takes the group descriptor. Return: 0 or negative errno. */
int gates_open(Core *core, Volume *volume, int group_fd, bool inherited);

/*
 * The volume is unmounted. Somebody may still stand in one of its directories: from now on everything is
 * denied there. keep: core ends, the group lives on in the descriptor store.
 */
void gates_close(Core *core, Volume *volume);
void gates_leave(Volume *volume);

/* Files of the volume that were judged are opened without being asked for, while nobody can have written to
 * them (lib/gate/gate.h). Forgotten: they are judged again, as when definitions changed. */
void gates_keep(Volume *volume);
void gates_forget_all(Core *core);

/* Begins, or begins again, the scan of everything in the background. */
void gates_walk(Core *core, Volume *volume);

/* From peer_scanner.c. */
void gates_result(Core *core, const SkScanResult *result);
void gates_walk_done(Core *core, const SkScanWalkDone *done);
void gates_scanner_connected(Core *core);
void gates_scanner_lost(Core *core);

/* Malware in what was just written; path: from the root of the medium. */
void gates_tell_found(
	Core *core, const Volume *volume, const SkScanResult *result, const char *path, uid_t uid);

/* Is anything asked of the scanner that it has not answered? */
bool gates_are_busy(const Core *core);
