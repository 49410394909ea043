/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/verdict.h"

#include <string.h>

#include "lib/base/str.h"

/* Alerts of libclamav that are no infection. Names as in libclamav 1.0 to 1.4; a longer prefix stands first.
 */
static const struct {
	const char *prefix;
	uint32_t types;
	bool limit;
} heuristics[] = {
	{"Heuristics.Limits.Exceeded", 0, true},
	{"Heuristics.Encrypted.PDF", 0, false},
	{"Heuristics.Encrypted.Doc", 0, false},
	{"Heuristics.Encrypted.", SK_TYPE_ENCRYPTED_ARCHIVE, false},
	{"Heuristics.OLE2.ContainsMacros", SK_TYPE_MACRO_DOCUMENT, false},
};

static const struct {
	uint32_t type;
	const char *name;
} type_names[] = {
	{SK_TYPE_PROGRAM, "program"},
	{SK_TYPE_SCRIPT, "script"},
	{SK_TYPE_MACRO_DOCUMENT, "document with macros"},
	{SK_TYPE_ENCRYPTED_ARCHIVE, "encrypted archive"},
};

void report_add_alert(Report *report, const char *name)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(heuristics); i++) {
		if (!sk_str_starts(name, heuristics[i].prefix))
			continue;
		report->types |= heuristics[i].types;
		if (heuristics[i].limit)
			report_set_limit(report, name + strlen(heuristics[i].prefix));
		return;
	}
	if (!report->infected)
		sk_str_copy(report->finding, sizeof(report->finding), name);
	report->infected = true;
}

void report_set_limit(Report *report, const char *which)
{
	if (!report->limit)
		sk_str_copy(report->exceeded, sizeof(report->exceeded), *which == '.' ? which + 1 : which);
	report->limit = true;
}

void report_set_error(Report *report, const char *text)
{
	if (!report->error)
		sk_str_copy(report->unreadable, sizeof(report->unreadable), text);
	report->error = true;
}

static void name_types(uint32_t types, char ret_finding[SK_FINDING_SIZE])
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(type_names); i++)
		if (types & type_names[i].type) {
			sk_str_copy(ret_finding, SK_FINDING_SIZE, type_names[i].name);
			return;
		}
}

uint32_t report_decide(const Report *report, uint32_t refuse_types, char ret_finding[SK_FINDING_SIZE])
{
	ret_finding[0] = 0;
	if (report->infected) {
		sk_str_copy(ret_finding, SK_FINDING_SIZE, report->finding);
		return SK_VERDICT_INFECTED;
	}
	if (report->types & refuse_types) {
		name_types(report->types & refuse_types, ret_finding);
		return SK_VERDICT_TYPE;
	}
	if (report->limit) {
		sk_str_copy(ret_finding, SK_FINDING_SIZE, report->exceeded);
		return SK_VERDICT_LIMIT;
	}
	if (report->error) {
		sk_str_copy(ret_finding, SK_FINDING_SIZE, report->unreadable);
		return SK_VERDICT_ERROR;
	}
	return SK_VERDICT_CLEAN;
}

bool report_from_memory(const SkScanKnown *known, uint32_t refuse_types, Report *ret_report)
{
	Report report = {.types = known->type};

	switch (known->verdict) {
	case SK_VERDICT_CLEAN:
		break;
	case SK_VERDICT_INFECTED:
		report_add_alert(&report, known->finding);
		report.infected = true;
		break;
	case SK_VERDICT_LIMIT:
		report_set_limit(&report, known->finding);
		break;
	case SK_VERDICT_TYPE:
		if (!(known->type & refuse_types))
			return false;
		break;
	default:
		return false;
	}
	*ret_report = report;
	return true;
}
