/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Events of the kernel itself, before udev has seen them. When so many came that some were lost, everything
 * is compared with sysfs again.
 */
#include "agent/monitor/monitor.h"

/* Opens the socket; call before the jail. Events are read once the loop runs. */
int uevents_watch(Monitor *monitor);
