/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The rule language: USBGuard 1.1's, and more (GRAMMAR.md, sekisho-rules(5)). A pure library: no files, no
 * clock, no log, no globals; the same arguments give the same answer.
 *
 *	sk_policy_parse()      text -> SkPolicyFile        once for each file, in the order of their names
 *	sk_policy_compile()    files -> SkPolicySnapshot   never changes; keep the old one while this fails
 *	sk_policy_evaluate()   snapshot, device, context -> SkPolicyVerdict
 */
#include <stdio.h>

#include "lib/base/own.h"
#include "lib/base/translate.h"
#include "policy/facts.h"
#include "policy/verdict.h"

typedef struct SkPolicyFile SkPolicyFile;
typedef struct SkPolicySnapshot SkPolicySnapshot;

typedef enum SkPolicySeverity {
	SK_POLICY_ERROR,
	SK_POLICY_WARNING,
} SkPolicySeverity;

/* Print as `file:line:column: text`. Columns count bytes from 1. The text is printable and complete. */
typedef struct SkPolicyDiagnostic {
	SkPolicySeverity severity;
	const char *file;
	uint32_t line, column; /* 0: about the file as a whole */
	const char *text;
} SkPolicyDiagnostic;

/* Receives what is wrong; the diagnostic is valid during the call only. */
typedef struct SkPolicyReport {
	void (*report)(void *data, const SkPolicyDiagnostic *diagnostic);
	void *data;
	SkTranslate translate; /* NULL: English */
} SkPolicyReport;

/* A file of rules is never larger: 100,000 long rules need less. */
#define SK_POLICY_FILE_SIZE_MAX (256u << 20)

/*
 * Parses all of text (not changed, not needed afterwards). name: shown in messages, its base name without
 * ".rules" begins the ids of rules. Every bad line is reported (at most 50 of them).
 * Return: 0, -EINVAL (reported), -EFBIG, -ENOMEM.
 */
int sk_policy_parse(const char *text, size_t size, const char *name, const SkPolicyReport *report,
	SkPolicyFile **ret_file);

void sk_policy_file_free(SkPolicyFile *file);
OWN_DEFINE(SkPolicyFile, sk_policy_file_free)
#define own_policy_file own_(sk_policy_file_freep)

/*
 * Joins the files, in this order, into one snapshot. On success it takes over the files (files[i] become
 * NULL). Refused and reported: two files of one name, two rules with one `id`. Return: 0, -EINVAL (reported),
 * -ENOMEM.
 */
int sk_policy_compile(
	SkPolicyFile **files, size_t n_files, const SkPolicyReport *report, SkPolicySnapshot **ret_snapshot);

void sk_policy_snapshot_free(SkPolicySnapshot *snapshot);
OWN_DEFINE(SkPolicySnapshot, sk_policy_snapshot_free)
#define own_policy_snapshot own_(sk_policy_snapshot_freep)

/* Number of rules; they are numbered from 0 in the order of evaluation. */
size_t sk_policy_count(const SkPolicySnapshot *snapshot);

/* The first rule that applies. Cannot fail; without such a rule the target is block. */
void sk_policy_evaluate(const SkPolicySnapshot *snapshot, const SkPolicyDevice *device,
	const SkPolicyContext *context, SkPolicyVerdict *ret_verdict);

/* Why, in one line: "rule R12 (10-clinic.rules:12): ..."; always terminated. */
void sk_policy_verdict_reason(const SkPolicyVerdict *verdict, char *buffer, size_t size);
/* The same for people. */
void sk_policy_verdict_tell(const SkPolicyVerdict *verdict, SkTranslate translate, char *buffer, size_t size);

/* Writes one line a rule up to the one that decides: what it asks, and what did not fit. translate may be
 * NULL. */
int sk_policy_explain(const SkPolicySnapshot *snapshot, const SkPolicyDevice *device,
	const SkPolicyContext *context, SkTranslate translate, FILE *out);

/*
 * Reports what is allowed but hardly meant: rules that can never decide, attributes that can never match,
 * rules by which an ordinary keyboard, mouse or hub would be refused.
 */
void sk_policy_lint(
	const SkPolicySnapshot *snapshot, const SkPolicyContext *context, const SkPolicyReport *report);

/*
 * Would this policy cut off all keyboards, or all pointers, among these devices (those that work now)?
 * Reports which rule does. Return: 0, or -EPERM when it would.
 */
int sk_policy_check_input(const SkPolicySnapshot *snapshot, const SkPolicyDevice *const *devices,
	size_t n_devices, const SkPolicyContext *context, const SkPolicyReport *report);

/* A device from a description: a USBGuard device rule, its target left out or not. Owns what it points to. */
typedef struct SkPolicyDescription SkPolicyDescription;

/* Where a description stands, for messages. */
typedef struct SkPolicySource {
	const char *name;
	uint32_t line;
} SkPolicySource;

/* Return: 0, -EINVAL (reported), -ENOMEM. */
int sk_policy_describe(const char *text, size_t size, SkPolicySource source, const SkPolicyReport *report,
	SkPolicyDescription **ret_description);

const SkPolicyDevice *sk_policy_description_device(const SkPolicyDescription *description);

void sk_policy_description_free(SkPolicyDescription *description);
OWN_DEFINE(SkPolicyDescription, sk_policy_description_free)
#define own_policy_description own_(sk_policy_description_freep)

/* One rule that allows exactly this device, in USBGuard's language, without line feed. */
int sk_policy_write_rule(const SkPolicyDevice *device, SkPolicyTarget target, FILE *out);
