/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/terminals.h"

#include <errno.h>
#include <string.h>

#include "console/rules/policy_groups.h"
#include "console/rules/screens.h"
#include "console/rules/tell.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER
#define GROUP_NAME "PCs"
/* Clocks differ a little. */
/* A terminal's clock may be so much behind; of a short life not more than a tenth. */
#define CLOCK_MS INT64_C(300000)

static const SkColumn terminal_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"group_id", SK_COLUMN_TEXT, R | F, NULL},
	{"name", SK_COLUMN_TEXT, SK_COLUMN_SORT, NULL},
	{"host", SK_COLUMN_TEXT, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"key_kind", SK_COLUMN_TEXT, R, NULL},
	{"place", SK_COLUMN_TEXT, 0, NULL},
	{"note", SK_COLUMN_TEXT, 0, NULL},
	{"enrolled", SK_COLUMN_TIME, R, NULL},
	{"retired", SK_COLUMN_TIME, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_terminals_table = {
	.name = "terminals", SK_COLUMNS(terminal_columns), .facility = "facility_id", .version = "version"};

static const SkColumn code_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"group_id", SK_COLUMN_TEXT, R, NULL},
	{"secret_hash", SK_COLUMN_BYTES, R | SK_COLUMN_SECRET, NULL},
	{"name", SK_COLUMN_TEXT, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"expires", SK_COLUMN_TIME, R, NULL},
	{"used", SK_COLUMN_TIME, R, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R, NULL},
	{"revoked", SK_COLUMN_TIME, R, NULL},
	{"revoked_by", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_enrolment_codes_table = {
	.name = "enrolment_codes", SK_COLUMNS(code_columns), .facility = "facility_id", .version = "version"};

/* A row's text by a query; "" and -ENOENT without one. */
static int query_text(SkDb *db, const char *sql, const char *argument, char ret_text[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, sql, SK_DB_ARGS(sk_db_text(argument)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_str_copy(ret_text, SK_ID_SIZE, sk_db_get_text(rows, 0)) ? 0 : -EUCLEAN;
}

static int ensure_group(const SkActor *actor, const char *facility, char ret_group[SK_ID_SIZE])
{
	int r = query_text(actor->db,
		"SELECT id FROM terminal_groups WHERE facility_id = $1 ORDER BY id LIMIT 1", facility,
		ret_group);

	if (r != -ENOENT)
		return r;
	sk_id_new(ret_group);
	return sk_db_exec(actor->db,
		"INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ($1, $2, $3, $4)",
		SK_DB_ARGS(sk_db_text(ret_group), sk_db_text(facility), sk_db_text(GROUP_NAME),
			sk_db_int(actor->now)),
		NULL);
}

int sk_enrolment_create(const SkActor *actor, const SkEnrolmentOrder *order, char ret_id[SK_ID_SIZE])
{
	char group[SK_ID_SIZE] = "";
	int r;

	if (!sk_scope_has_facility(actor->scope, order->facility))
		return SK_NOT_FOUND;
	if (order->expires <= actor->now)
		return SK_REQUEST_INVALID;
	if (order->group)
		r = sk_str_copy(group, sizeof(group), order->group) ? 0 : -EINVAL;
	else
		r = ensure_group(actor, order->facility, group);
	if (r == 0)
		r = sk_table_insert(actor->db, &sk_enrolment_codes_table, actor->scope,
			&(SkWrite){SK_SETS({"facility_id", sk_db_text(order->facility)},
				{"group_id", sk_db_text(group)},
				{"secret_hash", sk_db_bytes(order->secret_hash, sizeof(order->secret_hash))},
				{"name", sk_db_text(order->name)}, {"created", sk_db_int(actor->now)},
				{"created_by", sk_db_text(actor->person)},
				{"expires", sk_db_int(order->expires)})},
			ret_id);
	if (r < 0)
		return r == -ESTALE ? SK_NOT_FOUND : r;
	return sk_actor_record(actor,
		&(SkFact){"enrolment.created", order->facility, "enrolment", ret_id,
			json_pack("{s:s, s:I}", "name", order->name, "expires", (json_int_t)order->expires)});
}

int sk_enrolment_revoke(const SkActor *actor, const SkRowKey *key)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_enrolment_codes_table, actor->scope, key->id, &row);

	if (r < 0)
		return r;
	if (*sk_row_text(row, "used") || *sk_row_text(row, "revoked"))
		return SK_ENROLMENT_OVER;
	r = sk_table_update(actor->db, &sk_enrolment_codes_table, actor->scope, key,
		&(SkWrite){SK_SETS(
			{"revoked", sk_db_int(actor->now)}, {"revoked_by", sk_db_text(actor->person)})});
	if (r < 0)
		return r;
	return sk_actor_record(actor, &(SkFact){"enrolment.revoked", sk_row_text(row, "facility"),
					      "enrolment", key->id, json_object()});
}

/* What a code says, while it is looked at. */
typedef struct Code {
	char id[SK_ID_SIZE], facility[SK_ID_SIZE], group[SK_ID_SIZE], terminal[SK_ID_SIZE];
	char name[256];
	bool used;
} Code;

static int find_code(const SkActor *actor, const uint8_t *secret_hash, Code *code)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT id, facility_id, group_id, terminal_id, name, used, expires, revoked FROM "
		"enrolment_codes "
		"WHERE secret_hash = $1",
		SK_DB_ARGS(sk_db_bytes(secret_hash, SK_TERMINAL_SECRET_HASH_SIZE)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : SK_ENROLMENT_REFUSED;
	*code = (Code){.used = !sk_db_is_null(rows, 5)};
	sk_str_copy(code->id, sizeof(code->id), sk_db_get_text(rows, 0));
	sk_str_copy(code->facility, sizeof(code->facility), sk_db_get_text(rows, 1));
	sk_str_copy(code->group, sizeof(code->group), sk_db_get_text(rows, 2));
	if (code->used)
		sk_str_copy(code->terminal, sizeof(code->terminal), sk_db_get_text(rows, 3));
	sk_str_copy(code->name, sizeof(code->name), sk_db_get_text(rows, 4));
	/* One that was used in time may be asked about again: an enrolment that was cut is finished so. */
	if (!sk_db_is_null(rows, 7) || (!code->used && sk_db_get_int(rows, 6) < actor->now))
		return SK_ENROLMENT_REFUSED;
	return 0;
}

static SkCaPeriod period_of(const SkActor *actor, const SkTerminalIssuer *issuer)
{
	const int64_t early = issuer->life_ms / 10 < CLOCK_MS ? issuer->life_ms / 10 : CLOCK_MS;

	return (SkCaPeriod){actor->now - early, actor->now + issuer->life_ms};
}

static int issue(const SkActor *actor, const SkTerminalIssuer *issuer, const SkCsrKey *key, const Code *code,
	SkCaIssued *issued)
{
	return sk_ca_issue_terminal(issuer->ca, code->terminal, key, period_of(actor, issuer), issued);
}

static int store_certificate(
	const SkActor *actor, const SkTerminalIssuer *issuer, const Code *code, const SkCaIssued *issued)
{
	const SkCaPeriod period = period_of(actor, issuer);

	return sk_db_exec(actor->db,
		"INSERT INTO agent_certificates (serial, terminal_id, facility_id, fingerprint, public_key, "
		"certificate, not_before, not_after, issued) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		SK_DB_ARGS(sk_db_text(issued->serial), sk_db_text(code->terminal), sk_db_text(code->facility),
			sk_db_bytes(issued->fingerprint, sizeof(issued->fingerprint)),
			sk_db_bytes(issued->public_key, issued->public_key_size),
			sk_db_bytes(issued->certificate, strlen(issued->certificate)), sk_db_int(period.from),
			sk_db_int(period.until), sk_db_int(actor->now)),
		NULL);
}

