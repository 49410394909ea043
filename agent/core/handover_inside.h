/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Between handover.c (may it be, and onto the medium), handover_pack.c (the archive) and burning.c (a disc).
 */
#include "agent/core/disk.h"
#include "agent/core/handover.h"
#include "agent/core/slip_make.h"
#include "lib/ipc/proto_pack.h"

struct Handover {
	Core *core;
	char volume[SK_SYSNAME_SIZE], medium[32];
	uint64_t id; /* of the volume */
	uid_t uid;   /* who asked for it; by name in the slip */
	bool disc;   /* onto a disc that is written once */
	char device[DISK_HASH_SIZE];
	HandoverDone done;
	void *userdata;
	SkSlip slip; /* of what is in the archive */
	int archive_fd;
	uint64_t bytes_max;
	SkSlipFile *files; /* in the order in which they came */
	size_t n_files;
	bool asked;		/* the scanner has the last of them */
	sd_event_source *timer; /* until the packer says something */
	SlipTexts texts;
	char name[SK_SLIP_NAME_SIZE]; /* of the archive */
	SkPackDone made;
	int64_t session; /* of slip_store.h; 0: nothing is written yet */
};

/* Gives the packer its order. Return: 0 or negative errno. */
int handover_pack(Handover *handover, int files_fd, int passphrase_fd);

/* The archive is whole. */
void handover_packed(Handover *handover);

/* The three files of the slip that lies beside the archive. Return: 0 or negative errno. */
int handover_sign_medium(const Handover *handover, uint64_t serial, int ret_fds[3]);

/* From now on something of it may be on the medium: on the disk of this PC before it is. Return: 0 or
 * negative errno. */
int handover_begin_session(Handover *handover);

/* It ends; handover is gone then. detail: any bytes. */
void handover_end(Handover *handover, SkReason code, const char *detail);
