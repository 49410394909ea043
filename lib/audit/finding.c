/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/verify.h"

typedef struct Text {
	const char *name;
	const char *cause;
	const char *advice; /* NULL: the evidence says it all */
	enum { PLAIN, EVIDENCE, INFORMATION } kind;
} Text;

/* What to do beside the advice whenever somebody may have been at the log. */
static const char evidence[] =
	N_("keep a copy of the directory as evidence, compare with the heads the console countersigned");

static const Text texts[] = {
	[SK_AUDIT_START_MISSING] = {"start-missing", N_("the first records were removed"),
		N_("look for the missing files in a backup"), EVIDENCE},
	[SK_AUDIT_SEGMENT_MISSING] = {"segment-missing", N_("a file of the log was removed or renamed"),
		N_("look for the file in a backup"), EVIDENCE},
	[SK_AUDIT_SEGMENT_ORDER] = {"segment-order", N_("files of the log were swapped, renamed or replaced"),
		N_("put the files back under their own names"), EVIDENCE},
	[SK_AUDIT_LINE_BAD] = {"line-bad", N_("the line was edited or the disk damaged it"),
		N_("check the disk (smartctl, dmesg)"), EVIDENCE},
	[SK_AUDIT_RECORDS_MISSING] = {"records-missing", N_("records were cut out, or lost with the disk"),
		N_("check the disk (smartctl, dmesg)"), EVIDENCE},
	[SK_AUDIT_RECORDS_ORDER] = {"records-order", N_("records were inserted, repeated or moved"), NULL,
		EVIDENCE},
	[SK_AUDIT_RECORD_CHANGED] = {"record-changed", N_("a record was edited after it was written"), NULL,
		EVIDENCE},
	[SK_AUDIT_SEAL_BAD] = {"seal-bad",
		N_("records before the seal were rewritten by somebody without the sealing key"), NULL,
		EVIDENCE},
	[SK_AUDIT_SEAL_MISSING] = {"seal-missing",
		N_("seals were removed, or records rewritten without them"), NULL, EVIDENCE},
	[SK_AUDIT_TAIL_CUT] = {"tail-cut",
		N_("the last records were removed, or a disk lost what it had confirmed"),
		N_("check the disk (smartctl, dmesg)"), EVIDENCE},
	[SK_AUDIT_HEAD_CHANGED] = {"head-changed", N_("the record was replaced after it was acknowledged"),
		NULL, EVIDENCE},
	[SK_AUDIT_HEAD_MISSING] = {"head-missing", N_("the file 'head' was removed or damaged"),
		N_("a cut of the last records cannot be excluded"), EVIDENCE},
	[SK_AUDIT_KEY_STATE_BAD] = {"key-state-bad",
		N_("the file 'seal-state' was removed, damaged or replaced"),
		N_("a cut back to an earlier seal cannot be excluded"), EVIDENCE},
	[SK_AUDIT_KEY_REPLACED] = {"key-replaced", N_("the sealing key was lost, and sealing began anew"),
		N_("verify once with each start key; find out who removed 'seal-state'")},
	[SK_AUDIT_LOSS_RECORDED] = {"loss-recorded",
		N_("when the agent started, records it had acknowledged were missing or damaged"),
		N_("find out what happened to the disk or the directory at that time"), EVIDENCE},
	[SK_AUDIT_KEY_WRONG] = {"key-wrong", N_("the start key is of another log"),
		N_("look for the start key of this terminal")},
	[SK_AUDIT_TORN_TAIL] = {"torn-tail", N_("a record is being written, or the power failed"),
		N_("nothing to do: the next start of the agent cuts it off and records that"), INFORMATION},
	[SK_AUDIT_RECOVERED] = {"recovered",
		N_("the agent was killed or the power failed while a record was written"),
		N_("nothing to do: what was cut had not been acknowledged"), INFORMATION},
	[SK_AUDIT_CLOCK_JUMPED] = {"clock-jumped",
		N_("the wall clock was set, or corrected by time synchronisation"),
		N_("judge times around it by the monotonic clock"), INFORMATION},
	[SK_AUDIT_SEALS_UNCHECKED] = {"seals-unchecked",
		N_("without the start key only sequence and hashes are checked, which a forger can compute "
		   "too"),
		N_("verify with --start-key"), INFORMATION},
};

_Static_assert(sizeof(texts) / sizeof(texts[0]) == SK_AUDIT_FINDING_KIND_MAX, "a text for each kind");

static const Text *text_of(SkAuditFindingKind kind)
{
	static const Text none = {"unknown", N_("unknown"), N_("report this as a defect"), PLAIN};

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

const char *sk_audit_finding_evidence(SkAuditFindingKind kind)
{
	return text_of(kind)->kind == EVIDENCE ? evidence : NULL;
}

bool sk_audit_finding_is_information(SkAuditFindingKind kind)
{
	return text_of(kind)->kind == INFORMATION;
}