static int add_terminal(const SkActor *actor, Code *code, const json_t *facts)
{
	int r;

	sk_id_new(code->terminal);
	r = sk_db_exec(actor->db,
		"INSERT INTO terminals (id, facility_id, group_id, name, host, machine, enrolled) VALUES "
		"($1, $2, $3, "
		"$4, $5, $6, $7)",
		SK_DB_ARGS(sk_db_text(code->terminal), sk_db_text(code->facility), sk_db_text(code->group),
			sk_db_text(code->name[0] ? code->name : sk_row_text(facts, "name")),
			sk_db_text(sk_row_text(facts, "name")), sk_db_text(sk_row_text(facts, "machine")),
			sk_db_int(actor->now)),
		NULL);
	if (r == 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO terminal_revisions (terminal_id, revision, changed) VALUES ($1, 1, $2)",
			SK_DB_ARGS(sk_db_text(code->terminal), sk_db_int(actor->now)), NULL);
	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE enrolment_codes SET used = $1, terminal_id = $2, version = version + 1 WHERE "
			"id = $3",
			SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(code->terminal), sk_db_text(code->id)),
			NULL);
	return r < 0 ? r : sk_policy_give_terminal(actor, code->terminal);
}

/* The key that the terminal of this code showed the first time. */
static int check_same_key(const SkActor *actor, const Code *code, const SkCaIssued *issued)
{
	int64_t known = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM agent_certificates c JOIN terminals t ON t.id = c.terminal_id WHERE "
		"c.terminal_id "
		"= $1 AND c.public_key = $2 AND c.revoked IS NULL AND t.state = 'enrolled'",
		SK_DB_ARGS(
			sk_db_text(code->terminal), sk_db_bytes(issued->public_key, issued->public_key_size)),
		&known);

	return r < 0 ? r : known > 0 ? 0 : SK_ENROLMENT_REFUSED;
}

