/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/medium_key.h"

#include <string.h>

#include "console/keys/epoch.h"
#include "console/keys/use_limit.h"
#include "console/keys/wrap.h"
#include "console/store/id.h"
#include "console/store/time.h"

/* A key as it is wrapped: scalar and public half (lib/crypt/oprf.c), so that no evaluation computes the
 * latter. */
#define KEY_SIZE (SK_OPRF_SCALAR_SIZE + SK_OPRF_ELEMENT_SIZE)

/*
 * A leaf that no row of any generation has (a renewal keeps the leaves) and that is not cut. With a million
 * media one in four thousand is taken.
 */
static int find_slot(SkDb *db, SkVault *vault, SkVaultSlot *ret_slot)
{
	SkVaultSlot slot;
	int64_t taken;
	int r = sk_epoch_generation(db, &slot.generation);

	if (r < 0)
		return r;
	if (!sk_vault_has_generation(vault, slot.generation))
		return -EKEYREVOKED;
	do {
		slot.leaf = sk_vault_choose_leaf();
		r = sk_db_query_int(db, "SELECT COUNT(*) FROM medium_keys WHERE leaf = $1",
			SK_DB_ARGS(sk_db_int(slot.leaf)), &taken);
	} while (r == 0 && (taken > 0 || sk_vault_is_cut(vault, slot)));
	if (r < 0)
		return r;
	*ret_slot = slot;
	return 0;
}

int sk_medium_key_new(
	SkDb *db, SkVault *vault, const char *medium_id, const char *facility_id, SkMediumKey *ret_key)
{
	own_secret SkSecret *secret = NULL;
	uint8_t wrapped[KEY_SIZE + SK_AEAD_OVERHEAD];
	char context[SK_WRAP_CONTEXT_SIZE];
	SkMediumKey key;
	SkVaultSlot slot;
	int64_t alive;
	int r = sk_db_query_int(db,
		"SELECT COUNT(*) FROM medium_keys WHERE medium_id = $1 AND state = 'live'",
		SK_DB_ARGS(sk_db_text(medium_id)), &alive);

	if (r == 0 && alive > 0)
		r = -EEXIST;
	if (r == 0)
		r = find_slot(db, vault, &slot);
	if (r == 0)
		r = sk_oprf_key_new(&secret, key.public_key);
	if (r < 0)
		return r;
	sk_id_new(key.id);
	r = sk_vault_wrap(vault, slot, sk_wrap_context(context, "oprf", key.id, medium_id), secret, wrapped);
	if (r < 0)
		return r;
	const SkDbValue values[] = {sk_db_text(key.id), sk_db_text(medium_id), sk_db_text(facility_id),
		sk_db_int(slot.generation), sk_db_int(slot.leaf), sk_db_text(SK_OPRF_ALGORITHM),
		sk_db_bytes(wrapped, sizeof(wrapped)), sk_db_bytes(key.public_key, sizeof(key.public_key)),
		sk_db_int(sk_time_now())};

	r = sk_db_exec(db,
		"INSERT INTO medium_keys (id, medium_id, facility_id, generation, leaf, algorithm, wrapped, "
		"public_key,"
		" created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		values, SK_ARRAY_SIZE(values), NULL);
	if (r < 0)
		return r;
	*ret_key = key;
	return 0;
}

/* The newest key of a medium, alive or not. */
typedef struct Row {
	SkMediumKey key;
	bool alive;
	SkVaultSlot slot;
	uint8_t wrapped[KEY_SIZE + SK_AEAD_OVERHEAD];
} Row;

static int read_row(const SkDbRows *rows, Row *ret_row)
{
	size_t public_size, wrapped_size;
	const void *public_key = sk_db_get_bytes(rows, 1, &public_size);
	const void *wrapped = sk_db_get_bytes(rows, 5, &wrapped_size);

	if (!sk_str_copy(ret_row->key.id, sizeof(ret_row->key.id), sk_db_get_text(rows, 0)) ||
		public_size != SK_OPRF_ELEMENT_SIZE)
		return -EBADMSG;
	memcpy(ret_row->key.public_key, public_key, public_size);
	ret_row->alive = sk_str_eq(sk_db_get_text(rows, 2), "live");
	ret_row->slot = (SkVaultSlot){(uint32_t)sk_db_get_int(rows, 3), (uint32_t)sk_db_get_int(rows, 4)};
	if (!ret_row->alive)
		return 0;
	if (wrapped_size != sizeof(ret_row->wrapped))
		return -EBADMSG;
	memcpy(ret_row->wrapped, wrapped, wrapped_size);
	return 0;
}

static int load_row(SkDb *db, const char *medium_id, Row *ret_row)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT id, public_key, state, generation, leaf, wrapped FROM medium_keys WHERE medium_id = "
		"$1"
		" ORDER BY state DESC, created DESC LIMIT 1",
		SK_DB_ARGS(sk_db_text(medium_id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r == 0 ? -ENOENT : r;
	r = read_row(rows, ret_row);
	return r < 0 ? r : ret_row->alive ? 0 : -EKEYREVOKED;
}

int sk_medium_key_find(SkDb *db, const char *medium_id, SkMediumKey *ret_key)
{
	Row row;
	int r = load_row(db, medium_id, &row);

	if (r < 0)
		return r;
	*ret_key = row.key;
	return 0;
}

typedef struct Evaluation {
	const SkKeyLimits *limits;
	SkKeyUse *use;
	Row row;
} Evaluation;

/* Read and counted in one transaction: a key that is destroyed meanwhile is either not read or read before.
 */
static int read_and_count(SkDb *db, void *userdata)
{
	Evaluation *evaluation = userdata;
	int r = load_row(db, evaluation->use->medium_id, &evaluation->row);

	if (r == 0)
		r = sk_use_count(db, evaluation->limits, evaluation->use);
	return r < 0 ? r : sk_use_note(db, evaluation->use, "evaluated");
}

int sk_medium_key_evaluate(
	SkDb *db, SkVault *vault, const SkKeyLimits *limits, SkKeyUse *use, SkOprfAnswer *ret_answer)
{
	Evaluation evaluation = {.limits = limits, .use = use};
	own_secret SkSecret *key = NULL;
	char context[SK_WRAP_CONTEXT_SIZE];
	int r;

	if (!sk_oprf_element_check(use->blinded))
		return -EBADMSG;
	r = sk_db_transact(db, read_and_count, &evaluation);
	if (r < 0)
		return r;
	r = sk_vault_unwrap(vault, evaluation.row.slot,
		sk_wrap_context(context, "oprf", evaluation.row.key.id, use->medium_id),
		(SkWrap){evaluation.row.wrapped, sizeof(evaluation.row.wrapped)}, &key);
	return r < 0 ? r : sk_oprf_evaluate(SK_OPRF_VERIFIABLE, key, use->blinded, ret_answer);
}
