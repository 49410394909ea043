/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/preparation.h"

#include <errno.h>

#include "console/keys/escrow.h"
#include "console/rules/grants.h"
#include "console/rules/ledger.h"
#include "console/rules/recovery.h"
#include "console/rules/recovery_key.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define CIPHER "aes-xts-plain64"
#define KEY_BITS_MIN 512

/* The grant for it, and who gave it. Return: 0, -ENOENT, others. */
static int find_grant(const SkActor *actor, const char *medium, char ret_id[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT id FROM grants WHERE medium_id = $1 AND terminal_id = $2 AND mode = 'prepare' AND "
		"state = "
		"'live' AND valid_from <= $3 AND valid_until > $3 ORDER BY id LIMIT 1",
		SK_DB_ARGS(sk_db_text(medium), sk_db_text(actor->terminal), sk_db_int(actor->now)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_str_copy(ret_id, SK_ID_SIZE, sk_db_get_text(rows, 0)) ? 0 : -EUCLEAN;
}

static int check_facts(const SkActor *actor, const json_t *facts)
{
	json_auto_t *recovery = NULL;
	int r = sk_recovery_key_find(actor->db, &recovery);

	if (r < 0)
		return r == -ENOENT ? SK_PREPARATION_WRONG : r;
	if (!sk_str_eq(sk_row_text(facts, "cipher"), CIPHER) ||
		json_integer_value(json_object_get(facts, "keyBits")) < KEY_BITS_MIN ||
		!json_is_true(json_object_get(facts, "tested")) ||
		!sk_str_eq(sk_row_text(json_object_get(facts, "escrow"), "recoveryKey"),
			sk_row_text(recovery, "id")))
		return SK_PREPARATION_WRONG;
	return 0;
}

/* Does the row say all this already? A call that was cut is made again. */
static int is_known(const SkActor *actor, const SkPrepared *prepared)
{
	int64_t known = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM media WHERE id = $1 AND luks_uuid = $2 AND prepared_at = $3 AND "
		"volume_digest = $4",
		SK_DB_ARGS(sk_db_text(prepared->medium), sk_db_text(sk_row_text(prepared->facts, "luksUuid")),
			sk_db_text(actor->terminal),
			sk_db_bytes(prepared->volume_digest, prepared->volume_digest_size)),
		&known);

	return r < 0 ? r : known > 0;
}

/* Return: 0, SK_ALREADY_THERE another medium has this LUKS UUID, negative errno. */
static int check_uuid(const SkActor *actor, const SkPrepared *prepared)
{
	int64_t others = 0;
	int r = sk_db_query_int(actor->db, "SELECT count(*) FROM media WHERE luks_uuid = $1 AND id <> $2",
		SK_DB_ARGS(
			sk_db_text(sk_row_text(prepared->facts, "luksUuid")), sk_db_text(prepared->medium)),
		&others);

	return r < 0 ? r : others > 0 ? SK_ALREADY_THERE : 0;
}

static int write_row(const SkActor *actor, const SkPrepared *prepared, const char *grant)
{
	const json_t *facts = prepared->facts;
	int r = check_uuid(actor, prepared);

	if (r != 0)
		return r;
	return sk_db_exec(actor->db,
		"UPDATE media SET mode = $2, luks_uuid = $3, volume_digest = $4, cipher = $5, key_bits = $6, "
		"pbkdf "
		"= $7, capacity = $8, device_hash = $9, identity = 'luks', prepared = $10, prepared_at = "
		"$11, "
		"prepared_by = (SELECT person_id FROM grants WHERE id = $12), version = version + 1 WHERE id "
		"= $1",
		SK_DB_ARGS(sk_db_text(prepared->medium), sk_db_text(sk_row_text(facts, "mode")),
			sk_db_text(sk_row_text(facts, "luksUuid")),
			sk_db_bytes(prepared->volume_digest, prepared->volume_digest_size),
			sk_db_text(sk_row_text(facts, "cipher")),
			sk_db_int(json_integer_value(json_object_get(facts, "keyBits"))),
			sk_db_text(sk_row_text(facts, "pbkdf")),
			sk_db_int(json_integer_value(json_object_get(facts, "capacity"))),
			sk_db_text(sk_row_text(facts, "deviceHash")), sk_db_int(actor->now),
			sk_db_text(actor->terminal), sk_db_text(grant)),
		NULL);
}

/* ret_recovered: the one before had been given out; may be NULL. Return: as in preparation.h. */
static int store_escrow(const SkActor *actor, SkVault *vault, const SkPrepared *prepared, bool *ret_recovered)
{
	const SkEscrowBox box = {
		.recovery_key = sk_row_text(json_object_get(prepared->facts, "escrow"), "recoveryKey"),
		.box = prepared->escrow,
		.size = prepared->escrow_size};
	char id[SK_ESCROW_ID_SIZE];
	int r = sk_escrow_store(actor->db, vault, prepared->medium, &box, id);

	if (r < 0)
		return r == -EBADMSG || r == -E2BIG ? SK_PREPARATION_WRONG
		       : r == -ENOENT		    ? SK_KEY_DESTROYED
						    : r;
	r = sk_db_exec(actor->db, "UPDATE escrows SET tested = $1 WHERE id = $2",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(id)), NULL);
	if (r == 0)
		r = sk_recovery_replaced(actor, prepared->medium);
	if (r < 0)
		return r;
	if (ret_recovered)
		*ret_recovered = r > 0;
	return 0;
}

