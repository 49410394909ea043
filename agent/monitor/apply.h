/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Carries out what core decided about one USB device. Nothing of the order is believed: the name is checked
 * against its grammar, the device against bus and device number, its descriptors against the digest of the
 * decision before it is configured and again after.
 */
#include <stdbool.h>

#include "agent/monitor/usb_handle.h"
#include "lib/ipc/proto_monitor.h"

#define USB_DRIVERS_PROBE "/sys/bus/usb/drivers_probe"

/* Is the order one that could be meant for some device? Pure. */
bool usb_order_check(const SkUsbApply *order);

/*
 * Blocks as long as the device makes it: call from a job. *handle: what is open of the device; NULL: opened
 * here, by name. The caller frees it in any case. ret_detail: one line for the record.
 * Return: 0 done; -EINVAL order malformed; -ENODEV gone or another one by now; -ESTALE other descriptors than
 * those decided on (a device that this order authorised loses that again); -EPERM root hub, or a system disk
 * below; other negative errno of the kernel.
 */
int usb_apply(const SkUsbApply *order, UsbHandle **handle, char ret_detail[256]);

/* No device of a new bus is authorised by itself. */
int usb_deny_by_default(const char *root_hub);

/* The same for every bus that is there, and the reverse: only watching. */
int usb_deny_all(void);
int usb_release_all(void);
