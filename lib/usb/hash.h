/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The device hash of USBGuard 1.1: base64 of SHA-256 over name, vendor and product id as four hexadecimal
 * digits, serial, and the raw descriptors. The release number of Linux root hubs counts as 0 there, so that a
 * new kernel does not change the hash. Rules written for USBGuard stay valid.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc/proto_probe.h"

/* facts: product, serial and the two ids are used. The descriptors have been parsed without fault. */
void sk_usb_hash(
	const SkUsbFacts *facts, const uint8_t *descriptors, size_t size, char ret_hash[SK_USB_HASH_SIZE]);

/* The same form for a text: what USBGuard gives as parent-hash of a root hub, over the controller's DEVPATH.
 */
void sk_usb_hash_text(const char *text, char ret_hash[SK_USB_HASH_SIZE]);
