/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/requests.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define S SK_COLUMN_SORT
#define L SK_COLUMN_LONG
#define C SK_COLUMN_CREATE_ONLY

/* The form of METI 2.6.5(1), and what became of it. */
static const SkColumn request_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"facility_id", SK_COLUMN_TEXT, C | F, NULL},
	{"number", SK_COLUMN_TEXT, R | F | S, NULL},
	{"kind", SK_COLUMN_TEXT, C | F, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"requester_id", SK_COLUMN_TEXT, R | F, NULL},
	{"applicant", SK_COLUMN_TEXT, C, NULL},
	{"terminal_id", SK_COLUMN_TEXT, C | F, NULL},
	{"user_name", SK_COLUMN_TEXT, C, NULL},
	{"out_from", SK_COLUMN_TIME, C | F | S, NULL},
	{"due", SK_COLUMN_TIME, C | F | S, NULL},
	{"destination", SK_COLUMN_TEXT, C, NULL},
	{"reason", SK_COLUMN_TEXT, C, NULL},
	{"data_summary", SK_COLUMN_TEXT, C, NULL},
	{"persons", SK_COLUMN_INT, C, NULL},
	{"risk", SK_COLUMN_TEXT, C, NULL},
	{"risk_level", SK_COLUMN_TEXT, C | F, NULL},
	{"on_loss", SK_COLUMN_TEXT, C, NULL},
	{"receiver", SK_COLUMN_TEXT, C, NULL},
	{"lease_until", SK_COLUMN_TIME, C, NULL},
	{"rule", SK_COLUMN_JSON, R | L, NULL},
	{"step", SK_COLUMN_INT, R, NULL},
	{"alone", SK_COLUMN_BOOL, R | F, NULL},
	{"created", SK_COLUMN_TIME, R | S, NULL},
	{"decided", SK_COLUMN_TIME, R, NULL},
	{"went_out", SK_COLUMN_TIME, R, NULL},
	{"returned", SK_COLUMN_TIME, R, NULL},
	{"returned_to", SK_COLUMN_TEXT, R, NULL},
	{"return_note", SK_COLUMN_TEXT, R | L, NULL},
	{"inspected", SK_COLUMN_TIME, R, NULL},
	{"escalations", SK_COLUMN_INT, R, NULL},
	{"next_escalation", SK_COLUMN_TIME, R | F, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_requests_table = {
	.name = "requests", SK_COLUMNS(request_columns), .facility = "facility_id", .version = "version"};

static const SkColumn decision_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"request_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R, NULL},
	{"step", SK_COLUMN_INT, R, NULL},
	{"person_id", SK_COLUMN_TEXT, R | F, NULL},
	{"approved", SK_COLUMN_BOOL, R, NULL},
	{"alone", SK_COLUMN_BOOL, R, NULL},
	{"reason", SK_COLUMN_TEXT, R, NULL},
	{"conditions", SK_COLUMN_TEXT, R, NULL},
	{"at", SK_COLUMN_TIME, R, NULL},
};

const SkTable sk_request_decisions_table = {
	.name = "request_decisions", SK_COLUMNS(decision_columns), .facility = "facility_id"};
