/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * From the decision "may be read" to a mount with a gate, and back: open (monitor), mount (media), gate and
 * scan (gates.c), unmount (media), eject (monitor).
 *
 * The gate of a volume outlives core: its descriptor lies in systemd's descriptor store, and what else is
 * needed to go on with it in STATE/volumes.json (mounts.h).
 */
#include "agent/core/volumes.h"
#include "lib/ipc/proto_media.h"

void mounting_start(Core *core, Volume *volume);

/* Who sits there, for an order to media. */
void mounting_fill(const Core *core, const Volume *volume, SkMediaMount *mount);

/*
 * A mount that media made for a volume that was being opened: its gate, its scan, its record with this code.
 * Takes the two descriptors. Return: 0, or negative errno: the volume is refused.
 */
int mounting_take(Core *core, Volume *volume, const SkMediaMounted *mounted, int *fds, SkReason code);

/* Why media could not mount it. */
SkReason mounting_reason(int error);

/* The device or its user is gone: detached at once; who still holds a file of it opens nothing more. */
void mounting_detach(Core *core, Volume *volume);

/* Core ends: mounts and gates stay as they are for the next core. */
void mounting_forget(Core *core, Volume *volume);

/*
 * Unmounts all volumes of the disk that sysname is or lies on, then lets the medium go. done is called once,
 * now or later: 0, -ENOENT, -EBUSY (detail names who uses it), other errno.
 */
typedef void (*EjectDone)(void *userdata, int result, const char *detail);
int mounting_eject(Core *core, const char *sysname, const char *actor, EjectDone done, void *userdata);
