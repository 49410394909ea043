/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-posture: looks at this PC and says in what state it is. Each check is one file of checks/; what it
 * finds is one PostureResult. A check reads files beneath a root directory (the tests give another one) and
 * the descriptors that were opened before the jail, and changes nothing.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/ipc/proto_posture.h"
#include "lib/reason/reason.h"

/* Opened by main.c while it still may; -1: it could not be. */
typedef struct PostureFds {
	int shadow; /* /etc/shadow */
	int tables; /* what the kernel answers about nf_tables */
	int chains;
	int rules;
	int chrony; /* chronyd, who was asked already */
} PostureFds;

typedef struct Posture {
	int root_fd;
	const SkPostureOptions *options;
	int64_t now; /* seconds since 1970 */
	PostureFds fds;
	bool bus; /* may ask on the system bus: not about another root */
} Posture;

typedef SkPostureResult PostureResult;

/* What a check may use beyond reading its paths. */
enum {
	POSTURE_BUS = 1 << 0,	       /* the system bus */
	POSTURE_DEFINITIONS = 1 << 1,  /* the directories of the options */
	POSTURE_MODULES_FILE = 1 << 2, /* the file of the options */
};

typedef struct PostureCheck {
	const char *id;		  /* stable: records and the console name it */
	const char *requirement;  /* docs/requirements.md */
	const char *const *paths; /* beneath which it reads, absolute, ended by NULL */
	unsigned uses;		  /* POSTURE_* */
	/* Fills state, code, value and threshold of a result that says "unknown" so far. */
	void (*run)(const Posture *posture, PostureResult *result);
} PostureCheck;

/* All of them, ended by NULL. */
extern const PostureCheck *const posture_checks[];

/* A result before its check has run: what it stays when that comes to no end. */
void posture_result_init(PostureResult *result, const PostureCheck *check);

/* The verdict. code: SK_REASON_NONE with SK_POSTURE_OK and only then. */
void posture_judge(PostureResult *result, uint32_t state, SkReason code);

/* One more thing that was found, or that it is measured against; foreign bytes are escaped. What has no room
 * ends in "...". */
void posture_value(PostureResult *result, const char *format, ...) __attribute__((format(printf, 2, 3)));
void posture_threshold(PostureResult *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whole days between a time and now; 0 for the future. */
int64_t posture_days_since(const Posture *posture, int64_t time);
