/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The catalogue of codes: every refusal and every event that a person may see has a stable number, a cause
 * and a next step, in Japanese and English. catalogue.def is its only source; the reference page of the
 * manual is made from it. A code never changes its meaning and is never used again.
 */
#include <stddef.h>
#include <stdint.h>

typedef enum SkReason {
	SK_REASON_NONE = 0,
#define REASON(number, name, severity, en_what, en_next, ja_what, ja_next) SK_##name = number,
#include "lib/reason/catalogue.def"
#undef REASON
} SkReason;

typedef enum SkSeverity {
	SK_INFO,
	SK_NOTICE,  /* something was refused as intended */
	SK_WARNING, /* somebody should look */
	SK_ALERT,   /* the security officer must look */
} SkSeverity;

typedef struct SkReasonText {
	SkReason code;
	const char *name; /* "DEVICE_ALLOWED" */
	SkSeverity severity;
	const char *en_what, *en_next; /* next is empty when nothing is to be done */
	const char *ja_what, *ja_next;
} SkReasonText;

/* Return: the entry, or NULL for an unknown code. */
const SkReasonText *sk_reason_find(SkReason code);

/* What somebody else gave as a code: itself when it is one, else the other. */
SkReason sk_reason_or(uint64_t code, SkReason other);

/* All entries in order of code. */
const SkReasonText *sk_reason_all(size_t *ret_count);

/* "SK-1203"; the buffer lives in the caller. */
#define SK_REASON_CODE_SIZE 8
void sk_reason_format_code(char buffer[SK_REASON_CODE_SIZE], SkReason code);
