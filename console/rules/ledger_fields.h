/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The columns of a ledger as people write them: headings, and how the text of a cell is understood.
 */
#include <jansson.h>
#include <stddef.h>

typedef enum SkCellType {
	SK_CELL_TEXT,
	SK_CELL_DAY,	  /* -> RFC 3339, midnight in Japan */
	SK_CELL_NUMBER,	  /* a whole number */
	SK_CELL_CAPACITY, /* "32 GB" -> bytes */
	SK_CELL_KIND,	  /* "USBメモリ" -> "usb-stick" */
	SK_CELL_PERSON,	  /* a login */
	SK_CELL_SHOWN,	  /* goes out, never comes in */
} SkCellType;

typedef struct SkLedgerField {
	const char *field; /* of the API */
	SkCellType type;
	size_t most; /* characters of a text */
	const char *ja, *en;
	const char *others; /* further headings, separated by "|" */
} SkLedgerField;

extern const SkLedgerField sk_ledger_fields[];
extern const size_t sk_ledger_fields_size;

/* By field, Japanese, English or other heading; blanks around it and capitals do not matter. NULL: unknown.
 */
const SkLedgerField *sk_ledger_field_find(const char *heading);

/*
 * A cell that is not empty as JSON; a person's login stays a string. ret_what: what is wrong, English,
 * constant. Return: 0, -EINVAL or -ENOMEM.
 */
int sk_ledger_cell_parse(
	const SkLedgerField *field, const char *cell, json_t **ret_value, const char **ret_what);