static void give(SkTerminalEnrolled *enrolled, const Code *code, SkCaIssued *issued)
{
	free(enrolled->certificate);
	sk_str_copy(enrolled->terminal, sizeof(enrolled->terminal), code->terminal);
	enrolled->certificate = own_take(issued->certificate);
}

int sk_terminal_enrol(const SkActor *actor, const SkTerminalRequest *request, SkTerminalEnrolled *enrolled)
{
	SkCaIssued issued = {.certificate = NULL};
	Code code;
	int r = find_code(actor, request->secret_hash, &code);
	bool again = r == 0 && code.used;

	if (r == 0 && !again)
		r = add_terminal(actor, &code, request->facts);
	if (r == 0)
		r = issue(actor, &request->issuer, request->key, &code, &issued);
	if (r == 0 && again)
		r = check_same_key(actor, &code, &issued);
	if (r == 0)
		r = store_certificate(actor, &request->issuer, &code, &issued);
	if (r == 0)
		r = sk_actor_record(actor,
			&(SkFact){again ? "terminal.enrolled-again" : "terminal.enrolled", code.facility,
				"terminal", code.terminal,
				json_pack("{s:s, s:s, s:s}", "code", code.id, "host",
					sk_row_text(request->facts, "name"), "serial", issued.serial)});
	if (r == 0)
		give(enrolled, &code, &issued);
	free(issued.certificate);
	return r;
}

int sk_terminal_check(SkDb *db, const char *terminal)
{
	int64_t count = 0;
	int r = sk_db_query_int(db, "SELECT count(*) FROM terminals WHERE id = $1 AND state = 'enrolled'",
		SK_DB_ARGS(sk_db_text(terminal)), &count);

	return r < 0 ? r : count > 0 ? 0 : -ENOENT;
}

int sk_terminal_renew(const SkActor *actor, const SkTerminalIssuer *issuer, const SkCsrKey *key,
	SkTerminalEnrolled *enrolled)
{
	SkCaIssued issued = {.certificate = NULL};
	Code code = {.id = ""};
	int r = query_text(actor->db,
		"SELECT facility_id FROM terminals WHERE id = $1 AND state = 'enrolled'", actor->terminal,
		code.facility);

	sk_str_copy(code.terminal, sizeof(code.terminal), actor->terminal);
	if (r == 0)
		r = issue(actor, issuer, key, &code, &issued);
	if (r == 0)
		r = store_certificate(actor, issuer, &code, &issued);
	if (r == 0)
		r = sk_actor_record(
			actor, &(SkFact){"terminal.renewed", code.facility, "terminal", code.terminal,
				       json_pack("{s:s}", "serial", issued.serial)});
	if (r == 0)
		give(enrolled, &code, &issued);
	free(issued.certificate);
	return r;
}

