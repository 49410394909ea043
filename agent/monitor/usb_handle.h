/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What of a USB device's directory in sysfs is held open between its event and its order, so that the order
 * finds it ready. Its descriptors stay those of this device, whatever takes its name: once it is gone, they
 * give errors.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/crypt/digest.h"

#define USB_DEVICES "/sys/bus/usb/devices"

typedef struct UsbHandle {
	int dir;
	int descriptors;	/* -1: it has none */
	int authorized;		/* for reading and writing; -1 until usb_handle_complete() */
	int interfaces_default; /* of its bus; likewise */
	uint16_t busnum, devnum;
	bool complete;
} UsbHandle;

/* Takes dir_fd. Return: NULL without memory. */
UsbHandle *usb_handle_new(int dir_fd);
/* handle may be NULL. Return: NULL. */
UsbHandle *usb_handle_close(UsbHandle *handle);

/* By name, which was checked. Return: 0 or negative errno; -ENODEV is gone. */
int usb_handle_open(const char *sysname, UsbHandle **ret_handle);

/* Opens and reads what an order needs and a probe does not. May be repeated. Return: as above. */
int usb_handle_complete(UsbHandle *handle);

/* Digest of the descriptors as they are now. Return: 0 or negative errno. */
int usb_handle_digest(const UsbHandle *handle, uint8_t ret_digest[SK_SHA256_SIZE]);

/* One of the attributes that are switches. Return: 0 off, 1 on, or negative errno. */
int usb_switch_read(int fd);
/* Return: 0 or negative errno. */
int usb_switch_set(int fd, bool on);
