/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/incidents.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define S SK_COLUMN_SORT
#define L SK_COLUMN_LONG
#define C SK_COLUMN_CREATE_ONLY

static const SkColumn incident_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"facility_id", SK_COLUMN_TEXT, C | F, NULL},
	{"number", SK_COLUMN_TEXT, R | F | S, NULL},
	{"kind", SK_COLUMN_TEXT, C | F, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"title", SK_COLUMN_TEXT, 0, NULL},
	{"description", SK_COLUMN_TEXT, L, NULL},
	{"happened", SK_COLUMN_TIME, 0, NULL},
	{"known", SK_COLUMN_TIME, F | S, NULL},
	{"reported_by", SK_COLUMN_TEXT, R, NULL},
	{"place", SK_COLUMN_TEXT, 0, NULL},
	{"persons", SK_COLUMN_INT, 0, NULL},
	{"items", SK_COLUMN_TEXT, L, NULL},
	{"improper_intent", SK_COLUMN_BOOL, 0, NULL},
	{"duty", SK_COLUMN_TEXT, 0, NULL},
	{"exempt_because", SK_COLUMN_TEXT, 0, NULL},
	{"preliminary_due", SK_COLUMN_TIME, R | F, NULL},
	{"preliminary_sent", SK_COLUMN_TIME, R, NULL},
	{"final_due", SK_COLUMN_TIME, R | F, NULL},
	{"final_sent", SK_COLUMN_TIME, R, NULL},
	{"evidence", SK_COLUMN_JSON, R | L, NULL},
	{"owner_id", SK_COLUMN_TEXT, F, NULL},
	{"closed", SK_COLUMN_TIME, R, NULL},
	{"closed_by", SK_COLUMN_TEXT, R, NULL},
	{"conclusion", SK_COLUMN_TEXT, R | L, NULL},
	{"created", SK_COLUMN_TIME, R | S, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_incidents_table = {
	.name = "incidents", SK_COLUMNS(incident_columns), .facility = "facility_id", .version = "version"};

static const SkColumn step_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"incident_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R, NULL},
	{"position", SK_COLUMN_INT, R | S, NULL},
	{"title", SK_COLUMN_TEXT, R, NULL},
	{"text", SK_COLUMN_TEXT, R, NULL},
	{"owner_id", SK_COLUMN_TEXT, F, NULL},
	{"role", SK_COLUMN_TEXT, R, NULL},
	{"due", SK_COLUMN_TIME, R | F, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"done", SK_COLUMN_TIME, R, NULL},
	{"done_by", SK_COLUMN_TEXT, R, NULL},
	{"note", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_incident_steps_table = {
	.name = "incident_steps", SK_COLUMNS(step_columns), .facility = "facility_id", .version = "version"};

static const SkColumn report_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"incident_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R, NULL},
	{"kind", SK_COLUMN_TEXT, R | F, NULL},
	{"draft", SK_COLUMN_INT, R, NULL},
	{"items", SK_COLUMN_JSON, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"sent", SK_COLUMN_TIME, R, NULL},
	{"sent_by", SK_COLUMN_TEXT, R, NULL},
	{"sent_to", SK_COLUMN_TEXT, R, NULL},
	{"receipt", SK_COLUMN_TEXT, R, NULL},
};

const SkTable sk_incident_reports_table = {
	.name = "incident_reports", SK_COLUMNS(report_columns), .facility = "facility_id"};

static const SkColumn person_columns[] = {
	{"id", SK_COLUMN_TEXT, R | S, NULL},
	{"incident_id", SK_COLUMN_TEXT, C | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R, NULL},
	{"reference", SK_COLUMN_TEXT, C, NULL},
	{"name", SK_COLUMN_TEXT, 0, NULL},
	{"contact", SK_COLUMN_TEXT, 0, NULL},
	{"state", SK_COLUMN_TEXT, F, NULL},
	{"told", SK_COLUMN_TIME, R, NULL},
	{"told_by", SK_COLUMN_TEXT, R, NULL},
	{"method", SK_COLUMN_TEXT, 0, NULL},
	{"note", SK_COLUMN_TEXT, 0, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_incident_persons_table = {.name = "incident_persons",
	SK_COLUMNS(person_columns),
	.facility = "facility_id",
	.version = "version"};
