/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/verify.h"

typedef struct Text {
	const char *name;
	const char *cause;
	const char *advice;
	bool information;
} Text;

#define KEEP "keep a copy of the directory as evidence, compare with the heads the console countersigned"

static const Text texts[] = {
	[SK_AUDIT_START_MISSING] = {"start-missing", "the first records were removed",
		"look for the missing files in a backup; " KEEP},
	[SK_AUDIT_SEGMENT_MISSING] = {"segment-missing", "a file of the log was removed or renamed",
		"look for the file in a backup; " KEEP},
	[SK_AUDIT_SEGMENT_ORDER] = {"segment-order", "files of the log were swapped, renamed or replaced",
		"put the files back under their own names; " KEEP},
	[SK_AUDIT_LINE_BAD] = {"line-bad", "the line was edited or the disk damaged it",
		"check the disk (smartctl, dmesg); " KEEP},
	[SK_AUDIT_RECORDS_MISSING] = {"records-missing", "records were cut out, or lost with the disk",
		"check the disk (smartctl, dmesg); " KEEP},
	[SK_AUDIT_RECORDS_ORDER] = {"records-order", "records were inserted, repeated or moved", KEEP},
	[SK_AUDIT_RECORD_CHANGED] = {"record-changed", "a record was edited after it was written", KEEP},
	[SK_AUDIT_SEAL_BAD] = {"seal-bad",
		"records before the seal were rewritten by somebody without the sealing key", KEEP},
	[SK_AUDIT_SEAL_MISSING] = {"seal-missing", "seals were removed, or records rewritten without them",
		KEEP},
	[SK_AUDIT_TAIL_CUT] = {"tail-cut",
		"the last records were removed, or a disk lost what it had confirmed",
		"check the disk (smartctl, dmesg); " KEEP},
	[SK_AUDIT_HEAD_CHANGED] = {"head-changed", "the record was replaced after it was acknowledged", KEEP},
	[SK_AUDIT_HEAD_MISSING] = {"head-missing", "the file 'head' was removed or damaged",
		"a cut of the last records cannot be excluded; " KEEP},
	[SK_AUDIT_KEY_STATE_BAD] = {"key-state-bad", "the file 'seal-state' was removed, damaged or replaced",
		"a cut back to an earlier seal cannot be excluded; " KEEP},
	[SK_AUDIT_KEY_REPLACED] = {"key-replaced", "the sealing key was lost, and sealing began anew",
		"verify once with each start key; find out who removed 'seal-state'"},
	[SK_AUDIT_LOSS_RECORDED] = {"loss-recorded",
		"when the agent started, records it had acknowledged were missing or damaged",
		"find out what happened to the disk or the directory at that time; " KEEP},
	[SK_AUDIT_KEY_WRONG] = {"key-wrong", "the start key is of another log",
		"look for the start key of this terminal"},
	[SK_AUDIT_TORN_TAIL] = {"torn-tail", "a record is being written, or the power failed",
		"nothing to do: the next start of the agent cuts it off and records that", true},
	[SK_AUDIT_RECOVERED] = {"recovered",
		"the agent was killed or the power failed while a record was written",
		"nothing to do: what was cut had not been acknowledged", true},
	[SK_AUDIT_CLOCK_JUMPED] = {"clock-jumped",
		"the wall clock was set, or corrected by time synchronisation",
		"judge times around it by the monotonic clock", true},
	[SK_AUDIT_SEALS_UNCHECKED] = {"seals-unchecked",
		"without the start key only sequence and hashes are checked, which a forger can compute too",
		"verify with --start-key", true},
};

_Static_assert(sizeof(texts) / sizeof(texts[0]) == SK_AUDIT_FINDING_KIND_MAX, "a text for each kind");

static const Text *text_of(SkAuditFindingKind kind)
{
	static const Text none = {"unknown", "unknown", "report this as a defect"};

	return (unsigned)kind < SK_AUDIT_FINDING_KIND_MAX ? &texts[kind] : &none;
}

const char *sk_audit_finding_name(SkAuditFindingKind kind)
{
	return text_of(kind)->name;
}

const char *sk_audit_finding_cause(SkAuditFindingKind kind)
{
	return text_of(kind)->cause;
}

const char *sk_audit_finding_advice(SkAuditFindingKind kind)
{
	return text_of(kind)->advice;
}

bool sk_audit_finding_is_information(SkAuditFindingKind kind)
{
	return text_of(kind)->information;
}
