/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * USB facts as text, in the notation of USBGuard's rule language, and the check of facts that come from a
 * probe.
 */
#include <stdbool.h>
#include <stddef.h>

#include "lib/ipc/proto_probe.h"
#include "lib/usb/sysfs.h"

#define SK_USB_ID_SIZE 10	/* "1d6b:0002" */
#define SK_USB_INTERFACE_SIZE 9 /* "08:06:50" */

/*
 * A string attribute of sysfs as the kernel gives it, without its line break; the rest of dst is zeroed.
 * Return: 0, -EOVERFLOW when it does not fit, -EILSEQ when it holds a zero byte (the kernel never gives
 * either).
 */
int sk_usb_text_take(char *dst, size_t size, const void *raw, size_t raw_size);

void sk_usb_id_format(char ret_text[SK_USB_ID_SIZE], uint16_t vendor_id, uint16_t product_id);
void sk_usb_interface_format(char ret_text[SK_USB_INTERFACE_SIZE], const SkUsbInterface *interface);

/* A short English name of an interface class, such as "mass storage"; NULL for a code that is not assigned.
 */
const char *sk_usb_class_name(uint8_t base_class);

/*
 * The device as a rule of USBGuard without its target, as `usbguard generate-policy` writes it: id, serial,
 * name, hash, parent-hash, via-port, with-interface, with-connect-type. place may be NULL. Bytes that are not
 * printable ASCII are escaped as the rule language reads them back; the caller frees *ret_text. Return: 0,
 * -EINVAL when the facts are not SK_USB_FACTS_OK, or -ENOMEM.
 */
int sk_usb_rule_format(const SkUsbFacts *facts, const SkUsbPlace *place, char **ret_text);

/* Are all fields within their ranges (state, counts, terminators, form of the hash)? */
bool sk_usb_facts_check(const SkUsbFacts *facts);
