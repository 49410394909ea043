/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * State of the one monitor: what is present, who is told. Trust level: root. It reads what the kernel says
 * and carries out orders of fixed size; nothing here parses bytes that a device wrote.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/ipc/chan.h"
#include "lib/ipc/proto_monitor.h"

typedef struct Block Block;
typedef struct Input Input;
typedef struct Probes Probes;
typedef struct Usb Usb;
typedef struct UsbWaiting UsbWaiting;
typedef struct Work Work;

typedef struct Monitor {
	sd_event *event;
	Probes *probes;
	Work *work;

	/* What is present, by sysname (uthash). */
	Usb *usb;
	Block *block;
	Input *input;

	UsbWaiting *usb_waiting; /* to be told as soon as a probe is free */
	unsigned n_preparing;	 /* disks that are being made read-only before they are told */

	SkChan *core; /* NULL: nobody there */
	sd_event_source *core_source;
	uid_t core_uid;
	unsigned connection; /* counts them: an answer never goes to another core than the one that asked */
	bool core_listens;   /* it has asked to be told all: from then on it is told changes too */
	bool enumerating;    /* ENUMERATED is owed */
	uint64_t enumerate_cookie;
} Monitor;

/* Whom to answer, and under which number. */
typedef struct CoreOrder {
	unsigned connection;
	uint64_t cookie;
} CoreOrder;

/* Where in time an event of the kernel was read: CLOCK_MONOTONIC in microseconds. */
uint64_t monitor_now(void);