/* The row as it is now, and a line of its history. */
static int note(const SkActor *actor, const char *medium, const char *action, json_t **ret_row)
{
	json_auto_t *row = NULL;
	char id[SK_ID_SIZE];
	int r = sk_table_read(actor->db, &sk_media_table, SK_SCOPE_ALL, medium, &row);

	if (r == 0)
		r = sk_table_insert(actor->db, &sk_media_history_table, SK_SCOPE_ALL,
			&(SkWrite){SK_SETS({"medium_id", sk_db_text(medium)},
				{"facility_id", sk_db_text(sk_row_text(row, "facility"))},
				{"action", sk_db_text(action)}, {"at", sk_db_int(actor->now)},
				{"terminal_id", sk_db_text(actor->terminal)})},
			id);
	if (r == 0)
		*ret_row = own_take(row);
	return r;
}

static int record(const SkActor *actor, const SkPrepared *prepared, const char *grant)
{
	json_auto_t *row = NULL;
	int r = note(actor, prepared->medium, "prepare", &row);

	if (r < 0)
		return r;
	return sk_actor_record(actor,
		&(SkFact){"medium.prepared", sk_row_text(row, "facility"), "medium", prepared->medium,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "number", sk_row_text(row, "number"), "grant",
				grant, "mode", sk_row_text(row, "mode"), "cipher", sk_row_text(row, "cipher"),
				"luksUuid", sk_row_text(prepared->facts, "luksUuid"))});
}

int sk_medium_prepared(const SkActor *actor, SkVault *vault, const SkPrepared *prepared)
{
	char grant[SK_ID_SIZE];
	int r = is_known(actor, prepared);

	if (r != 0)
		return r < 0 ? r : 0;
	r = find_grant(actor, prepared->medium, grant);
	if (r < 0)
		return r == -ENOENT ? SK_GRANT_NONE : r;
	r = check_facts(actor, prepared->facts);
	if (r == 0)
		r = write_row(actor, prepared, grant);
	if (r == 0)
		r = store_escrow(actor, vault, prepared, NULL);
	if (r == 0)
		r = sk_grant_end(actor, grant, "ended", "prepared");
	return r != 0 ? r : record(actor, prepared, grant);
}

/* What the ledger says of the medium, and by what this terminal may change its header. */
typedef struct Ground {
	bool ours;		/* it was prepared here, or a grant for it holds here now */
	bool frozen;		/* lost, revoked, or out of use */
	bool same;		/* still the UUID and the volume key of the ledger */
	bool disclosed;		/* its recovery was taken, and the slot not replaced */
	char grant[SK_ID_SIZE]; /* that lets this terminal encrypt it anew; "": none */
} Ground;

