/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * core <-> sekisho-monitor. Core asks, the monitor checks every value against the kernel and acts, or refuses
 * with an errno: -ENODEV gone or another device by now, -ESTALE descriptors are not those of the decision,
 * -EPERM not a device that core may touch (a system disk), -EINVAL not a valid request.
 *
 * The monitor tells what the kernel says; nothing in its messages was written by a device.
 */
#include "lib/ipc/proto.h"

enum {
	/* core -> monitor */
	SK_MONITOR_ENUMERATE =
		0x0201,		/* SkHead only: tell all that is present, parents first, then ENUMERATED */
	SK_MONITOR_USB_APPLY,	/* SkUsbApply -> SkAnswer */
	SK_MONITOR_BLOCK_PROBE, /* SkBlockOrder -> SkAnswer + 1 fd: socket on which SkBlockFacts arrive */
	SK_MONITOR_BLOCK_OPEN, /* SkBlockOrder -> SkAnswer + 1 fd: the block device, O_RDONLY; the block layer
				  refuses writes to it unless writable */
	SK_MONITOR_BLOCK_EJECT, /* SkBlockOrder -> SkAnswer: tray out, or the port of the stick switched off
				 */
	SK_MONITOR_MODE,	/* SkMonitorMode -> SkAnswer: enforcing or not, from now on */
	/* monitor -> core */
	SK_MONITOR_ANSWER = 0x0281, /* SkAnswer */
	SK_MONITOR_USB_ADDED,	    /* SkUsbAdded + 1 fd: socket on which SkUsbFacts arrive */
	SK_MONITOR_USB_REMOVED,	    /* SkUsbRemoved */
	SK_MONITOR_BLOCK_ADDED,	    /* SkBlockAdded */
	SK_MONITOR_BLOCK_CHANGED,   /* SkBlockAdded: medium inserted, removed or resized */
	SK_MONITOR_BLOCK_REMOVED,   /* SkBlockRemoved */
	SK_MONITOR_INPUT_ADDED,	    /* SkInputAdded */
	SK_MONITOR_INPUT_REMOVED,   /* SkInputRemoved */
	SK_MONITOR_ENUMERATED,	    /* SkHead only */
};

/*
 * While not enforcing (learning, warning) the monitor only watches: buses keep authorizing, block devices
 * stay as the system made them, BLOCK_OPEN is refused (-EPERM). Enforcing: /run/sekisho/enforce exists, which
 * the udev rules ask for, buses and interfaces start unauthorized, removable block devices become read-only
 * and root's. Without a word from core the monitor enforces when /run/sekisho/enforce or /etc/sekisho/enforce
 * exists.
 */
typedef struct SkMonitorMode {
	SkHead head;
	uint32_t enforcing;
	uint32_t reserved;
} SkMonitorMode;

typedef struct SkUsbAdded {
	SkHead head;
	char sysname[SK_SYSNAME_SIZE]; /* "1-2.3"; root hubs "usb1" */
	char parent[SK_SYSNAME_SIZE];  /* sysname of the hub above; empty for root hubs */
	uint16_t busnum, devnum;
	uint8_t reserved;
	uint8_t root_hub;
	uint8_t present_at_start; /* answer to ENUMERATE, not a fresh plug */
	uint8_t reserved_too[5];
	uint64_t uevent_usec;  /* CLOCK_MONOTONIC when the uevent was read */
	char connect_type[16]; /* USBGuard's with-connect-type: "hotplug", "hardwired", "not used", "unknown",
				  "" */
} SkUsbAdded;

typedef struct SkUsbRemoved {
	SkHead head;
	char sysname[SK_SYSNAME_SIZE];
	uint16_t busnum, devnum;
	uint32_t reserved;
} SkUsbRemoved;

enum {
	SK_USB_BLOCK = 0, /* authorized = 0 */
	SK_USB_ALLOW,	  /* authorized = 1 and the granted interfaces */
	SK_USB_REJECT,	  /* removed from the system */
	SK_USB_APPLY_MAX_,
};

typedef struct SkUsbApply {
	SkHead head;
	char sysname[SK_SYSNAME_SIZE];
	uint16_t busnum, devnum; /* must still be this device */
	uint8_t action;
	uint8_t all_interfaces; /* else exactly the numbers below */
	uint16_t n_interfaces;
	uint8_t interfaces[256];	/* bInterfaceNumber in the active configuration */
	uint8_t descriptors_digest[32]; /* the monitor compares before AND after the device is configured */
} SkUsbApply;

enum {
	SK_BUS_INTERNAL = 0, /* system disk or fixed internal disk: told for completeness, never touched */
	SK_BUS_USB,
	SK_BUS_SD,
	SK_BUS_OPTICAL,
	SK_BUS_THUNDERBOLT,
	SK_BUS_ESATA,
	SK_BUS_MAX_,
};

typedef struct SkBlockAdded {
	SkHead head;
	char sysname[SK_SYSNAME_SIZE]; /* "sda", "sda1", "sr0", "mmcblk0p1" */
	char disk[SK_SYSNAME_SIZE];    /* whole disk; equal to sysname for a disk */
	char usb[SK_SYSNAME_SIZE];     /* the USB device above, or empty */
	uint32_t major, minor;
	uint32_t partition; /* 0 for the disk */
	uint8_t bus;	    /* SK_BUS_* */
	uint8_t removable;
	uint8_t medium_present; /* size > 0 */
	uint8_t present_at_start;
	uint64_t size; /* bytes */
	uint64_t uevent_usec;
} SkBlockAdded;

typedef struct SkBlockRemoved {
	SkHead head;
	char sysname[SK_SYSNAME_SIZE];
	uint32_t major, minor;
} SkBlockRemoved;

typedef struct SkBlockOrder {
	SkHead head;
	char sysname[SK_SYSNAME_SIZE];
	uint32_t major, minor; /* must still be this device */
	uint32_t writable;     /* BLOCK_OPEN only */
	uint32_t reserved;
} SkBlockOrder;

/* An input device that the kernel has bound, whatever bus it is on (PS/2 keyboards count for the last
 * keyboard). */
typedef struct SkInputAdded {
	SkHead head;
	char sysname[SK_SYSNAME_SIZE]; /* "input12" */
	char usb[SK_SYSNAME_SIZE];     /* the USB device above, or empty */
	uint8_t keyboard;	       /* has the letters of a keyboard */
	uint8_t pointer;	       /* relative or absolute axes with a button */
	uint8_t reserved[6];
} SkInputAdded;

typedef struct SkInputRemoved {
	SkHead head;
	char sysname[SK_SYSNAME_SIZE];
} SkInputRemoved;
