/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Every decision and every change of state leaves one record: in the audit chain, then in the journal and as
 * a signal on D-Bus. What is queued in one turn of the loop reaches the disk together, at its end or at
 * records_sync(); only then the journal and D-Bus are told.
 */
#include <jansson.h>
#include <stdbool.h>

#include "lib/audit/audit.h"
#include "lib/reason/reason.h"

typedef struct Core Core;
typedef struct Records Records;

/* Opens the audit log beneath the state directory of the settings. Return: 0 or negative errno. */
int records_open(Core *core);
void records_close(Core *core);

typedef struct Record {
	const char *kind;  /* "device.decided" */
	const char *actor; /* NULL: "sekishod" */
	SkReason code;	   /* or SK_REASON_NONE */
	json_t *body;	   /* taken over; foreign text in it is escaped already; NULL: empty */
} Record;

void record_write(Core *core, const Record *record);

/* The wall clock, ms since 1970: for what is told to the console, never to judge by. */
int64_t record_now_ms(void);

/* Foreign text for a body, made printable by sk_utf8_escape(); cut where it is far longer than any name. */
json_t *record_text(const char *text);

/* Everything queued survives a kill of this process, though not yet a power cut: before an order goes out. */
void records_push(Core *core);

/* Everything queued is on the disk. Return: 0, or the fault that keeps records from being written. */
int records_sync(Core *core);

/* Nothing new may be admitted to storage while this says no. */
bool records_work(const Core *core);

SkAudit *records_audit(const Core *core);
