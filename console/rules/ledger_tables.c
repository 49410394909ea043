/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/ledger.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define S SK_COLUMN_SORT
#define L SK_COLUMN_LONG

/* What stands in the database beside these is the agents' business: digests of headers. */
static const SkColumn media_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"facility_id", SK_COLUMN_TEXT, SK_COLUMN_CREATE_ONLY | F, NULL},
	{"number", SK_COLUMN_TEXT, F | S, NULL},
	{"label", SK_COLUMN_TEXT, F | S, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"state_since", SK_COLUMN_TIME, R | F | S, NULL},
	{"mode", SK_COLUMN_TEXT, R | F, NULL},
	{"kind", SK_COLUMN_TEXT, F, NULL},
	{"maker", SK_COLUMN_TEXT, 0, NULL},
	{"model", SK_COLUMN_TEXT, 0, NULL},
	{"serial", SK_COLUMN_TEXT, F, NULL},
	{"capacity", SK_COLUMN_INT, 0, NULL},
	{"luks_uuid", SK_COLUMN_TEXT, R | F, NULL},
	{"cipher", SK_COLUMN_TEXT, R, NULL},
	{"key_bits", SK_COLUMN_INT, R, NULL},
	{"pbkdf", SK_COLUMN_TEXT, R, NULL},
	{"identity", SK_COLUMN_TEXT, R, NULL},
	{"classification", SK_COLUMN_TEXT, F, NULL},
	{"data_kind", SK_COLUMN_TEXT, L, NULL},
	{"data_format", SK_COLUMN_TEXT, L, NULL},
	{"copies", SK_COLUMN_TEXT, L, NULL},
	{"value", SK_COLUMN_TEXT, L, NULL},
	{"business", SK_COLUMN_TEXT, L, NULL},
	{"owner", SK_COLUMN_TEXT, L, NULL},
	{"rights", SK_COLUMN_TEXT, L, NULL},
	{"data_created", SK_COLUMN_TIME, L, NULL},
	{"keep_until", SK_COLUMN_TIME, L | F, NULL},
	{"planned_disposal", SK_COLUMN_TEXT, L, NULL},
	{"custodian_id", SK_COLUMN_TEXT, F, NULL},
	{"place", SK_COLUMN_TEXT, F, NULL},
	{"holder_id", SK_COLUMN_TEXT, R | F, NULL},
	{"request_id", SK_COLUMN_TEXT, R | F, NULL},
	{"due", SK_COLUMN_TIME, R | F, NULL},
	{"last_seen", SK_COLUMN_TIME, R | F, NULL},
	{"last_seen_by", SK_COLUMN_TEXT, R, NULL},
	{"stock_days", SK_COLUMN_INT, 0, NULL},
	{"overdue_from", SK_COLUMN_TIME, R | F, NULL},
	{"prepared", SK_COLUMN_TIME, R, NULL},
	{"note", SK_COLUMN_TEXT, L, NULL},
	{"created", SK_COLUMN_TIME, R | S, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_media_table = {
	.name = "media", SK_COLUMNS(media_columns), .facility = "facility_id", .version = "version"};

static const SkColumn history_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"medium_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"action", SK_COLUMN_TEXT, R | F, NULL},
	{"from_state", SK_COLUMN_TEXT, R, NULL},
	{"to_state", SK_COLUMN_TEXT, R, NULL},
	{"at", SK_COLUMN_TIME, R | F, NULL},
	{"person_id", SK_COLUMN_TEXT, R | F, NULL},
	{"second_person_id", SK_COLUMN_TEXT, R, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R, NULL},
	{"request_id", SK_COLUMN_TEXT, R, NULL},
	{"reason", SK_COLUMN_TEXT, R, NULL},
	{"changes", SK_COLUMN_JSON, R, NULL},
};

const SkTable sk_media_history_table = {
	.name = "media_history", SK_COLUMNS(history_columns), .facility = "facility_id"};
