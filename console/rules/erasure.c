/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/erasure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/alerts.h"
#include "console/rules/key_use.h"
#include "console/rules/ledger.h"
#include "console/rules/sign_key.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"
#include "lib/slip/erasure.h"

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"medium_id", SK_COLUMN_TEXT, R | F, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"method", SK_COLUMN_TEXT, R, NULL},
	{"result", SK_COLUMN_TEXT, R | F, NULL},
	{"began", SK_COLUMN_TIME, R, NULL},
	{"at", SK_COLUMN_TIME, R, NULL},
	{"person_id", SK_COLUMN_TEXT, R, NULL},
	{"witness_id", SK_COLUMN_TEXT, R, NULL},
	{"witnessed", SK_COLUMN_TIME, R, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R, NULL},
	{"grant_id", SK_COLUMN_TEXT, R, NULL},
	{"details", SK_COLUMN_JSON, R, NULL},
	{"certificate", SK_COLUMN_JSON, R, NULL},
};

const SkTable sk_erasures_table = {.name = "erasures", SK_COLUMNS(columns), .facility = "facility_id"};

/* One row of the table. */
typedef struct Entry {
	const char *medium, *facility, *method, *result, *person;
	const char *grant, *certificate; /* NULL: of no terminal */
	int64_t began;			 /* 0: not known */
	const json_t *details;
} Entry;

static int add(const SkActor *actor, const Entry *entry)
{
	own_free char *details = json_dumps(entry->details, JSON_COMPACT);
	char id[SK_ID_SIZE];

	if (!details)
		return -ENOMEM;
	return sk_table_insert(actor->db, &sk_erasures_table, SK_SCOPE_ALL,
		&(SkWrite){SK_SETS({"medium_id", sk_db_text(entry->medium)},
			{"facility_id", sk_db_text(entry->facility)}, {"method", sk_db_text(entry->method)},
			{"result", sk_db_text(entry->result)},
			{"began", entry->began ? sk_db_int(entry->began) : sk_db_null()},
			{"at", sk_db_int(actor->now)}, {"person_id", sk_db_text(entry->person)},
			{"terminal_id", sk_db_text(actor->terminal)}, {"grant_id", sk_db_text(entry->grant)},
			{"details", sk_db_text(details)}, {"certificate", sk_db_text(entry->certificate)})},
		id);
}

/* The last step of its life, and the end of its key. */
static int end_medium(const SkActor *actor, SkVault *vault, const SkMediumStep *step)
{
	bool gone = false;
	int r = sk_ledger_step(actor, step);

	if (r == 0)
		r = sk_alert_settle(actor, "erasure-failed", "medium", step->key.id);
	if (r == 0)
		r = sk_key_cut(
			actor, vault, &(SkKeyCut){step->key.id, sk_medium_action_name(step->action)}, &gone);
	return r;
}

/* What stands in the grant that a terminal did it under, and how the medium is now. */
typedef struct Ground {
	char facility[SK_ID_SIZE], person[SK_ID_SIZE], number[256];
	bool retired, same_device;
} Ground;

static int find_ground(const SkActor *actor, const SkErasure *erasure, Ground *ret_ground)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT g.facility_id, g.person_id, m.state, m.device_hash, m.number FROM grants g JOIN "
		"media m "
		"ON m.id = g.medium_id JOIN terminals t ON t.id = $3 AND (g.terminal_id = t.id OR g.group_id "
		"= "
		"t.group_id) WHERE g.id = $1 AND g.medium_id = $2 AND g.mode = 'erase' AND g.valid_from <= "
		"$4 "
		"AND m.luks_uuid = $5",
		SK_DB_ARGS(sk_db_text(erasure->grant), sk_db_text(erasure->medium),
			sk_db_text(actor->terminal), sk_db_int(actor->now), sk_db_text(erasure->uuid)),
		&rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : SK_ERASURE_WRONG;
	*ret_ground = (Ground){.retired = sk_str_eq(sk_db_get_text(rows, 2), "retired"),
		.same_device =
			!sk_db_is_null(rows, 3) && sk_str_eq(sk_db_get_text(rows, 3), erasure->device_hash)};
	if (sk_db_is_null(rows, 1))
		return SK_ERASURE_WRONG;
	sk_str_copy(ret_ground->facility, sizeof(ret_ground->facility), sk_db_get_text(rows, 0));
	sk_str_copy(ret_ground->person, sizeof(ret_ground->person), sk_db_get_text(rows, 1));
	sk_str_copy(ret_ground->number, sizeof(ret_ground->number), sk_db_get_text(rows, 4));
	return 0;
}

static int open_certificate(const SkActor *actor, const char *certificate, SkErasure *ret_erasure)
{
	uint8_t key[SK_SIGN_PUBLIC_SIZE];
	int r = sk_sign_key_find(actor->db, actor->terminal, key);

	if (r == 0)
		r = sk_erasure_open(certificate, strlen(certificate), key, ret_erasure);
	if (r == -ENOENT || r == -EKEYREJECTED || r == -EBADMSG || r == -EPROTOTYPE || r == -E2BIG)
		return SK_ERASURE_WRONG;
	return r < 0 || sk_str_eq(ret_erasure->terminal, actor->terminal) ? r : SK_ERASURE_WRONG;
}

static int is_known(const SkActor *actor, const SkErasure *erasure)
{
	int64_t known = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM erasures WHERE grant_id = $1 AND terminal_id = $2 AND began = $3",
		SK_DB_ARGS(
			sk_db_text(erasure->grant), sk_db_text(actor->terminal), sk_db_int(erasure->begun)),
		&known);

	return r < 0 ? r : known > 0;
}

