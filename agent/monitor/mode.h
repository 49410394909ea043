/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Whether the monitor enforces or only watches: see SkMonitorMode. Jobs on threads ask too.
 */
#include "agent/monitor/monitor.h"

#define MODE_RUN_FLAG "enforce" /* beneath the run directory; the udev rules test for it */

/* Before the jail. Keeps a descriptor of the run directory. Return: 0 or negative errno. */
int mode_open(const char *run_directory, const char *conf_directory);

bool mode_is_enforcing(void);

/* Changes what is present to fit: buses, read-only media, nodes. Return: 0 or negative errno. */
int mode_set(Monitor *monitor, bool enforcing);
