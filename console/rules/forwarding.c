/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The receivers: made, paused, removed, and how each fares. */
#include "console/rules/forwarding.h"

#include <errno.h>
#include <string.h>

#include "console/rules/alerts.h"
#include "console/rules/backoff.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define FIRST_MS INT64_C(2000)
#define LONGEST_MS INT64_C(300000)
#define HOUR INT64_C(3600000)

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R, NULL},
	{"name", SK_COLUMN_TEXT, R, NULL},
	{"form", SK_COLUMN_TEXT, R, NULL},
	{"address", SK_COLUMN_TEXT, R, NULL},
	{"confirmation", SK_COLUMN_TEXT, R, NULL},
	{"state", SK_COLUMN_TEXT, R, NULL},
	{"last_sent", SK_COLUMN_TIME, R, NULL},
	{"failures", SK_COLUMN_INT, R, NULL},
	{"failing_since", SK_COLUMN_TIME, R, NULL},
	{"error", SK_COLUMN_TEXT, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_export_targets_table = {
	.name = "export_targets", SK_COLUMNS(columns), .facility = "facility_id", .version = "version"};

int sk_export_form_parse(const char *word)
{
	static const char *const words[] = {"jsonl", "cef", "syslog"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (sk_str_eq(word, words[i]))
			return (int)i;
	return -EINVAL;
}

bool sk_export_address_split(const char *address, char *ret_host, size_t size, const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	uint64_t port;
	size_t length;

	if (!colon || sk_num_parse(colon + 1, 10, 65535, &port) < 0 || port == 0)
		return false;
	/* [::1]:6514 */
	length = (size_t)(colon - address);
	if (length > 2 && address[0] == '[' && colon[-1] == ']') {
		address++;
		length -= 2;
	}
	if (length == 0 || length >= size)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)address[i] <= 0x20 || (unsigned char)address[i] >= 0x7F ||
			address[i] == '/')
			return false;
	memcpy(ret_host, address, length);
	ret_host[length] = 0;
	*ret_port = colon + 1;
	return true;
}

/* What is here already counts as sent. */
static int skip_present(const SkActor *actor, const char *id, const char *facility)
{
	int r = sk_db_exec(actor->db,
		"INSERT INTO export_positions (target_id, source, seq, at) SELECT CAST($1 AS TEXT), "
		"'terminal:' || "
		"h.terminal_id, h.seq, $2 FROM chain_heads h WHERE CAST($3 AS TEXT) IS NULL OR h.facility_id "
		"= $3",
		SK_DB_ARGS(sk_db_text(id), sk_db_int(actor->now), sk_db_text(facility)), NULL);

	if (r < 0 || facility)
		return r;
	return sk_db_exec(actor->db,
		"INSERT INTO export_positions (target_id, source, seq, at) SELECT CAST($1 AS TEXT), "
		"'instance:' || "
		"c.instance_id, MAX(c.seq), $2 FROM console_records c GROUP BY c.instance_id",
		SK_DB_ARGS(sk_db_text(id), sk_db_int(actor->now)), NULL);
}

static int record(
	const SkActor *actor, const char *kind, const char *id, const char *facility, const char *name)
{
	return sk_actor_record(actor, &(SkFact){kind, facility && *facility ? facility : NULL,
					      "export-target", id, json_pack("{s:s}", "name", name)});
}

int sk_export_target_create(const SkActor *actor, const SkExportTargetNew *target, char ret_id[SK_ID_SIZE])
{
	char host[256];
	const char *port;
	int r;

	if (target->facility ? !sk_scope_has_facility(actor->scope, target->facility) : !actor->scope->all)
		return SK_NOT_FOUND;
	if (!sk_export_address_split(target->address, host, sizeof(host), &port) ||
		sk_export_form_parse(target->form) < 0 ||
		(*target->authority && !strstr(target->authority, "-----BEGIN CERTIFICATE-----")))
		return SK_REQUEST_INVALID;
	sk_id_new(ret_id);
	r = sk_db_exec(actor->db,
		"INSERT INTO export_targets (id, facility_id, name, form, address, authority, confirmation, "
		"created, "
		"created_by) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		SK_DB_ARGS(sk_db_text(ret_id), sk_db_text(target->facility), sk_db_text(target->name),
			sk_db_text(target->form), sk_db_text(target->address), sk_db_text(target->authority),
			sk_db_text(target->confirmation), sk_db_int(actor->now), sk_db_text(actor->person)),
		NULL);
	if (r == 0 && !target->from_start)
		r = skip_present(actor, ret_id, target->facility);
	return r < 0 ? r : record(actor, "export-target.created", ret_id, target->facility, target->name);
}

