/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/renew.h"

#include <stdio.h>
#include <string.h>

#include "console/keys/epoch.h"
#include "console/keys/escrow.h"
#include "console/keys/handover.h"
#include "console/keys/wrap.h"
#include "console/store/time.h"

#define BATCH 2000
#define GROUP 45
#define ID_SIZE 27

typedef struct Start {
	SkVault *vault;
	const char *actor, *reason;
	SkSecret *tree;
	uint64_t epoch;
} Start;

static int count_unfinished(SkDb *db, int64_t *ret_count)
{
	return sk_db_query_int(db,
		"SELECT (SELECT COUNT(*) FROM epochs WHERE destroyed IS NULL) + (SELECT COUNT(*) FROM epochs "
		"r"
		" WHERE r.kind = 'renew' AND r.generation IS NOT NULL AND NOT EXISTS"
		" (SELECT 1 FROM epochs d WHERE d.kind = 'drop' AND d.generation = r.generation))",
		SK_DB_NO_ARGS, ret_count);
}

/* The generation has the number of its epoch: no two renewals ever have the same. */
static int add_epoch(SkDb *db, void *userdata)
{
	Start *start = userdata;
	SkEpochRow row = {.kind = "renew", .actor = start->actor, .reason = start->reason};
	int64_t unfinished;
	int r = count_unfinished(db, &unfinished);

	if (r == 0 && unfinished > 0)
		r = -EBUSY;
	row.generation = (uint32_t)sk_vault_epoch(start->vault) + 1;
	if (r == 0)
		r = sk_epoch_add(db, start->vault, &row, &start->epoch);
	if (r == 0 && start->epoch != row.generation)
		r = -EBUSY;
	return r < 0 ? r : sk_handover_seal(db, start->vault, start->epoch, start->tree);
}

int sk_renew_start(SkDb *db, SkVault *vault, const char *actor, const char *reason)
{
	own_secret SkSecret *tree = NULL;
	Start start = {.vault = vault, .actor = actor, .reason = reason};
	int r = sk_vault_new_tree(&tree);

	if (r < 0)
		return r;
	start.tree = tree;
	/* Who follows the database meanwhile would not find its tree, and give the renewal up. */
	sk_vault_hold(vault);
	r = sk_db_transact(db, add_epoch, &start);
	if (r == 0)
		r = sk_vault_change(vault, &(SkVaultChange){.epoch = start.epoch,
						   .add_generation = (uint32_t)start.epoch,
						   .add_tree = tree});
	sk_vault_release(vault);
	return r < 0 ? r : sk_epoch_apply(db, vault, NULL);
}

typedef struct Row {
	char id[ID_SIZE], medium_id[ID_SIZE];
	SkVaultSlot slot;
	uint8_t wrapped[SK_ESCROW_BOX_MAX + SK_AEAD_OVERHEAD];
	size_t size;
} Row;

typedef struct Batch {
	SkVault *vault;
	uint32_t generation;
	Row *rows;
	size_t count;
	SkSecret *scratch;
} Batch;

static int read_row(const SkDbRows *rows, Row *ret_row)
{
	const void *wrapped = sk_db_get_bytes(rows, 4, &ret_row->size);

	if (!sk_str_copy(ret_row->id, ID_SIZE, sk_db_get_text(rows, 0)) ||
		!sk_str_copy(ret_row->medium_id, ID_SIZE, sk_db_get_text(rows, 1)) ||
		ret_row->size > sizeof(ret_row->wrapped))
		return -EBADMSG;
	ret_row->slot = (SkVaultSlot){(uint32_t)sk_db_get_int(rows, 2), (uint32_t)sk_db_get_int(rows, 3)};
	memcpy(ret_row->wrapped, wrapped, ret_row->size);
	return 0;
}

static int read_batch(SkDb *db, const char *sql, Batch *batch)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, sql, SK_DB_ARGS(sk_db_int(batch->generation), sk_db_int(BATCH)), &rows);

	batch->count = 0;
	while (r >= 0 && (r = sk_db_next(rows)) == 1 && batch->count < BATCH)
		r = read_row(rows, &batch->rows[batch->count++]);
	return r < 0 ? r : 0;
}

static int rewrap(const Batch *batch, const char *kind, Row *row)
{
	char context[SK_WRAP_CONTEXT_SIZE];
	const SkRewrap how = {row->slot, batch->generation,
		sk_wrap_context(context, kind, row->id, row->medium_id), batch->scratch};

	return sk_vault_rewrap(batch->vault, &how, row->wrapped, row->size);
}

