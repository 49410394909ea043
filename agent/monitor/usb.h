/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * USB devices: which are present, and telling core about them with a probe at work on each.
 */
#include "agent/monitor/monitor.h"
#include "agent/monitor/uevent.h"

/* A uevent said so, and its name is one of a USB device. usec: when it was read. */
void usb_added(Monitor *monitor, const Uevent *event, uint64_t usec);
void usb_removed(Monitor *monitor, const char *sysname);

/* Compares with sysfs and tells the differences: after an overrun, and before an enumeration. */
void usb_rescan(Monitor *monitor);
/* Tells all, parents first. */
void usb_tell_all(Monitor *monitor);
/* A probe ended: tells the next that waits. */
void usb_tell_waiting(Monitor *monitor);
/* Core is gone: what waits for it need not be told. */
void usb_forget_waiting(Monitor *monitor);

/* Order: carried out on a thread, answered when done. */
void usb_order(Monitor *monitor, const SkUsbApply *order);
