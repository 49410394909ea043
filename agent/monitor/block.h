/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Disks and partitions: which are present, made read-only before core hears of them, and core's orders about
 * them. Virtual ones (loop, dm, md, zram) are no media and are passed over.
 */
#include "agent/monitor/monitor.h"

/* A uevent said so. usec: when it was read. */
void block_added(Monitor *monitor, const char *sysname, uint64_t usec);
void block_removed(Monitor *monitor, const char *sysname);
/* The medium was changed, or the disk resized. */
void block_changed(Monitor *monitor, const char *sysname, uint64_t usec);

/* As in usb.h. */
void block_rescan(Monitor *monitor);
void block_tell_all(Monitor *monitor);

/* Enforcing began or ended: media become read-only and root's, or the system's again. */
void block_mode_changed(Monitor *monitor);

/* Is this present, and not internal: is its node ours to guard? */
bool block_is_guarded(const Monitor *monitor, const char *sysname, dev_t *ret_dev);

/* Is the order one that could be meant for some block device? Pure. */
bool block_order_check(const SkBlockOrder *order);

/* BLOCK_PROBE, BLOCK_OPEN, BLOCK_EJECT: carried out on a thread, answered when done. */
void block_order(Monitor *monitor, const SkBlockOrder *order);