/* Several rows in one statement: over a network each statement is a journey. */
static int write_rows(SkDb *db, const char *table, const Batch *batch, size_t first, size_t count)
{
	SkDbValue values[2 + 2 * GROUP] = {sk_db_int(sk_time_now()), sk_db_int(batch->generation)};
	char sql[256 + 12 * GROUP], *p = sql, *end = sql + sizeof(sql);

	p += snprintf(p, (size_t)(end - p),
		"UPDATE %s SET wrapped = v.column2, rewrapped = $1, generation = $2 FROM (VALUES ", table);
	for (size_t i = 0; i < count; i++) {
		const Row *row = &batch->rows[first + i];

		values[2 + 2 * i] = sk_db_text(row->id);
		values[3 + 2 * i] = sk_db_bytes(row->wrapped, row->size);
		p += snprintf(p, (size_t)(end - p), "%s($%zu,$%zu)", i ? "," : "", 3 + 2 * i, 4 + 2 * i);
	}
	snprintf(p, (size_t)(end - p), ") AS v WHERE %s.id = v.column1", table);
	return sk_db_exec(db, sql, values, 2 + 2 * count, NULL);
}

static int rewrap_rows(SkDb *db, Batch *batch, const char *kind, const char *table, const char *select)
{
	int r = read_batch(db, select, batch);

	for (size_t i = 0; i < batch->count && r == 0; i++)
		r = rewrap(batch, kind, &batch->rows[i]);
	for (size_t i = 0; i < batch->count && r == 0; i += GROUP)
		r = write_rows(db, table, batch, i, batch->count - i < GROUP ? batch->count - i : GROUP);
	return r;
}

/* The newest generation has the highest number, so the rest is a range of an index that shrinks. */
static int rewrap_keys(SkDb *db, void *userdata)
{
	return rewrap_rows(db, userdata, "oprf", "medium_keys",
		"SELECT id, medium_id, generation, leaf, wrapped FROM medium_keys WHERE state = 'live' AND "
		"generation < $1"
		" LIMIT $2");
}

static int rewrap_escrows(SkDb *db, void *userdata)
{
	return rewrap_rows(db, userdata, "escrow", "escrows",
		"SELECT e.id, e.medium_id, e.generation, k.leaf, e.wrapped FROM escrows e JOIN medium_keys k"
		" ON k.id = e.key_id WHERE e.wrapped IS NOT NULL AND e.generation < $1 LIMIT $2");
}

static int add_drop(SkDb *db, void *userdata)
{
	const Batch *batch = userdata;
	const SkEpochRow row = {.kind = "drop", .reason = "", .generation = batch->generation};
	uint64_t epoch;
	int64_t left;
	int r = sk_db_query_int(db,
		"SELECT (SELECT COUNT(*) FROM medium_keys WHERE state = 'live' AND generation < $1)"
		" + (SELECT COUNT(*) FROM escrows WHERE wrapped IS NOT NULL AND generation < $1)",
		SK_DB_ARGS(sk_db_int(batch->generation)), &left);

	if (r == 0 && left > 0)
		r = -EAGAIN;
	return r < 0 ? r : sk_epoch_add(db, batch->vault, &row, &epoch);
}

/* The renewal that no drop has ended yet. Return: 1, 0 there is none, -EINPROGRESS, or an error. */
static int find_renewal(SkDb *db, uint32_t *ret_generation)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT r.generation, r.destroyed FROM epochs r WHERE r.kind = 'renew' AND r.generation IS "
		"NOT NULL"
		" AND NOT EXISTS (SELECT 1 FROM epochs d WHERE d.kind = 'drop' AND d.generation = "
		"r.generation)",
		SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	if (sk_db_is_null(rows, 1))
		return -EINPROGRESS;
	*ret_generation = (uint32_t)sk_db_get_int(rows, 0);
	return 1;
}

int sk_renew_run(SkDb *db, SkVault *vault)
{
	Batch batch = {.vault = vault};
	own_secret SkSecret *scratch = NULL;
	own_free Row *rows = NULL;
	int r = find_renewal(db, &batch.generation);

	if (r <= 0)
		return r;
	rows = calloc(BATCH, sizeof(*rows));
	r = rows ? sk_secret_new(SK_ESCROW_BOX_MAX, &scratch) : -ENOMEM;
	if (r < 0)
		return r;
	batch.rows = rows;
	batch.scratch = scratch;
	do
		r = sk_db_transact(db, rewrap_keys, &batch);
	while (r == 0 && batch.count > 0);
	while (r == 0 && (r = sk_db_transact(db, rewrap_escrows, &batch)) == 0 && batch.count > 0)
		;
	if (r == 0)
		r = sk_db_transact(db, add_drop, &batch);
	return r < 0 ? r : sk_epoch_apply(db, vault, NULL);
}
