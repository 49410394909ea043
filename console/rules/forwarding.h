/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Records that are sent on to a system that collects them (a SIEM): which receivers there are, how far each
 * source is at each, and the next bytes for one. A source is the chain of a terminal or of an instance of the
 * console; its position is moved only after the receiver has confirmed. What was sent and not noted before a
 * kill is sent again, with the same number and hash.
 */
#include "console/rules/actor.h"

extern const SkTable sk_export_targets_table;

typedef enum SkExportForm {
	SK_EXPORT_JSONL,  /* the lines as they are in the chain */
	SK_EXPORT_CEF,	  /* a line of CEF each */
	SK_EXPORT_SYSLOG, /* frames of RFC 5425 with CEF inside */
} SkExportForm;

/* Return: the form or -EINVAL. */
int sk_export_form_parse(const char *word);

typedef struct SkExportTargetNew {
	const char *facility; /* whose records; NULL: all, which takes scope `all` */
	const char *name, *form;
	const char *address;	  /* HOST:PORT */
	const char *authority;	  /* PEM; "": those of console.conf(5) and the system */
	const char *confirmation; /* "close-notify", "end-of-connection" */
	bool from_start;	  /* everything that is here; else what comes from now on */
} SkExportTargetNew;

/* Return: as in actor.h; SK_NOT_FOUND, SK_REQUEST_INVALID. */
int sk_export_target_create(const SkActor *actor, const SkExportTargetNew *target, char ret_id[SK_ID_SIZE]);
int sk_export_target_pause(const SkActor *actor, const SkRowKey *key, bool paused);
/* Its positions go with it. */
int sk_export_target_remove(const SkActor *actor, const char *id);

/* Is HOST:PORT one? Then where the port begins. */
bool sk_export_address_split(const char *address, char *ret_host, size_t size, const char **ret_port);

/* ---- for whoever sends ---- */

#define SK_EXPORT_BYTES (2u << 20) /* of a batch, beyond which it takes no more records */

typedef struct SkExportTarget {
	char id[SK_ID_SIZE], facility[SK_ID_SIZE]; /* "": all */
	char host[256], port[8];
	char *authority; /* NULL: none of its own */
	SkExportForm form;
	bool takes_any_end; /* confirmation by the end of the connection */
	int64_t failures;
} SkExportTarget;

void sk_export_target_deinit(SkExportTarget *target);
#define own_export_target own_(sk_export_target_deinit)

/* The active target behind this one (NULL: the first) that may be tried now. Return: 0, -ENOENT, others. */
int sk_export_target_next(SkDb *db, const char *after, int64_t now, SkExportTarget *ret_target);

typedef struct SkExportBatch {
	char *bytes;
	size_t size;
	json_t *positions; /* source -> number of the last record in here */
	int64_t records;
} SkExportBatch;

void sk_export_batch_deinit(SkExportBatch *batch);
#define own_export_batch own_(sk_export_batch_deinit)

/* What comes next; records 0: nothing does. Return: 0 or negative errno. */
int sk_export_collect(SkDb *db, const SkExportTarget *target, SkExportBatch *ret_batch);

/* The receiver has it. Return: as in actor.h. */
int sk_export_sent(const SkActor *actor, const SkExportTarget *target, const SkExportBatch *batch);
/* It has not: it is tried again later, and an alert is raised when that lasts. */
int sk_export_failed(const SkActor *actor, const SkExportTarget *target, const char *error);

/* Lines of one chain from a number on, at most so many, in a form. Return: 0 or negative errno. */
typedef struct SkExportChain {
	const char *terminal;
	int64_t from_seq, limit;
	SkExportForm form;
} SkExportChain;

int sk_export_chain(SkDb *db, const SkScope *scope, const SkExportChain *chain, FILE *out);
