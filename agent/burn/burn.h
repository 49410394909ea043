/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-burn: writes one disc and ends (lib/ipc/proto_burn.h says how). It holds the drive, which it cannot
 * choose, and an archive that is encrypted; it has no file, no network and no privilege.
 */
#include <stdbool.h>

#include "lib/ipc/chan.h"

/* What it takes. */
extern const SkMsgSpec burn_specs[];

/* Serves one connection of core. stand_in: as of drive_open(). Return: 0 (also: it failed, and core was
 * told), or negative errno. */
int burn_serve(int fd, bool stand_in);

int burn_jail_enter(void);
