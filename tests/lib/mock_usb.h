/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * USB devices in a umockdev testbed: what sysfs shows of them, and reading back what was written there. The
 * files only remember: writing "authorized" configures nothing.
 */
#include <umockdev.h>

#include "lib/ipc/proto_monitor.h"

typedef struct MockUsb {
	const char *sysname, *parent; /* parent: sysfs path, or NULL */
	const char *authorized;	      /* "0" or "1" */
	unsigned busnum, devnum;
	unsigned product; /* 0x1d6b:product */
} MockUsb;

/* Creates it and sends its uevent. Return: its sysfs path, to be freed by g_free(). */
char *mock_usb_add(UMockdevTestbed *testbed, const MockUsb *usb);

/* An interface of it, "NAME:1.number". */
typedef struct MockInterface {
	unsigned number;
	const char *authorized;
	int bound; /* has a driver */
} MockInterface;

char *mock_usb_add_interface(UMockdevTestbed *testbed, const MockUsb *usb, const char *device_path,
	const MockInterface *interface);

/* The digest of the descriptors that mock_usb_add() gave it. */
void mock_usb_digest(const MockUsb *usb, uint8_t ret_digest[32]);

/* Text of a file beneath the testbed's root ("/sys/..."), without its line end; "" when missing. */
const char *mock_read(UMockdevTestbed *testbed, const char *path);

/* Creates a file beneath the testbed's root. */
void mock_write(UMockdevTestbed *testbed, const char *path, const char *text);

/* Creates a symbolic link in a directory beneath the testbed's root. */
void mock_link(UMockdevTestbed *testbed, const char *directory, const char *name, const char *target);
