/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Watches /dev: a node of a medium, or a SCSI pass-through node (with which a disk can be read and written
 * past the block layer), that somebody opens up to others is closed again. The udev rules do it first; this
 * sees that they took, and that nothing undoes them.
 */
#include "agent/monitor/monitor.h"

int nodes_watch(Monitor *monitor);

/* Enforcing began or ended: nodes of pass-through become root's alone, or the system's again. */
void nodes_mode_changed(const Monitor *monitor);