int sk_terminal_news(SkDb *db, const char *terminal, SkTerminalNews *ret_news)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT r.revision, COALESCE((SELECT seq FROM chain_heads WHERE terminal_id = $1), 0), "
		"COALESCE((SELECT serial FROM terminal_policies WHERE terminal_id = $1), 0), "
		"COALESCE((SELECT max(checked) FROM definition_files), 0) FROM terminals t JOIN "
		"terminal_revisions r ON r.terminal_id = t.id WHERE t.id = $1 AND t.state = 'enrolled'",
		SK_DB_ARGS(sk_db_text(terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_news = (SkTerminalNews){.revision = sk_db_get_int(rows, 0),
		.records = sk_db_get_int(rows, 1),
		.policy = sk_db_get_int(rows, 2),
		.definitions = sk_db_get_int(rows, 3)};
	return 0;
}

/* A row for each terminal, written when it is first heard of. */
static int touch(const SkActor *actor)
{
	return sk_db_exec(actor->db,
		"INSERT INTO terminal_status (terminal_id, facility_id, last_contact) SELECT id, "
		"facility_id, $2 FROM "
		"terminals WHERE id = $1 ON CONFLICT (terminal_id) DO UPDATE SET last_contact = "
		"excluded.last_contact",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_int(actor->now)), NULL);
}

/* Where the key is that the terminal signs in with. An older agent does not say. */
static int note_key_kind(const SkActor *actor, const json_t *status)
{
	const char *kind = json_string_value(json_object_get(status, "keyKind"));

	return !kind ? 0
		     : sk_db_exec(actor->db,
			       "UPDATE terminals SET key_kind = $2, version = version + 1 WHERE id = $1 AND "
			       "key_kind <> $2",
			       SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_text(kind)), NULL);
}

int sk_terminal_report(const SkActor *actor, const json_t *status, const SkTerminalContact *contact)
{
	const json_t *definitions = json_object_get(status, "definitionsTime"),
		     *lock = json_object_get(status, "lock");
	own_free char *posture = json_dumps(status, JSON_COMPACT | JSON_SORT_KEYS);
	int r = posture ? touch(actor) : -ENOMEM;

	if (r == 0)
		r = note_key_kind(actor, status);
	if (r < 0)
		return r;
	r = sk_db_exec(actor->db,
		"UPDATE terminal_status SET address = $2, software = $3, mode = $4, definitions_time = $5, "
		"disk_free = "
		"$6, clock_state = $7, posture = $8, posture_changed = $9, clock_offset = $10 WHERE "
		"terminal_id = "
		"$1",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_text(contact->address),
			sk_db_text(sk_row_text(status, "version")), sk_db_text(sk_row_text(status, "mode")),
			json_is_integer(definitions) ? sk_db_int(json_integer_value(definitions) * 1000)
						     : sk_db_null(),
			sk_db_int(json_integer_value(json_object_get(status, "freeBytes"))),
			sk_db_text(sk_row_text(status, "clock")), sk_db_text(posture), sk_db_int(actor->now),
			contact->clock_offset ? sk_db_int(*contact->clock_offset) : sk_db_null()),
		NULL);
	/* An older agent does not say. */
	return r < 0 || !lock ? r : sk_screen_report(actor, lock);
}

int sk_terminal_confirm(const SkActor *actor, int64_t revision)
{
	return sk_db_exec(actor->db,
		"INSERT INTO terminal_status (terminal_id, facility_id, last_contact, revision) SELECT id, "
		"facility_id, $2, $3 FROM terminals WHERE id = $1 ON CONFLICT (terminal_id) DO UPDATE SET "
		"last_contact = excluded.last_contact, revision = excluded.revision",
		SK_DB_ARGS(sk_db_text(actor->terminal), sk_db_int(actor->now), sk_db_int(revision)), NULL);
}

int sk_terminal_retire(const SkActor *actor, const SkRowKey *key, const char *reason)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_terminals_table, actor->scope, key->id, &row);

	if (r < 0)
		return r;
	if (sk_str_eq(sk_row_text(row, "state"), "retired"))
		return SK_TERMINAL_RETIRED;
	r = sk_table_update(actor->db, &sk_terminals_table, actor->scope, key,
		&(SkWrite){SK_SETS({"state", sk_db_text("retired")}, {"retired", sk_db_int(actor->now)})});
	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE agent_certificates SET revoked = $1, revoked_by = $2, reason = $3 WHERE "
			"terminal_id = "
			"$4 AND revoked IS NULL",
			SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(actor->person), sk_db_text(reason),
				sk_db_text(key->id)),
			NULL);
	if (r == 0)
		r = sk_tell(actor, &(SkAudience){.terminal = key->id});
	if (r < 0)
		return r;
	return sk_actor_record(actor, &(SkFact){"terminal.retired", sk_row_text(row, "facility"), "terminal",
					      key->id, json_pack("{s:s}", "reason", reason)});
}