int sk_export_target_pause(const SkActor *actor, const SkRowKey *key, bool paused)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_export_targets_table, actor->scope, key->id, &row);

	if (r == 0)
		r = sk_table_update(actor->db, &sk_export_targets_table, actor->scope, key,
			&(SkWrite){SK_SETS({"state", sk_db_text(paused ? "paused" : "active")})});
	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE export_targets SET failures = 0, failing_since = NULL, next_attempt = 0, "
			"error = '' "
			"WHERE id = $1",
			SK_DB_ARGS(sk_db_text(key->id)), NULL);
	if (r == 0)
		r = sk_alert_settle(actor, "forwarding-fails", "export-target", key->id);
	return r < 0 ? r
		     : record(actor, paused ? "export-target.paused" : "export-target.resumed", key->id,
			       sk_row_text(row, "facility"), sk_row_text(row, "name"));
}

int sk_export_target_remove(const SkActor *actor, const char *id)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_export_targets_table, actor->scope, id, &row);

	if (r == 0)
		r = sk_db_exec(actor->db, "DELETE FROM export_positions WHERE target_id = $1",
			SK_DB_ARGS(sk_db_text(id)), NULL);
	if (r == 0)
		r = sk_table_delete(actor->db, &sk_export_targets_table, actor->scope, &(SkRowKey){.id = id});
	if (r == 0)
		r = sk_alert_settle(actor, "forwarding-fails", "export-target", id);
	return r < 0 ? r
		     : record(actor, "export-target.removed", id, sk_row_text(row, "facility"),
			       sk_row_text(row, "name"));
}

/* ---- how it goes ---- */

static int move_positions(const SkActor *actor, const SkExportTarget *target, const SkExportBatch *batch)
{
	const char *source;
	json_t *seq;

	json_object_foreach (batch->positions, source, seq) {
		int r = sk_db_exec(actor->db,
			"INSERT INTO export_positions (target_id, source, seq, at) VALUES ($1, $2, $3, $4) "
			"ON CONFLICT "
			"(target_id, source) DO UPDATE SET seq = excluded.seq, at = excluded.at",
			SK_DB_ARGS(sk_db_text(target->id), sk_db_text(source),
				sk_db_int(json_integer_value(seq)), sk_db_int(actor->now)),
			NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

int sk_export_sent(const SkActor *actor, const SkExportTarget *target, const SkExportBatch *batch)
{
	int64_t there = 0;
	int r = sk_db_exec(actor->db,
		"UPDATE export_targets SET last_sent = $1, failures = 0, failing_since = NULL, next_attempt "
		"= 0, error "
		"= '' WHERE id = $2",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(target->id)), &there);

	/* Removed meanwhile. */
	if (r < 0 || there == 0)
		return r;
	r = move_positions(actor, target, batch);
	return r < 0 || target->failures == 0
		       ? r
		       : sk_alert_settle(actor, "forwarding-fails", "export-target", target->id);
}

/* For how long it has been failing by now, in ms, and its name. */
static int read_failing(const SkActor *actor, const char *id, int64_t *ret_ms, char *ret_name, size_t size)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db, "SELECT failing_since, name FROM export_targets WHERE id = $1",
		SK_DB_ARGS(sk_db_text(id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	*ret_ms = actor->now - sk_db_get_int(rows, 0);
	sk_str_copy(ret_name, size, sk_db_get_text(rows, 1));
	return 0;
}

int sk_export_failed(const SkActor *actor, const SkExportTarget *target, const char *error)
{
	own_alert_rule SkAlertRule rule = {.limit = 0};
	const char *facility = target->facility[0] ? target->facility : NULL;
	int64_t failing = 0;
	char name[256] = "";
	int r = sk_db_exec(actor->db,
		"UPDATE export_targets SET failures = failures + 1, failing_since = COALESCE(failing_since, "
		"$1), "
		"next_attempt = $2, error = $3 WHERE id = $4",
		SK_DB_ARGS(sk_db_int(actor->now),
			sk_db_int(actor->now + sk_backoff_ms(target->failures + 1, FIRST_MS, LONGEST_MS)),
			sk_db_text(error), sk_db_text(target->id)),
		NULL);

	if (r == 0)
		r = read_failing(actor, target->id, &failing, name, sizeof(name));
	if (r == 0)
		r = sk_alert_rule_load(actor->db, sk_alert_kind("forwarding-fails"), facility, &rule);
	if (r < 0 || !rule.enabled || failing < rule.limit * HOUR)
		return r;
	return sk_alert_raise(actor, &(SkAlertMatter){.kind = "forwarding-fails",
					     .facility = facility,
					     .subject_kind = "export-target",
					     .subject = target->id,
					     .about = name,
					     .details = json_pack("{s:s, s:s, s:I}", "target", name, "error",
						     error, "since", (json_int_t)(actor->now - failing))});
}
