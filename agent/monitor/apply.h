/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Carries out what core decided about one USB device. Nothing of the order is believed: the name is checked
 * against its grammar, the device against bus and device number, its descriptors against the digest of the
 * decision before it is configured and again after.
 */
#include <stdbool.h>

#include "lib/ipc/proto_monitor.h"

#define USB_DEVICES "/sys/bus/usb/devices"
#define USB_DRIVERS_PROBE "/sys/bus/usb/drivers_probe"

/* Room of the device's raw descriptors: 18 bytes and at most 255 configurations of 65,535 bytes in theory;
 * the kernel accepts 8 configurations. */
#define USB_DESCRIPTORS_MAX (18 + 8 * 65535)

/* Is the order one that could be meant for some device? Pure. */
bool usb_order_check(const SkUsbApply *order);

/*
 * Blocks as long as the device makes it: call from a job. ret_detail: one line for the record.
 * Return: 0 done; -EINVAL order malformed; -ENODEV gone or another one by now; -ESTALE other descriptors than
 * those decided on (a device that this order authorised loses that again); -EPERM root hub, or a system disk
 * below; other negative errno of the kernel.
 */
int usb_apply(const SkUsbApply *order, char ret_detail[256]);

/* No device of a new bus is authorised by itself. */
int usb_deny_by_default(const char *root_hub);

/* The same for every bus that is there, and the reverse: only watching. */
int usb_deny_all(void);
int usb_release_all(void);
