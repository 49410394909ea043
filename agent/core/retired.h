/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Gates of volumes that were detached while somebody stood in them, or that nobody knows any more: they deny
 * until their file system has gone.
 */
#include "lib/gate/gate.h"

typedef struct Core Core;

/* Takes the gate, started or not. */
void retired_add(Core *core, SkGate *gate);

/* Takes a group that an earlier core has left. */
void retired_add_group(Core *core, int group_fd);

void retired_close(void);
