/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The ledger as a list: an existing one, of paper or Excel, comes in; ours goes out. A list is taken as a
 * whole or not at all, and every row that is wrong is named.
 *
 * A column is known by its heading: our field ("stockDays"), our words in Japanese or English, or what the
 * caller says it means (map). Columns that nobody knows are an error: a ledger does not lose a column
 * silently. Dates are read as 2026-11-22, 2026/11/22, 2026年11月22日, 令和8年11月22日 and R8.11.22.
 */
#include "console/rules/actor.h"

#define SK_IMPORT_ROWS_MAX 20000
#define SK_IMPORT_ERRORS_MAX 100 /* that are told */

typedef struct SkImport {
	const char *facility;
	const char *file_name; /* as the person calls it; for the record */
	const void *data;      /* CSV in UTF-8 or Shift_JIS */
	size_t size;
	const json_t *map; /* {heading: field, or "" to leave the column out}; NULL: none */
} SkImport;

/*
 * ret_report: {"rows": N, "encoding": …} or, with SK_IMPORT_HAS_ERRORS, {"errors": [{row, heading, detail}]};
 * row is the line in the file. Set in both cases. Return: as in actor.h.
 */
int sk_ledger_import(const SkActor *actor, const SkImport *import, json_t **ret_report);

/* Writes all media of the scope, with headings in that language ("ja", "en"). Return: 0 or negative errno. */
int sk_ledger_export(SkDb *db, const SkScope *scope, const char *language, FILE *out);
