/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * From what was found in a file to what is said about it. Pure.
 *
 * An infection is named even when the type alone would refuse the file: it is what a security officer must
 * hear. Then comes the type (the policy's own word), then limits, then errors.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc/proto.h"
#include "lib/ipc/proto_scanner.h"

typedef struct Report {
	bool infected, limit, error;
	uint32_t types;			  /* SK_TYPE_* bits */
	char finding[SK_FINDING_SIZE];	  /* name of the infection */
	char exceeded[SK_FINDING_SIZE];	  /* which limit */
	char unreadable[SK_FINDING_SIZE]; /* error text */
} Report;

/* Takes one alert of libclamav: a signature, or a heuristic that is a type or a limit of ours. */
void report_add_alert(Report *report, const char *name);
void report_set_limit(Report *report, const char *which);
void report_set_error(Report *report, const char *text);

/* Return: SK_VERDICT_*; finding is filled for all but clean. */
uint32_t report_decide(const Report *report, uint32_t refuse_types, char ret_finding[SK_FINDING_SIZE]);

/*
 * What core remembers of the same bytes. Return: false when that does not answer today's question (refused by
 * a type that is no longer refused, an error, nothing known): scan it.
 */
bool report_from_memory(const SkScanKnown *known, uint32_t refuse_types, Report *ret_report);
