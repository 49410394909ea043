/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekishod: the decider. Facts come in (peer_monitor.c, devices.c, volumes.c, gates.c), the policy says yes
 * or no (decide.c), orders go out, and everything is recorded (records.c). It runs as user sekisho, touches
 * no device and reads no byte of one.
 *
 * One thread, one sd-event loop. This struct is the whole state; each part has its own header.
 */
#include <jansson.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/core/orders.h"
#include "agent/core/peer.h"
#include "agent/core/session.h"
#include "agent/core/trial.h"
#include "lib/conf/settings.h"
#include "lib/ipc/proto_scanner.h"

typedef struct Device Device;
typedef struct Volume Volume;
typedef struct Input Input;
typedef struct Records Records;
typedef struct History History;
typedef struct Rules Rules;
typedef struct Bus Bus;
typedef struct Console Console;
typedef struct Grants Grants;
typedef struct Leases Leases;
typedef struct Losses Losses;
typedef struct Outbox Outbox;
typedef struct Seal Seal;
typedef struct SlipKey SlipKey;
typedef struct SlipStore SlipStore;
typedef struct Codes Codes;
typedef struct Glass Glass;
typedef struct Handover Handover;
typedef struct PostureState PostureState;
typedef struct SignIn SignIn;

typedef struct Core {
	sd_event *event;
	const char *conf_directory;
	SkSettings *settings;
	Rules *rules;
	Records *records;
	History *history;
	Bus *bus;
	Console *console;
	Grants *grants;
	Leases *leases;
	Losses *losses;
	Outbox *outbox;
	Seal *seal;
	int tpm_fd; /* of its helper (seal_tpm.h), or negative */
	SlipKey *slip_key;
	SlipStore *slip_store;
	Codes *codes;
	Glass *glass;
	PostureState *posture;
	SignIn *sign_in;
	Handover *handover; /* the one that is under way; NULL: none */
	Orders orders;
	Session session;
	Trial trial;

	Device *devices; /* by sysname */
	Input *inputs;	 /* by sysname */
	Volume *volumes; /* by sysname */
	uint64_t last_volume;
	bool enumerated; /* the monitor has told all that was present */

	Peer monitor;
	Peer scanner;
	Peer media;
	Peer uplink;
	Peer posture_peer;
	Peer pack;
	Peer burn;
	Peer lock;
	json_t *lock_days, *lock_days_sent; /* screen_days.h */
	SkScannerState scanner_state;	    /* state and version as last told; detail is escaped */
	bool scanner_told;		    /* scanner_state holds something */
	uint64_t definitions_version;	    /* the last that was ready */
	uint64_t idle_since_usec;	    /* 0: the scanner has work */
} Core;
