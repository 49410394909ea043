/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The media that are plugged in. A volume is one block device: a whole disk or a partition. volumes.c keeps
 * the list of them, volume_probe.c finds out what is on one, volume_decide.c takes it to a decision,
 * volume_record.c says so, mounting.c goes from the decision to the mount and back, gates.c answers those who
 * open files.
 */
#include <jansson.h>
#include <systemd/sd-event.h>
#include <uthash.h>

#include "agent/core/decide.h"
#include "lib/ipc/chan.h"
#include "lib/gate/gate.h"
#include "lib/gate/table.h"

typedef struct Core Core;
typedef struct PendingScan PendingScan;
typedef struct RefusedFile RefusedFile;
typedef struct CarryOpening CarryOpening;
typedef struct Preparing Preparing;
typedef struct Rekeying Rekeying;
typedef struct Erasing Erasing;
typedef struct Follow Follow;

typedef enum VolumeState {
	VOLUME_NEW, /* something is still to be known, or nothing is to be done */
	VOLUME_PROBING,
	VOLUME_CONTAINER, /* a disk with partitions: they are the volumes */
	VOLUME_WAITING,	  /* for a person to sign in, or for the scanner; `code` says which */
	VOLUME_LOCKED,	  /* a registered medium; `code` says whether it could be opened (carry.h) */
	VOLUME_PREPARING, /* becomes one (preparing.h) */
	VOLUME_REKEYING,  /* gets other keys (rekeying.h) */
	VOLUME_ERASING,	  /* loses all (erasing.h) */
	VOLUME_OPENING,	  /* monitor and media are at work */
	VOLUME_MOUNTED,
	VOLUME_REFUSED,
	VOLUME_LEARNED, /* not enforcing: left to the desktop */
	VOLUME_EJECTED,
} VolumeState;

/* What the console said of a registered medium (sightings.h). */
typedef struct VolumeStanding {
	uint64_t told;	  /* id of the volume that the console was told of */
	SkReason code;	  /* SK_REASON_NONE: nothing that is not known here */
	char detail[256]; /* escaped */
} VolumeStanding;

typedef struct Volume {
	uint64_t id; /* in messages to scanner and media */
	char sysname[SK_SYSNAME_SIZE];
	char disk[SK_SYSNAME_SIZE];
	char usb[SK_SYSNAME_SIZE];
	uint32_t major, minor, partition;
	uint8_t bus;
	bool medium_present, told, present_at_start;
	uint64_t size;

	VolumeState state;
	SkReason code;	  /* of the last decision or fault */
	char detail[256]; /* of a fault; may be empty */
	SkBlockFacts *facts;
	Decision decision;
	SkChan *probe;
	sd_event_source *probe_io, *probe_timer;
	VolumeStanding standing;
	CarryOpening *opening; /* somebody waits for it */
	Preparing *preparing;
	Rekeying *rekeying;
	Erasing *erasing;
	uint32_t step, percent; /* of the work on it (disk.h) */

	/* while mounted */
	char path[512];
	uint32_t uid;
	int root_fd;
	SkGate *gate;
	SkGateTable *table;
	sd_event_source *gate_io, *gate_post, *scan_timer;
	PendingScan *pending; /* files that people wait for */
	RefusedFile *refused; /* what was found, for the record */
	bool walking, walked;
	bool writable;	 /* of a registered medium: opened for writing */
	char medium[32]; /* its id in the ledger; empty: it is none */
	Follow *follow;	 /* of one that is written to (follow.h) */
	uint64_t files, bytes, n_refused, n_unread, n_remembered;

	Core *core;
	UT_hash_handle hh;
} Volume;

/* A block device appeared, or its medium changed. */
void volumes_add(Core *core, const SkBlockAdded *added);
void volumes_remove(Core *core, const char *sysname);
void volumes_begin_enumeration(Core *core);
void volumes_end_enumeration(Core *core);
void volumes_close(Core *core);

Volume *volumes_find(const Core *core, const char *sysname);
Volume *volumes_find_id(const Core *core, uint64_t id);
Volume *volumes_find_path(const Core *core, const char *path); /* of those that are mounted */

/* All go as far as what is known allows: the session, the scanner, the mode or the rules changed. */
void volumes_advance_all(Core *core);
/* What was refused for this reason is looked at again. */
void volumes_cause_gone(Core *core, SkReason code);
void volumes_decide_all(Core *core);
void volumes_session_changed(Core *core);
void volumes_device_decided(Core *core, const char *usb);
