/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Messages inside the scanner: parent <-> worker, parent <-> walker. The parent checks what comes back as it
 * would a stranger's: both children look at hostile bytes.
 */
#include "lib/ipc/proto.h"
#include "lib/ipc/proto_scanner.h"

enum {
	JOB_SCAN = 0x0f01, /* parent -> worker, 1 fd */
	JOB_LOOKUP,	   /* worker -> parent: is this known? */
	JOB_KNOWN,	   /* parent -> worker: core's SkScanKnown */
	JOB_RESULT,	   /* worker -> parent */
	WALK_START, /* parent -> walker, 2 or 3 fds: root of the volume, socket for what is found, what is
		       known */
	WALK_FILE,  /* walker -> parent on that socket, 1 fd; none when it is only listed */
	WALK_END,
};

typedef struct JobScan {
	SkHead head; /* cookie: number of the job, comes back in all that belongs to it */
	uint32_t refuse_types, scan;
} JobScan;

typedef struct JobLookup {
	SkHead head;
	uint8_t sha256[32];
} JobLookup;

typedef struct JobKnown {
	SkHead head;
	SkScanKnown known;
} JobKnown;

typedef struct JobResult {
	SkHead head;
	uint32_t verdict, type, remembered, reserved;
	SkFileId file;
	uint8_t sha256[32];
	char finding[SK_FINDING_SIZE];
	char mime[64];
} JobResult;

typedef struct WalkStart {
	SkHead head;
	uint32_t list, reserved;
} WalkStart;

typedef struct WalkFile {
	SkHead head;
	SkFileId file;
	char path[SK_PATH_SIZE];
} WalkFile;

typedef struct WalkEnd {
	SkHead head;
	int32_t result;
	uint32_t reserved;
	uint64_t passed_over;
} WalkEnd;
