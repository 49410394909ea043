/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The raw `descriptors` file of a USB device in sysfs: the device descriptor, then every configuration with
 * all that belongs to it (USB 2.0 chapter 9.6, USB 3.2 chapter 9.6). Hostile bytes: only the probe and
 * offline commands call this, never a process with privilege.
 *
 * Strict where a contradiction could hide a function (lengths, nesting, number of configurations and of
 * interfaces, doubled settings). The number of endpoints is not compared with bNumEndpoints: the kernel
 * corrects it, many harmless devices have it wrong, and no decision depends on it.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc/proto_probe.h"

/* The kernel keeps at most 8 configurations (USB_MAXCONFIG), each of at most 65535 bytes (wTotalLength). */
#define SK_USB_CONFIGURATIONS_MAX 8
#define SK_USB_DESCRIPTORS_MAX (18 + SK_USB_CONFIGURATIONS_MAX * 65535)

enum {
	SK_USB_TYPE_DEVICE = 1,
	SK_USB_TYPE_CONFIGURATION = 2,
	SK_USB_TYPE_INTERFACE = 4,
	SK_USB_TYPE_ENDPOINT = 5,
	SK_USB_TYPE_ASSOCIATION = 11,
};

/* One descriptor inside the file. bytes[0] is its length, bytes[1] its type; `size` bytes are readable, and
 * at least as many as its type needs (device 18, configuration 9, interface 9, endpoint 7). */
typedef struct SkUsbDescriptor {
	const uint8_t *bytes;
	uint32_t offset;
	uint8_t size;
	uint8_t type;
	uint8_t configuration; /* bConfigurationValue it stands in; 0 for the device descriptor */
} SkUsbDescriptor;

/* What is wrong, as an English sentence part without a full stop, and at which byte. */
typedef struct SkUsbFault {
	const char *reason; /* static */
	uint32_t offset;
} SkUsbFault;

/* Returns 0 to go on; a negative errno ends the walk and is returned by it. */
typedef int (*SkUsbVisit)(void *userdata, const SkUsbDescriptor *descriptor);

/*
 * Visits each descriptor in file order after checking it. Return: 0; -EBADMSG with *ret_fault filled (what
 * came before has been visited); what visit returned.
 */
int sk_usb_descriptors_walk(
	const uint8_t *data, size_t size, SkUsbVisit visit, void *userdata, SkUsbFault *ret_fault);

/*
 * Fills the numbers and the interfaces of facts, its state, error_offset and descriptors_digest; leaves head,
 * strings and hash alone. Return: 0, or -EBADMSG: state is SK_USB_FACTS_MALFORMED and *ret_fault (may be
 * NULL) filled.
 */
int sk_usb_descriptors_parse(const uint8_t *data, size_t size, SkUsbFacts *facts, SkUsbFault *ret_fault);