/* What people look at without the signed text. */
static json_t *details_of(const SkErasure *erasure, const Ground *ground)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:I}", "user", erasure->user, "device",
		erasure->device, "deviceHash", erasure->device_hash, "preparedOnThisDevice",
		ground->same_device, "reason", erasure->reason, "size", (json_int_t)erasure->size, "written",
		(json_int_t)erasure->written, "compared", (json_int_t)erasure->compared, "ended",
		(json_int_t)erasure->ended);
}

/* Nothing more than a try: it stays retired, and somebody has to destroy it. */
static int take_failure(const SkActor *actor, const SkErasure *erasure, const Ground *ground)
{
	int r = sk_actor_record(actor, &(SkFact){"medium.erase-failed", ground->facility, "medium",
					       erasure->medium, details_of(erasure, ground)});

	return r < 0 ? r
		     : sk_alert_raise(actor, &(SkAlertMatter){.kind = "erasure-failed",
						     .facility = ground->facility,
						     .subject_kind = "medium",
						     .subject = erasure->medium,
						     .about = ground->number,
						     .details = details_of(erasure, ground)});
}

int sk_erasure_take(const SkActor *actor, SkVault *vault, const char *certificate)
{
	json_auto_t *details = NULL;
	SkErasure erasure;
	Ground ground;
	int r = open_certificate(actor, certificate, &erasure);

	if (r == 0)
		r = find_ground(actor, &erasure, &ground);
	if (r == 0)
		r = is_known(actor, &erasure);
	if (r != 0)
		return r == 1 ? 0 : r;
	details = details_of(&erasure, &ground);
	r = details ? add(actor, &(Entry){.medium = erasure.medium,
					 .facility = ground.facility,
					 .method = erasure.method,
					 .result = erasure.result,
					 .person = ground.person,
					 .grant = erasure.grant,
					 .certificate = certificate,
					 .began = erasure.begun,
					 .details = details})
		    : -ENOMEM;
	if (r < 0 || !ground.retired)
		return r;
	if (sk_str_eq(erasure.result, SK_ERASURE_RESULT_FAILED))
		return take_failure(actor, &erasure, &ground);
	return end_medium(actor, vault,
		&(SkMediumStep){.key = {.id = erasure.medium}, .action = SK_MEDIUM_ERASE, .certified = true});
}

static int add_by_hand(const SkActor *actor, const SkRowKey *key, const json_t *fields, const char *result)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, key->id, &row);

	return r < 0 ? r
		     : add(actor, &(Entry){.medium = key->id,
					  .facility = sk_row_text(row, "facility"),
					  .method = sk_row_text(fields, "method"),
					  .result = result,
					  .person = actor->person,
					  .details = fields});
}

int sk_erasure_enter(const SkActor *actor, SkVault *vault, const SkRowKey *key, const json_t *fields)
{
	int r = end_medium(
		actor, vault, &(SkMediumStep){.key = *key, .action = SK_MEDIUM_ERASE, .certified = true});

	return r != 0 ? r : add_by_hand(actor, key, fields, SK_ERASURE_RESULT_VERIFIED);
}

int sk_destruction_enter(const SkActor *actor, const SkRowKey *key, const json_t *fields)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, key->id, &row);

	if (r < 0)
		return r;
	if (key->version != json_integer_value(json_object_get(row, "version")))
		return -ECANCELED;
	if (!sk_str_eq(sk_row_text(row, "state"), "retired"))
		return SK_MEDIUM_NOT_POSSIBLE;
	r = sk_db_exec(actor->db,
		"UPDATE erasures SET result = 'withdrawn' WHERE medium_id = $1 AND result = 'awaiting'",
		SK_DB_ARGS(sk_db_text(key->id)), NULL);
	if (r == 0)
		r = add_by_hand(actor, key, fields, "awaiting");
	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){"medium.destruction-entered",
						      sk_row_text(row, "facility"), "medium", key->id,
						      json_pack("{s:s, s:O}", "number",
							      sk_row_text(row, "number"), "fields", fields)});
}

/* Who said so of the medium. Return: 0, SK_MEDIUM_NOT_POSSIBLE nobody, others. */
static int find_awaiting(
	const SkActor *actor, const char *medium, char ret_id[SK_ID_SIZE], char ret_person[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT id, person_id FROM erasures WHERE medium_id = $1 AND result = 'awaiting'",
		SK_DB_ARGS(sk_db_text(medium)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : SK_MEDIUM_NOT_POSSIBLE;
	sk_str_copy(ret_id, SK_ID_SIZE, sk_db_get_text(rows, 0));
	sk_str_copy(ret_person, SK_ID_SIZE, sk_db_get_text(rows, 1));
	return 0;
}

int sk_destruction_confirm(const SkActor *actor, SkVault *vault, const SkRowKey *key)
{
	json_auto_t *row = NULL;
	char id[SK_ID_SIZE], person[SK_ID_SIZE];
	SkActor both = *actor;
	/* One that the person may not see is not there. */
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, key->id, &row);

	if (r == 0)
		r = find_awaiting(actor, key->id, id, person);
	if (r != 0)
		return r;
	both.second = person;
	r = end_medium(
		&both, vault, &(SkMediumStep){.key = *key, .action = SK_MEDIUM_DESTROY, .certified = true});
	return r != 0 ? r
		      : sk_db_exec(actor->db,
				"UPDATE erasures SET result = 'destroyed', witness_id = $2, witnessed = $3 "
				"WHERE id = $1",
				SK_DB_ARGS(sk_db_text(id), sk_db_text(actor->person), sk_db_int(actor->now)),
				NULL);
}