/* Return: 0, -ENOENT no such medium that was prepared in the clinic of this terminal, others. */
static int find_ground(const SkActor *actor, const SkPrepared *prepared, Ground *ret_ground)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT CASE WHEN m.prepared_at = t.id THEN 1 ELSE 0 END, CASE WHEN m.state IN ('lost', "
		"'revoked', 'found', 'retired', 'erased', 'destroyed') THEN 1 ELSE 0 END, CASE WHEN "
		"m.luks_uuid = $4 AND m.volume_digest = $5 THEN 1 ELSE 0 END, (SELECT COUNT(*) FROM "
		"escrow_openings o WHERE o.medium_id = m.id AND o.state = 'opened' AND o.replaced IS NULL), "
		"(SELECT COUNT(*) FROM grants g WHERE g.medium_id = m.id AND g.state = 'live' AND "
		"g.valid_from <= $3 AND g.valid_until > $3 AND (g.terminal_id = t.id OR g.group_id = "
		"t.group_id)) FROM media m JOIN terminals t ON t.id = $2 AND t.facility_id = m.facility_id "
		"WHERE m.id = $1 AND m.luks_uuid IS NOT NULL",
		SK_DB_ARGS(sk_db_text(prepared->medium), sk_db_text(actor->terminal), sk_db_int(actor->now),
			sk_db_text(sk_row_text(prepared->facts, "luksUuid")),
			sk_db_bytes(prepared->volume_digest, prepared->volume_digest_size)),
		&rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_ground = (Ground){.ours = sk_db_get_int(rows, 0) > 0 || sk_db_get_int(rows, 4) > 0,
		.frozen = sk_db_get_int(rows, 1) > 0,
		.same = sk_db_get_int(rows, 2) > 0,
		.disclosed = sk_db_get_int(rows, 3) > 0};
	r = find_grant(actor, prepared->medium, ret_ground->grant);
	return r == -ENOENT ? 0 : r;
}

static int check_ground(const SkActor *actor, const SkPrepared *prepared, Ground *ret_ground)
{
	int r = find_ground(actor, prepared, ret_ground);

	if (r < 0)
		return r == -ENOENT ? SK_GRANT_NONE : r;
	if (!ret_ground->ours)
		return SK_GRANT_NONE;
	if (ret_ground->frozen)
		return SK_MEDIUM_FROZEN;
	if (!ret_ground->same && !ret_ground->disclosed && !*ret_ground->grant)
		return SK_PREPARATION_WRONG;
	r = check_facts(actor, prepared->facts);
	return r != 0 ? r : check_uuid(actor, prepared);
}

static int write_header(const SkActor *actor, const SkPrepared *prepared)
{
	const json_t *facts = prepared->facts;

	return sk_db_exec(actor->db,
		"UPDATE media SET luks_uuid = $2, volume_digest = $3, cipher = $4, key_bits = $5, pbkdf = "
		"$6, "
		"version = version + 1 WHERE id = $1",
		SK_DB_ARGS(sk_db_text(prepared->medium), sk_db_text(sk_row_text(facts, "luksUuid")),
			sk_db_bytes(prepared->volume_digest, prepared->volume_digest_size),
			sk_db_text(sk_row_text(facts, "cipher")),
			sk_db_int(json_integer_value(json_object_get(facts, "keyBits"))),
			sk_db_text(sk_row_text(facts, "pbkdf"))),
		NULL);
}

int sk_medium_resealed(const SkActor *actor, SkVault *vault, const SkPrepared *prepared)
{
	json_auto_t *row = NULL;
	bool recovered = false;
	Ground ground;
	int r = sk_escrow_is_known(actor->db, prepared->medium, prepared->escrow, prepared->escrow_size);

	if (r != 0)
		return r < 0 ? r : 0;
	r = check_ground(actor, prepared, &ground);
	if (r == 0)
		r = write_header(actor, prepared);
	if (r == 0)
		r = store_escrow(actor, vault, prepared, &recovered);
	if (r == 0 && !ground.same && *ground.grant)
		r = sk_grant_end(actor, ground.grant, "ended", "re-encrypted");
	if (r == 0)
		r = note(actor, prepared->medium, "reseal", &row);
	if (r != 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"medium.resealed", sk_row_text(row, "facility"), "medium", prepared->medium,
			       json_pack("{s:s, s:b, s:b, s:s}", "number", sk_row_text(row, "number"),
				       "newVolume", !ground.same, "afterRecovery", recovered, "luksUuid",
				       sk_row_text(row, "luksUuid"))});
}
