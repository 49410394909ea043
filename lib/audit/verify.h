/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Verifies an audit log offline, streaming, without trusting a byte of it. With the start key the seals are
 * checked too; without it only sequence and hashes, which a forger can compute as well as we can, and the
 * report says so.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/audit/audit.h"
#include "lib/base/translate.h"

typedef enum SkAuditFindingKind {
	/* Findings: the log is not what was written. */
	SK_AUDIT_START_MISSING,	  /* does not begin with record 1 */
	SK_AUDIT_SEGMENT_MISSING, /* a number of the files is missing */
	SK_AUDIT_SEGMENT_ORDER, /* a file does not begin where the one before it ended: swapped or replaced */
	SK_AUDIT_LINE_BAD,	/* a line that is no record */
	SK_AUDIT_RECORDS_MISSING, /* cut out of the middle */
	SK_AUDIT_RECORDS_ORDER,	  /* inserted, repeated or out of order */
	SK_AUDIT_RECORD_CHANGED,  /* not what the record after it says */
	SK_AUDIT_SEAL_BAD,	  /* the seal is not of this log and key */
	SK_AUDIT_SEAL_MISSING,	  /* a seal is missing, or too long a stretch has none */
	SK_AUDIT_TAIL_CUT,	  /* ends before the last acknowledged record */
	SK_AUDIT_HEAD_CHANGED,	  /* the last acknowledged record is another one */
	SK_AUDIT_HEAD_MISSING,	  /* the file that names the last acknowledged record is missing or damaged */
	SK_AUDIT_KEY_STATE_BAD,	  /* the stored sealing key is missing, damaged or not the one that is due */
	SK_AUDIT_KEY_REPLACED,	  /* the log says that the sealing key was lost */
	SK_AUDIT_LOSS_RECORDED,	  /* the log says that acknowledged records were lost */
	SK_AUDIT_KEY_WRONG,	  /* the start key given is of another log */
	/* Information: worth knowing, and part of a normal life. */
	SK_AUDIT_TORN_TAIL,	  /* a last line being written, or torn by a power cut */
	SK_AUDIT_RECOVERED,	  /* the log says that a torn line was cut off */
	SK_AUDIT_CLOCK_JUMPED,	  /* wall clock and monotonic clock disagree */
	SK_AUDIT_SEALS_UNCHECKED, /* no start key was given */
	SK_AUDIT_FINDING_KIND_MAX,
} SkAuditFindingKind;

/*
 * Text of a kind in English: a stable name for programs, what may have caused it, what to do, and how to keep
 * evidence. One of the last two may be NULL.
 */
const char *sk_audit_finding_name(SkAuditFindingKind kind);
const char *sk_audit_finding_cause(SkAuditFindingKind kind);
const char *sk_audit_finding_advice(SkAuditFindingKind kind);
const char *sk_audit_finding_evidence(SkAuditFindingKind kind);
bool sk_audit_finding_is_information(SkAuditFindingKind kind);

typedef struct SkAuditFinding {
	SkAuditFindingKind kind;
	uint64_t seq;	  /* the record it is about, 0 when unknown */
	const char *file; /* name in the directory; "" when about the whole log */
	uint64_t line;	  /* from 1; 0 when about the whole file */
	const char *detail;
} SkAuditFinding;

typedef void (*SkAuditFound)(void *userdata, const SkAuditFinding *finding);

typedef struct SkAuditVerifyOptions {
	const char *directory;
	const char *start_key_path;	  /* NULL: seals are not checked */
	const SkAuditHead *expected_head; /* NULL, or what somebody else remembers of this log */
	SkTranslate translate;		  /* of the details of findings; NULL: English */
} SkAuditVerifyOptions;

typedef struct SkAuditReport {
	uint64_t segments;
	uint64_t records;
	uint64_t seals;
	uint64_t seals_checked;
	uint64_t sealed_seq; /* the last record under a seal that was checked */
	SkAuditHead head;
	uint64_t findings;
	uint64_t information;
} SkAuditReport;

/*
 * Return: 0 when it could read to the end, whatever it found (ret_report->findings counts); -ENOENT no log
 * there; -EINVAL the start key file is none; others of the system.
 */
int sk_audit_verify(
	const SkAuditVerifyOptions *options, SkAuditFound found, void *userdata, SkAuditReport *ret_report);
