/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * core <-> sekisho-posture. One connection is one round: core sends SkPostureOptions, gets an SkPostureResult
 * of each check in any order, then SkPostureDone, and the process ends.
 */
#include "lib/ipc/proto.h"

enum {
	SK_POSTURE_OPTIONS = 0x0601, /* core -> posture: SkPostureOptions */
	SK_POSTURE_RESULT = 0x0681,  /* SkPostureResult */
	SK_POSTURE_DONE,	     /* SkPostureDone */
};

#define SK_POSTURE_CHECKS_MAX 32

typedef struct SkPostureOptions {
	SkHead head;
	char definitions[2][512];    /* directories of virus definitions; the second one may be empty */
	char modules_file[512];	     /* the list of kernel modules that may be loaded */
	char allowed_modules[1024];  /* and more of them: names with * and ?, blanks between */
	char forbidden[1024];	     /* programs: names and absolute paths, blanks between */
	uint32_t definitions_warn;   /* days */
	uint32_t definitions_refuse; /* days; 0: never */
	uint32_t scan_days;
	uint32_t updates_warn;	     /* days */
	uint32_t updates_fail;	     /* days */
	uint32_t clock_offset;	     /* milliseconds */
	uint32_t clock_synchronised; /* says the kernel, whom core asks for its records anyway */
	uint32_t refuse_bluetooth, refuse_wireless;
	uint32_t reserved;
} SkPostureOptions;

enum {
	SK_POSTURE_OK = 0,
	SK_POSTURE_WARN,
	SK_POSTURE_FAIL,
	SK_POSTURE_UNKNOWN, /* it could not be found out; the code says why */
	SK_POSTURE_STATE_MAX_,
};

typedef struct SkPostureResult {
	SkHead head;
	uint32_t state;	      /* SK_POSTURE_* */
	uint32_t code;	      /* of lib/reason: what is wrong, and the fix; 0 when nothing is */
	uint32_t drift;	      /* 1: another value is news although the state stays */
	char id[32];	      /* "disk-encryption": a-z and -, never changes its meaning */
	char requirement[16]; /* "EQP-1" */
	char value[512];      /* what was found, escaped */
	char threshold[160];  /* what it was measured against, escaped */
} SkPostureResult;

typedef struct SkPostureDone {
	SkHead head;
	uint32_t count;	   /* of the results */
	uint32_t cpu_msec; /* what the round took of the processor */
} SkPostureDone;
