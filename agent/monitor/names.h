/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Kernel names of devices: their grammar and their order. Core is not trusted with paths: a name that passes
 * one of these checks has no slash and no component of dots, so it stays in the directory it is joined to.
 * Pure functions.
 */
#include <stdbool.h>
#include <stddef.h>

#include "lib/ipc/proto.h"

/* "usb1", or "1-2.3.1": bus, then ports; numbers without leading zero, at most three digits each. */
bool name_is_usb_device(const char *name);
bool name_is_usb_root_hub(const char *name);

/* "1-2.3:1.0" is an interface of the device "1-2.3" (and "1-0:1.0" of "usb1"). */
bool name_is_usb_interface(const char *name, const char *device);

/* "sda1", "mmcblk0p1", "cciss!c0d0": letters, digits, '-', '_', '!'. */
bool name_is_block(const char *name);

/* "input12" */
bool name_is_input(const char *name);

/* Parents first: by depth, then bus, then ports as numbers. For qsort-like use. */
int name_usb_compare(const char *a, const char *b);

/* Sysname of the hub above; empty for root hubs. */
void name_usb_parent(const char *name, char ret_parent[SK_SYSNAME_SIZE]);

/*
 * The port in which the device is, beneath the directory of the hub above, which is in this configuration:
 * "1-2:1.0/1-2-port3". Return: false for root hubs.
 */
bool name_usb_port(const char *name, unsigned configuration, char ret_port[2 * SK_SYSNAME_SIZE]);

/* The innermost USB device on a sysfs path. Return: false when there is none. */
bool path_find_usb(const char *path, char ret_usb[SK_SYSNAME_SIZE]);

/* Is `component` one of the components of `path`? */
bool path_has_component(const char *path, const char *component);
