/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Input devices that the kernel has bound, whatever bus they are on: core counts keyboards and pointers.
 */
#include "agent/monitor/monitor.h"

/* As in usb.h. */
void input_added(Monitor *monitor, const char *sysname, uint64_t usec);
void input_removed(Monitor *monitor, const char *sysname);
void input_rescan(Monitor *monitor);
void input_tell_all(Monitor *monitor);
